"""The tables of the report, as data for the template."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from recsys.evaluation.metrics import METRICS, label_of, metric_of
from recsys.evaluation.metrics.inputs import Exposure
from recsys.evaluation.metrics.record import Group
from recsys.evaluation.result.results import Results
from recsys.evaluation.result.wording import p_in_words, signed, stars

_TIMED = ("fit_seconds", "measure_seconds")


@dataclass(frozen=True)
class Head:
    """The head of a column."""

    text: str
    title: str = ""
    """Tooltip."""


@dataclass(frozen=True)
class Cell:
    """One cell of a table."""

    text: str = ""
    bold: bool = False
    mark: str | None = None
    """Marks of significance after the number; None for no room for any."""
    small: str | None = None
    """Second line."""
    title: str = ""
    """Tooltip."""
    best: bool = False


@dataclass(frozen=True)
class Row:
    """A row: its name and the cells after it."""

    name: str
    cells: list[Cell] = field(default_factory=list)


@dataclass(frozen=True)
class Table:
    """A table with an explanation below it."""

    heads: list[Head]
    rows: list[Row]
    hint: str = ""


def group_table(result: Results, *groups: Group) -> Table | None:
    """A row per model, a column per metric of the groups: mean, interval, marks.

    None where no model has any of the metrics.
    """
    chosen = [metric for metric in METRICS.values() if metric.group in groups]
    columns = [metric.column(result.k) for metric in chosen]
    metrics = [name for name in columns if result.order(name)]
    of_runs = [metric.column(result.k) for metric in chosen if metric.inputs is Exposure]
    if not metrics and not of_runs:
        return None
    tied = {metric: result.tied_with_best(metric) for metric in metrics}
    means = result.runs.groupby("model")[of_runs].mean()
    rows = []
    for model in _sorted(result):
        if not of_runs and not any(model in result.order(name) for name in metrics):
            continue
        cells = [_cell(result, model, metric, tied[metric]) for metric in metrics]
        cells += [Cell(_number(float(means[name][model]))) for name in of_runs]
        rows.append(Row(model, cells))
    shown = [metric_of(name) for name in (*metrics, *of_runs)]
    return Table(
        [Head("model"), *(Head(label_of(m.column(result.k)), m.meaning) for m in shown)],
        rows,
        "; ".join(f"{metric.label}: {metric.meaning}" for metric in shown) + ".",
    )


def _cell(result: Results, model: str, metric: str, tied: Sequence[str]) -> Cell:
    if model not in result.order(metric):
        return Cell()
    row = result.of(model, metric)
    judged = metric_of(metric).higher_is_better is not None
    return Cell(
        _number(row["mean"]),
        bold=True,
        mark=_mark(result, model, metric) if judged else "",
        small=f"{_number(row['low'])} – {_number(row['high'])}",
        best=judged and model in tied,
    )


def _mark(result: Results, model: str, metric: str) -> str:
    row = result.of(model, metric)
    worse = (row["difference"] > 0) == (metric_of(metric).higher_is_better is False)
    return "↓" if worse and stars(row["p"]) else stars(row["p"])


def segment_table(result: Results) -> Table | None:
    """Every segment of every model; None without segments."""
    if not len(result.segments):
        return None
    heads = [Head(text) for text in ("segment", "kind", "metric", "n", *result.models)]
    rows = []
    for (kind, segment), group in result.segments.groupby(["kind", "segment"], sort=False):
        of_models = group.set_index("model").reindex(result.models)
        metric, n = str(group["metric"].iloc[0]), int(group["n"].iloc[0])
        cells = [Cell(str(kind)), Cell(label_of(metric)), Cell(f"{n:,}")]
        cells += [
            Cell(_number(mean), bold=True, small=f"{_number(low)} – {_number(high)}")
            for mean, low, high in of_models[["mean", "low", "high"]].to_numpy(float).tolist()
        ]
        rows.append(Row(str(segment), cells))
    return Table(heads, rows, "n: users, or relevant held-out pairs of the segment.")


def pair_table(result: Results) -> Table:
    """Every model against every other, in NDCG@k."""
    order = result.order(result.ranking)
    rows = [Row(model, [_pair(result, model, other) for other in order]) for model in order]
    return Table([Head("model"), *(Head(other) for other in order)], rows)


def _pair(result: Results, model: str, other: str) -> Cell:
    if model == other:
        return Cell()
    row = result.comparison(result.ranking, model, other)
    return Cell(
        signed(row["difference"]),
        bold=True,
        mark=stars(row["p"]),
        small=f"d = {row['effect_size']:.2f}",
        title=p_in_words(row["p"]),
    )


def run_table(result: Results) -> Table:
    """Means and spread over folds and seeds, and seconds."""
    columns = _of_runs(result)
    heads = [Head("model"), Head("runs")]
    for column in columns:
        heads += [Head(label_of(column)), Head("s.d.")]
    rows = []
    for model in _sorted(result):
        runs = result.runs[result.runs["model"] == model]
        cells = [Cell(str(len(runs)))]
        for column in columns:
            cells += _spread(runs[column].dropna())
        rows.append(Row(model, cells + [Cell(f"{runs[name].mean():.2f}") for name in _TIMED]))
    return Table([*heads, Head("fit, s"), Head("measure, s")], rows)


def _spread(values: Any) -> list[Cell]:
    # Mean with range, and standard deviation.
    if not len(values):
        return [Cell(), Cell()]
    several = len(values) > 1
    span = f"{values.min():.4f} – {values.max():.4f}" if several else ""
    deviation = f"{values.std(ddof=1):.4f}" if several else ""
    return [Cell(f"{values.mean():.4f}", bold=True, small=span), Cell(deviation)]


def frame_table(result: Results) -> Table:
    """Every run: fold, seed, main metrics and seconds."""
    columns = ["model", "fold", "seed", *_of_runs(result), *_TIMED]
    table = result.runs[columns].assign(fold=result.runs["fold"] + 1)
    rows = [
        Row(str(row[0]), [Cell(_number(value)) for value in row[1:]])
        for row in table.itertuples(index=False, name=None)
    ]
    return Table([Head(name.replace("_", " ")) for name in columns], rows)


def _of_runs(result: Results) -> list[str]:
    return [result.ranking, *(["rmse"] if "rmse" in result.runs else [])]


def _number(value: float) -> str:
    if not math.isfinite(value):
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    if abs(value) < 1:
        return f"{value:.4f}"
    return f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"


def _sorted(result: Results) -> list[str]:
    order = result.order(result.ranking)
    return order + [model for model in result.models if model not in order]
