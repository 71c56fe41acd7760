"""An `Evaluation` in a notebook."""

from __future__ import annotations

from recsys import notebook
from recsys.evaluation.report.markdown import mean_cell
from recsys.evaluation.result.results import Results
from recsys.evaluation.result.verdict import headline, verdict


def shown(result: Results) -> str:
    """Headline, verdict, and means with intervals: a row per model, the best first."""
    summary, metrics = result.summary, list(dict.fromkeys(result.summary["metric"]))
    there = set(zip(summary["model"], summary["metric"], strict=True))
    columns: dict[str, list[str]] = {"model": result.ranked}
    for metric in metrics:
        cells = [
            mean_cell(result, one, metric) if (one, metric) in there else ""
            for one in result.ranked
        ]
        columns[metric] = cells
    notes = [
        verdict(result),
        "Means over users with 95 % intervals; stars: p < 0.05, 0.01, 0.001 against the baseline.",
    ]
    table = notebook.table(columns, right=metrics)
    return notebook.block(headline(result), table, notes=notes)
