"""An `Evaluation` in Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping

from recsys.evaluation.metrics import metrics_from
from recsys.evaluation.metrics.inputs import Exposure
from recsys.evaluation.result.results import Results
from recsys.evaluation.result.verdict import verdict
from recsys.evaluation.result.wording import stars


def markdown(result: Results) -> str:
    """Verdict, table, findings, and what was run."""
    metrics = list(dict.fromkeys(result.summary["metric"]))
    lines = [verdict(result), "", "| metric | " + " | ".join(result.models) + " |"]
    lines.append("|---" * (len(result.models) + 1) + "|")
    there = set(zip(result.summary["model"], result.summary["metric"], strict=True))
    for metric in metrics:
        cells = [result.of(m, metric) if (m, metric) in there else None for m in result.models]
        row = [_cell(cell) for cell in cells]
        lines.append(f"| {metric} | " + " | ".join(row) + " |")
    for name in (metric.column(result.k) for metric in metrics_from(Exposure)):
        means = result.runs.groupby("model")[name].mean()
        row = [f"{means[model]:.4f}" for model in result.models]
        lines.append(f"| {name} | " + " | ".join(row) + " |")
    lines += ["", "Means over users with 95 % bootstrap intervals; rmse and mae over all test"]
    lines += ["ratings. `*` p < 0.05, `**` p < 0.01, `***` p < 0.001 against popularity (rmse and"]
    lines += ["mae: biases), paired permutation test, Holm's correction over all pairs of models."]
    lines += ["", *(f"- {finding}" for finding in result.findings)]
    lines += ["", *(f"- split: {how}" for how in result.splits)]
    lines += [f"- feedback: {result.feedback}; data {result.fingerprint[:16]}"]
    if result.read:
        lines += ["", "What was read:", ""]
        lines += [f"- {name}: {_escaped(text)}" for name, text in result.read]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    # A file's names and values are not Markdown.
    return re.sub(r"([\\`*_<>|\[\]])", r"\\\1", text)


def _cell(row: Mapping[str, float] | None) -> str:
    if row is None:
        return ""
    return f"{row['mean']:.4f} [{row['low']:.4f}, {row['high']:.4f}]{stars(row['p'])}"
