"""The report: an `Evaluation` as one HTML page that needs nothing but itself."""

from __future__ import annotations

import html
import json
from importlib import resources
from typing import TYPE_CHECKING, Any

from recsys.evaluation.checks import BASELINES
from recsys.evaluation.report import pictures
from recsys.evaluation.report.tables import details, metric_table, pair_table, run_table

if TYPE_CHECKING:
    from recsys.evaluation.result import Evaluation

_DASHES = ("4 3", "1.5 3", "", "", "", "", "", "", "", "")
_ACCURACY = ("ndcg", "recall", "map", "mrr", "hit_rate", "precision")
_ALSO_ACCURACY = ("graded_ndcg", "capped_recall", "sampled_ndcg", "sampled_hit_rate")
_BEYOND = ("novelty", "popularity", "diversity", "serendipity", "calibration")
_CATALOGUE = ("coverage", "gini", "head_share")
_MARKS = "Stars: significantly better than, ↓: significantly worse than"


def page(result: Evaluation) -> str:
    """The page: verdict, tables, pictures, checks, and what is needed to run it again."""
    k = result.k
    body = [
        _heading(result),
        metric_table(
            result,
            "Accuracy",
            f"Means over users, lists of {k}, with 95 % bootstrap intervals. Shaded: the best, and "
            f"what cannot be told from it. {_MARKS} popularity (paired permutation test, Holm's "
            "correction; * p < 0.05, ** p < 0.01, *** p < 0.001).",
            [*(f"{name}@{k}" for name in _ACCURACY), "auc"],
        ),
        details(
            "Further accuracy metrics",
            metric_table(result, "", "", [f"{name}@{k}" for name in _ALSO_ACCURACY]),
        ),
        metric_table(
            result,
            "Predicted ratings",
            f"Over all test ratings, of models whose scores are ratings; lower is better. {_MARKS} "
            "biases.",
            ["rmse", "mae"],
        ),
        pictures.accuracy(result),
        metric_table(
            result,
            "Beyond accuracy",
            "What the lists are like. None of these is better high or low by itself, but for "
            "serendipity (high) and miscalibration (low).",
            [f"{name}@{k}" for name in _BEYOND],
            [f"{name}@{k}" for name in _CATALOGUE],
        ),
        pictures.variety(result),
        pictures.segments(result),
        pictures.rating_errors(result),
        pictures.training(result),
        pair_table(result),
        run_table(result),
        _findings(result),
        _reproduction(result),
    ]
    css = resources.files("recsys.evaluation.report").joinpath("report.css").read_text("utf-8")
    css += "".join(
        f".line.s{i},.whisker.s{i}{{stroke:var(--s{i});stroke-dasharray:{dash or 'none'}}}"
        f".whisker.s{i}{{stroke-dasharray:none}}.fill.s{i}{{fill:var(--s{i})}}\n"
        for i, dash in enumerate(_DASHES)
    )
    title = f"Evaluation of {_count(len(set(result.models) - set(BASELINES)), 'model')}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>\n{css}</style></head>\n"
        f"<body><main>\n{''.join(part for part in body if part)}</main></body></html>\n"
    )


def _heading(result: Evaluation) -> str:
    data = result.about["training ratings"]
    counts = _count(len(result.splits), "split")
    if result.seeds:
        counts += f", {_count(len(result.seeds), 'seed')}"
    users, test = data["users"], result.about
    facts = (
        f"{users:,} users and {data['items']:,} items; {data['ratings']:,} ratings to train on, "
        f"{test['test ratings']:,} ratings of {test['test users']:,} users to test (first of "
        f"{counts}). Every item a user had not rated competes for the {result.k} places."
    )
    notes = "".join(f'<p class="facts">{html.escape(note)}.</p>' for note in result.about["notes"])
    # What belongs together is not parted at the end of a line.
    verdict = html.escape(result.verdict)
    verdict = verdict.replace("p &lt; ", "p&nbsp;&lt;&nbsp;").replace("p = ", "p&nbsp;=&nbsp;")
    serious = [finding for finding in result.findings if finding.level != "note"]
    return (
        f"<h1>Offline evaluation, {html.escape(result.about['made'][:10])}</h1>\n"
        f'<p class="verdict" id="verdict">{verdict}</p>\n'
        f'<p class="facts">{facts}</p>{notes}\n' + "".join(_finding(f) for f in serious)
    )


def _findings(result: Evaluation) -> str:
    found = "".join(_finding(finding) for finding in result.findings)
    return f'<h2 id="checks">Checks</h2>{found or "<p>Nothing was found.</p>"}\n'


def _finding(finding: Any) -> str:
    return (
        f'<p class="finding {finding.level}"><b>{finding.code} {finding.level}</b>'
        f'{html.escape(finding.text)}. <span class="soft">{html.escape(_capital(finding.remedy))}.'
        "</span></p>"
    )


def _reproduction(result: Evaluation) -> str:
    about = result.about
    seeds = ", ".join(map(str, result.seeds)) or "each model's own"
    pairs = {
        "data fingerprint": result.fingerprint,
        "splits": "<br>".join(html.escape(how) for how in result.splits),
        "feedback": result.feedback,
        "seeds": seeds,
        "list length k": str(result.k),
        "statistics": "2,000 bootstrap resamples and 10,000 permutations of users, seed 0",
        "versions": ", ".join(f"{name} {v}" for name, v in about["versions"].items()),
        "machine": ", ".join(f"{name} {v}" for name, v in about["machine"].items()),
        "commit": about["commit"] or "not run from a checkout",
        "made": about["made"],
    }
    listed = "".join(
        f"<dt>{name}</dt><dd>{text if name == 'splits' else html.escape(text)}</dd>"
        for name, text in pairs.items()
    )
    specs = "\n".join(f"{name}: {json.dumps(spec)}" for name, spec in result.specs.items())
    chosen = _chosen(result)
    return (
        f'<h2>To run it again</h2><dl>{listed}</dl><h3>Models</h3><pre id="specs">'
        f"{html.escape(specs)}</pre>{chosen}"
    )


def _chosen(result: Evaluation) -> str:
    # What a grid chose, fold by fold.
    lines = []
    for row in result.runs.itertuples():
        model = str(row.model)
        if "grid" in result.specs[model] and row.spec:
            lines.append(f"{model}, split {int(str(row.fold)) + 1}: {json.dumps(row.spec)}")
    if not lines:
        return ""
    return f"<h3>Chosen from the grids</h3><pre>{html.escape(chr(10).join(lines))}</pre>"


def _count(n: int, what: str) -> str:
    return f"{n} {what}" + ("" if n == 1 else "s")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
