"""The report: an `Evaluation` as one HTML page without any other file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources

import jinja2
from markupsafe import Markup

from recsys.evaluation.baselines import BASELINES
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
from recsys.evaluation.result.verdict import verdict

_DASHES = ("4 3", "1.5 3", "", "", "", "", "", "", "", "")
_MARKS = "Stars: significantly better than, ↓: significantly worse than"


def page(result: Results) -> str:
    """The page: verdict, tables, charts, checks, and everything needed to run it again."""
    return (
        _environment()
        .get_template("page.html")
        .render(
            result=result,
            title=f"Evaluation of {_count(len(set(result.models) - set(BASELINES)), 'model')}",
            css=_css(),
            verdict=_unbroken(verdict(result)),
            facts=_facts(result),
            marks=_MARKS,
            ranking=label_of(result.ranking),
            accuracy=group_table(result, "accuracy"),
            further=group_table(result, "further accuracy", "sampled"),
            ratings=group_table(result, "predicted ratings"),
            beyond=group_table(result, "beyond accuracy", "catalogue"),
            pictures=pictures.sections(result),
            segments=segment_table(result),
            pairs=pair_table(result),
            runs=run_table(result),
            every_run=frame_table(result),
            resamples=RESAMPLES,
            permutations=PERMUTATIONS,
            specs="\n".join(f"{name}: {json.dumps(spec)}" for name, spec in result.specs.items()),
            chosen=_chosen(result),
        )
    )


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("recsys.evaluation.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["sentence"] = lambda text: text[:1].upper() + text[1:]
    environment.filters["pairs"] = _pairs
    return environment


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


def _facts(result: Results) -> str:
    data, test = result.about["training ratings"], result.about
    counts = _count(len(result.splits), "split")
    if result.seeds:
        counts += f", {_count(len(result.seeds), 'seed')}"
    return (
        f"{data['users']:,} users and {data['items']:,} items; {data['ratings']:,} ratings to train"
        f" on, {test['test ratings']:,} ratings of {test['test users']:,} users to test (first of "
        f"{counts}). Every item a user had not rated competes for the {result.k} places."
    )


def _chosen(result: Results) -> str:
    # What a grid chose, fold by fold.
    lines = []
    for row in result.runs.itertuples():
        model = str(row.model)
        if "grid" in result.specs[model] and row.spec:
            lines.append(f"{model}, split {int(str(row.fold)) + 1}: {json.dumps(row.spec)}")
    return "\n".join(lines)


def _pairs(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _count(n: int, what: str) -> str:
    return f"{n} {what}" + ("" if n == 1 else "s")
