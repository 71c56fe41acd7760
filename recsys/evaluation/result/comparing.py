"""Comparing two evaluations that were saved as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys.evaluation.baselines import BASELINES
from recsys.evaluation.metrics import metric_of
from recsys.evaluation.result.reading import Report
from recsys.evaluation.result.statistics import (
    holm,
    permutation_tests,
    quantiles,
    resampled_ratios,
)

FloatVector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Compared:
    """What changed from a first evaluation to a second."""

    table: pd.DataFrame
    """Model, metric, first, second, difference (second − first) and, where both were measured on
    the same ratings, its 95 % interval and p (paired permutation test, Holm's correction within a
    metric)."""
    remarks: tuple[str, ...]
    """Differences between the two that are not numbers: data, splits, settings, versions."""


def compare_reports(first: Report, second: Report) -> Compared:
    """Compares every model that both have, and the best of each where these differ in name."""
    remarks = _differences(first, second)
    paired = not any(first[key] != second[key] for key in ("fingerprint", "splits", "feedback"))
    means = [_means(report) for report in (first, second)]
    metrics = [m for m in first["per_user"] if m in second["per_user"]]
    if not metrics:
        metrics = sorted({m for _, m in means[0]} & {m for _, m in means[1]})
    rows = []
    for metric in metrics:
        rows += _rows(first, second, metric, means, paired)
    columns = ["model", "metric", "first", "second", "difference", "low", "high", "p"]
    return Compared(pd.DataFrame(rows, columns=columns), tuple(remarks))


def _rows(
    first: Report, second: Report, metric: str, means: Sequence[Mapping[Any, float]], paired: bool
) -> list[dict[str, Any]]:
    pairs = [(m, m) for m in first["specs"] if (m, metric) in means[0] and (m, metric) in means[1]]
    if not all(any(m == metric for _, m in own) for own in means):
        return []
    best = _best(means[0], metric), _best(means[1], metric)
    if best[0] != best[1]:
        pairs.append(best)
    rows: list[dict[str, Any]] = []
    for a, b in pairs:
        values = means[0][a, metric], means[1][b, metric]
        if a == b and a in BASELINES and values[0] == values[1]:
            continue
        name = a if a == b else f"best: {a} → {b}"
        row = {"model": name, "metric": metric, "first": values[0], "second": values[1]}
        rows.append(row | {"difference": values[1] - values[0]})
        if paired and metric in first["per_user"] and metric in second["per_user"]:
            rows[-1] |= _tested(first, second, metric, a, b)
    if rows and all("p" in row for row in rows):
        for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True):
            row["p"] = float(p)
    return rows


def _tested(first: Report, second: Report, metric: str, a: str, b: str) -> dict[str, float]:
    # On the users that both reports have; their test ratings are the same.
    columns, users = [], []
    for report, model in ((first, a), (second, b)):
        values = np.array(report["per_user"][metric][model], np.float64)
        users.append(pd.Index(report["users"]))
        columns.append(values)
    common = users[0].intersection(users[1])
    x, y = (values[own.get_indexer(common)] for values, own in zip(columns, users, strict=True))
    weights = np.ones(len(common))
    if metric_of(metric).pooled:
        weights = np.array(first["test_ratings_per_user"], np.float64)
        weights = weights[users[0].get_indexer(common)]
    there = ~(np.isnan(x) | np.isnan(y)) & (weights > 0)
    power = metric_of(metric).power
    tops = np.column_stack([y[there], x[there]]) ** power * weights[there, None]
    belows = np.repeat(weights[there, None], 2, axis=1)
    ratios = resampled_ratios(tops, belows) ** (1 / power)
    low, high = quantiles((ratios[:, 0] - ratios[:, 1])[:, None])[:, 0]
    p = permutation_tests(tops[:, :1] - tops[:, 1:])[0]
    return {"low": float(low), "high": float(high), "p": float(p)}


def _means(report: Report) -> dict[tuple[str, str], float]:
    known = [row for row in report["summary"] if row["mean"] is not None]
    return {(row["model"], row["metric"]): row["mean"] for row in known}


def _best(means: Mapping[Any, float], metric: str) -> str:
    sign = -1 if metric_of(metric).higher_is_better is False else 1
    having = [(sign * value, model) for (model, m), value in means.items() if m == metric]
    return str(max(having)[1])


def _differences(first: Report, second: Report) -> list[str]:
    remarks = []
    words = {
        "fingerprint": "the ratings differ, so differences cannot be tested",
        "splits": "the splits differ, so differences cannot be tested",
        "feedback": "what counts as liked differs, so differences cannot be tested",
        "k": "the lists have different lengths",
        "seeds": "the seeds differ",
    }
    for key, text in words.items():
        if first[key] != second[key]:
            what = "" if key in ("fingerprint", "splits") else f" ({first[key]}, {second[key]})"
            remarks.append(text + what)
    for which, own, other in (("first", first, second), ("second", second, first)):
        only = [name for name in own["specs"] if name not in other["specs"]]
        if only:
            remarks.append(f"only in the {which}: {', '.join(only)}")
    for name in first["specs"]:
        if name in second["specs"] and first["specs"][name] != second["specs"][name]:
            changed = _changed(first["specs"][name], second["specs"][name])
            remarks.append(f"{name} has other settings: {changed}")
    versions = [report["about"]["versions"].get("recsys-mf") for report in (first, second)]
    if versions[0] != versions[1]:
        remarks.append(f"recsys-mf {versions[0]} and {versions[1]}")
    return remarks


def _changed(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    keys = [key for key in {**first, **second} if first.get(key) != second.get(key)]
    return ", ".join(f"{key} {first.get(key)} → {second.get(key)}" for key in keys)
