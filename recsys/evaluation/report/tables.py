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
from recsys.evaluation.result.segments import in_words
from recsys.evaluation.result.wording import (
    WITHOUT_INTERVAL,
    decimals,
    fixed,
    half_widths,
    p_in_words,
    signed,
    stars,
)

_TIMED = ("fit_seconds", "measure_seconds")


@dataclass(frozen=True)
class Head:
    """The head of a column."""

    text: str
    title: str = ""
    """Tooltip."""
    words: bool = False
    """Whether the column is text that may be wrapped, on the left."""


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
    words: bool = False
    """Whether it is text that may be wrapped, on the left."""


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

    In each column, means and intervals have the same decimals, as many as the intervals warrant.
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
    for model in result.ranked:
        if not of_runs and not any(model in result.order(name) for name in metrics):
            continue
        cells = [_cell(result, model, metric, tied[metric]) for metric in metrics]
        cells += [Cell(fixed(float(means[name][model]), WITHOUT_INTERVAL)) for name in of_runs]
        rows.append(Row(model, cells))
    shown, said = [metric_of(name) for name in (*metrics, *of_runs)], result.words.said
    return Table(
        [Head("model"), *(Head(label_of(m.column(result.k)), said(m.meaning)) for m in shown)],
        rows,
        "; ".join(f"{metric.label}: {said(metric.meaning)}" for metric in shown) + ".",
    )


def _cell(result: Results, model: str, metric: str, tied: Sequence[str]) -> Cell:
    if model not in result.order(metric):
        return Cell()
    row = result.of(model, metric)
    judged = metric_of(metric).higher_is_better is not None
    places = result.decimals(metric)
    return Cell(
        fixed(row["mean"], places),
        bold=True,
        mark=_mark(result, model, metric) if judged else "",
        small=_span(row["low"], row["high"], places),
        best=judged and model in tied,
    )


def _mark(result: Results, model: str, metric: str) -> str:
    row = result.of(model, metric)
    worse = (row["difference"] > 0) == (metric_of(metric).higher_is_better is False)
    return "↓" if worse and stars(row["p"]) else stars(row["p"])


def segment_table(result: Results) -> Table | None:
    """Every segment of every model; None without segments."""
    table = result.segments
    if not len(table):
        return None
    places = decimals(half_widths(list(table["low"]), list(table["high"])))
    heads = [Head(text) for text in ("segment", "kind", "metric", "n", *result.ranked)]
    rows = []
    for (kind, segment), group in table.groupby(["kind", "segment"], sort=False):
        of_models = group.set_index("model").reindex(result.ranked)
        metric, n = str(group["metric"].iloc[0]), int(group["n"].iloc[0])
        name, kind = in_words(segment, kind, result.words)
        cells = [Cell(kind), Cell(label_of(metric)), Cell(f"{n:,}")]
        cells += [
            Cell(fixed(mean, places), bold=True, small=_span(low, high, places))
            for mean, low, high in of_models[["mean", "low", "high"]].to_numpy(float).tolist()
        ]
        rows.append(Row(name, cells))
    return Table(heads, rows, "n: users, or relevant held-out pairs of the segment.")


def pair_table(result: Results) -> Table:
    """Every model against every other, in NDCG@k."""
    order = result.order(result.ranking)
    pairs = result.comparisons[result.comparisons["metric"] == result.ranking]
    places = decimals(half_widths(list(pairs["low"]), list(pairs["high"])))
    rows = [Row(one, [_pair(result, one, other, places) for other in order]) for one in order]
    return Table([Head("model"), *(Head(other) for other in order)], rows)


def _pair(result: Results, model: str, other: str, places: int) -> Cell:
    if model == other:
        return Cell()
    row = result.comparison(result.ranking, model, other)
    return Cell(
        signed(row["difference"], places),
        bold=True,
        mark=stars(row["p"]),
        small=f"d = {fixed(row['effect_size'], 2)}",
        title=p_in_words(row["p"]),
    )


def run_table(result: Results) -> Table:
    """Means and spread over folds and seeds, and seconds."""
    columns = _of_runs(result)
    heads = [Head("model"), Head("runs")]
    of_models = result.runs.groupby("model")
    places = {}
    for column in columns:
        heads += [Head(label_of(column)), Head("s.d.")]
        spread = of_models[column].std(ddof=1)
        places[column] = decimals(spread) if spread.any() else result.decimals(column)
    rows = []
    for model in result.ranked:
        runs = of_models.get_group(model)
        cells = [Cell(str(len(runs)))]
        for column in columns:
            cells += _spread(runs[column].dropna(), places[column])
        rows.append(Row(model, cells + [Cell(fixed(runs[name].mean(), 2)) for name in _TIMED]))
    return Table([*heads, Head("fit, s"), Head("measure, s")], rows)


def _spread(values: Any, places: int) -> list[Cell]:
    # Mean with range, and standard deviation.
    if not len(values):
        return [Cell(), Cell()]
    several = len(values) > 1
    span = _span(values.min(), values.max(), places) if several else ""
    deviation = fixed(values.std(ddof=1), places) if several else ""
    return [Cell(fixed(values.mean(), places), bold=True, small=span), Cell(deviation)]


def frame_table(result: Results) -> Table:
    """Every run: fold, seed, main metrics and seconds."""
    columns = _of_runs(result)
    places = {column: result.decimals(column) for column in columns} | dict.fromkeys(_TIMED, 2)
    rows = []
    for model in result.ranked:
        for run in result.runs[result.runs["model"] == model].to_dict("records"):
            # A seed below 0: nothing is drawn.
            keys = [str(run["fold"] + 1), str(run["seed"]) if run["seed"] >= 0 else ""]
            values = [fixed(run[name], n) for name, n in places.items()]
            rows.append(Row(model, [Cell(text) for text in (*keys, *values)]))
    names = [*(label_of(column) for column in columns), "fit, s", "measure, s"]
    return Table([Head(name) for name in ("model", "fold", "seed", *names)], rows)


def _of_runs(result: Results) -> list[str]:
    return [result.ranking, *(["rmse"] if "rmse" in result.runs else [])]


def _span(low: float, high: float, places: int) -> str:
    return f"{fixed(low, places)} – {fixed(high, places)}" if math.isfinite(low) else ""
