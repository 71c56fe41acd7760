"""An `Evaluation` in a notebook."""

from __future__ import annotations

from recsys import notebook
from recsys.evaluation.report.markdown import mean_cell
from recsys.evaluation.result.results import Results
from recsys.evaluation.result.verdict import headline, verdict


def shown(result: Results) -> str:
    """Headline, verdict, and means with intervals: a column per model, the best first."""
    summary, models = result.summary, result.ranked
    metrics = list(dict.fromkeys(summary["metric"]))
    there = set(zip(summary["model"], summary["metric"], strict=True))
    columns = {
        model: [mean_cell(result, model, one) if (model, one) in there else "" for one in metrics]
        for model in models
    }
    notes = [
        verdict(result),
        "Means over users with 95 % intervals; stars: p < 0.05, 0.01, 0.001 against the baseline.",
    ]
    table = notebook.table({"": metrics} | columns, right=models)
    return notebook.block(headline(result), table, notes=notes)
