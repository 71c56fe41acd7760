"""The report: an `Evaluation` as one HTML page without any other file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from recsys.evaluation.metrics import label_of
from recsys.evaluation.report import pictures
from recsys.evaluation.report.tables import (
    frame_table,
    group_table,
    pair_table,
    run_table,
    segment_table,
)
from recsys.evaluation.result.results import Results
from recsys.evaluation.result.statistics import PERMUTATIONS, RESAMPLES
from recsys.evaluation.result.verdict import headline, verdict
from recsys.evaluation.result.wording import plural
from recsys.findings import Finding
from recsys.visible import visible

_DASHES = ("4 3", "1.5 3", "", "", "", "", "", "", "", "")
_MARKS = "Asterisks: significantly better than, ↓: significantly worse than"


def page(result: Results) -> str:
    """The page: headline, verdict, charts, tables, checks, and how to run it again."""
    lifted = [finding for finding in result.findings if _lifted(finding)]
    return render(
        "page.html",
        result=result,
        data=_data(result),
        command=result.about.get("command", ""),
        headline=headline(result),
        verdict=_unbroken(verdict(result)),
        facts=_facts(result),
        lifted=lifted,
        others=[finding for finding in result.findings if finding not in lifted],
        marks=_MARKS,
        ranking=label_of(result.ranking),
        values=plural(result.noun),
        words=result.words,
        accuracy=group_table(result, "accuracy"),
        further=group_table(result, "further accuracy", "sampled"),
        errors=group_table(result, "predicted ratings"),
        beyond=group_table(result, "beyond accuracy", "catalogue"),
        pictures=pictures.sections(result),
        segments=segment_table(result),
        pairs=pair_table(result),
        runs=run_table(result),
        every_run=frame_table(result),
        resamples=RESAMPLES,
        permutations=PERMUTATIONS,
        specs={name: json.dumps(result.specs[name]) for name in _in_order(result)},
        chosen=_chosen(result),
    )


def render(template: str, **values: Any) -> str:
    """The page that a template of this package makes of some values."""
    return _environment().get_template(template).render(css=_css(), **values)


def _lifted(finding: Finding) -> bool:
    # What is said before any number: R007 because it is about all of them.
    return finding.level != "note" or finding.code == "R007"


def _data(result: Results) -> str:
    # A short name: the last two parts of the path, such as ml-100k/u.data.
    source = "" if result.account is None else str(result.account["source"])
    parts = [part for part in re.split(r"[/\\]", source.partition("?")[0]) if part]
    return "/".join(parts[-2:])


def _in_order(result: Results) -> list[str]:
    # As in the tables; those that failed come last.
    return [*result.ranked, *(name for name in result.specs if name not in result.ranked)]


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("recsys.evaluation.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
    )
    environment.filters["sentence"] = lambda text: text[:1].upper() + text[1:]
    environment.filters["pairs"] = _pairs
    environment.filters["breakable"] = _breakable
    return environment


def _visible(value: Any) -> Any:
    # Names from others may turn the direction of what follows them, or hold what HTML forbids.
    return visible(value) if type(value) is str else value


def _breakable(text: str) -> Markup:
    # As HTML, which a browser may break after an underscore as after a blank, but not after "n_".
    return Markup("<wbr>").join(re.split(r"(?<=[^_]{3}_)", visible(text)))  # escapes each part


def _css() -> Markup:
    templates = resources.files("recsys.evaluation.report").joinpath("templates")
    css = templates.joinpath("report.css").read_text("utf-8")
    css += "".join(
        f".line.s{i},.whisker.s{i}{{stroke:var(--s{i});stroke-dasharray:{dash or 'none'}}}"
        f".whisker.s{i}{{stroke-dasharray:none}}.fill.s{i}{{fill:var(--s{i})}}\n"
        for i, dash in enumerate(_DASHES)
    )
    return Markup(css)  # our own file and numbers


def _unbroken(text: str) -> str:
    # A p-value is not split at the end of a line.
    return text.replace("p < ", "p\u00a0<\u00a0").replace("p = ", "p\u00a0=\u00a0")


def _facts(result: Results) -> list[tuple[str, str]]:
    # What was measured on, beside the first picture.
    about, data = result.about, result.about["training ratings"]
    several, how = _count(len(result.splits), "split"), result.splits[0]
    if len(result.splits) > 1:
        how += f"; and {len(result.splits) - 1} more like it"
    if result.seeds:
        several += f", {_count(len(result.seeds), 'seed')}"
    rows, words = result.words.many, result.words
    tested = f"{about['test ratings']:,} {rows} of {about['test users']:,} users"
    if several != "1 split":
        tested += f" (first of {several})"
    held_out = about.get("ranked items")  # not in reports of 0.1
    who = words.said("every item a user had not rated competes")
    if held_out is not None:
        who = f"the {held_out:,} items that were held out compete"
    facts = [
        ("size", f"{data['users']:,} users, {data['items']:,} items"),
        ("training", f"{data['ratings']:,} {rows}"),
        ("test", tested),
        ("split", words.said(how)),
        ("ranked", f"{who} for the {result.k} places"),
    ]
    if result.account is not None:
        facts.insert(0, ("data", f"{result.account['source']} ({result.account['layout']})"))
    return facts + [("note", note) for note in about["notes"]]


def _chosen(result: Results) -> list[tuple[str, str]]:
    # What a grid or a search chose, fold by fold.
    return [
        (f"{model}, split {fold + 1}", json.dumps(spec))
        for model, fold, spec in result.runs[["model", "fold", "spec"]].itertuples(
            index=False, name=None
        )
        if spec and ("grid" in result.specs[model] or _searched(result.specs[model], spec))
    ]


def _searched(asked: Mapping[str, Any], spec: Mapping[str, Any]) -> bool:
    # A search has another name than the models it chooses.
    return bool(asked.get("model") != spec.get("model") and "model" in asked)


def _pairs(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _count(n: int, what: str) -> str:
    return f"{n} {what}" + ("" if n == 1 else "s")
