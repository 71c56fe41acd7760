"""An `Evaluation` in Markdown."""

from __future__ import annotations

import re

from recsys.evaluation.metrics import metrics_from
from recsys.evaluation.metrics.inputs import Exposure
from recsys.evaluation.result.results import Results
from recsys.evaluation.result.verdict import headline, verdict
from recsys.evaluation.result.wording import WITHOUT_INTERVAL, fixed, stars


def markdown(result: Results) -> str:
    """Headline, verdict, table, findings, and what was run."""
    metrics, models = list(dict.fromkeys(result.summary["metric"])), result.ranked
    lines = [f"# {headline(result)}", "", verdict(result), ""]
    lines.append("| metric | " + " | ".join(models) + " |")
    lines.append("|---" * (len(models) + 1) + "|")
    there = set(zip(result.summary["model"], result.summary["metric"], strict=True))
    for metric in metrics:
        row = [mean_cell(result, m, metric) if (m, metric) in there else "" for m in models]
        lines.append(f"| {metric} | " + " | ".join(row) + " |")
    for name in (metric.column(result.k) for metric in metrics_from(Exposure)):
        means = result.runs.groupby("model")[name].mean()
        row = [fixed(means[model], WITHOUT_INTERVAL) for model in models]
        lines.append(f"| {name} | " + " | ".join(row) + " |")
    lines += ["", "Means over users with 95 % bootstrap intervals; rmse and mae over all test"]
    lines += [f"{result.words.many}. `*` p < 0.05, `**` p < 0.01, `***` p < 0.001 against"]
    lines += [
        "popularity (rmse and mae: biases), paired permutation test, Holm's correction over all"
    ]
    lines += ["pairs of models."]
    lines += ["", *(f"- {finding}" for finding in result.findings)]
    lines += ["", *(f"- split: {result.words.said(how)}" for how in result.splits)]
    lines += [f"- feedback: {result.feedback}; data {result.fingerprint[:16]}"]
    if result.read:
        lines += ["", "What was read:", ""]
        lines += [f"- {name}: {_escaped(text)}" for name, text in result.read]
    if command := result.about.get("command"):
        lines += ["", "Made by:", "", f"    {command}"]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    # A file's names and values are not Markdown.
    return re.sub(r"([\\`*_<>|\[\]])", r"\\\1", text)


def mean_cell(result: Results, model: str, metric: str) -> str:
    """A mean with its interval, and stars where it differs from the baseline."""
    row, places = result.of(model, metric), result.decimals(metric)
    mean, low, high = (fixed(row[name], places) for name in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]{stars(row['p'])}"
