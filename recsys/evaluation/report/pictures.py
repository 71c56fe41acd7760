"""The sections of the report that are charts, as data for the template."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from recsys.evaluation.baselines import BASELINES
from recsys.evaluation.metrics import METRICS, label_of
from recsys.evaluation.report import charts
from recsys.evaluation.report.charts import Axis, Series
from recsys.evaluation.result.results import Results

_STYLES = 10
_FEW = 3  # models whose segments are drawn; the table has them all


@dataclass(frozen=True)
class Figure:
    """A chart with its caption."""

    title: str
    hint: str
    picture: Markup


@dataclass(frozen=True)
class Section:
    """Charts under one heading, with one legend."""

    title: str
    explanation: str
    legend: Markup
    figures: list[Figure]


def sections(result: Results) -> dict[str, Section | None]:
    """All sections by name; None where there is nothing to draw."""
    made = (accuracy, variety, segments, rating_errors, training)
    return {function.__name__: function(result) for function in made}


def accuracy(result: Results) -> Section:
    """NDCG of every model, and NDCG and recall by length of the list."""
    metric = result.ranking
    order = result.order(metric)
    rows = [_point(result, model, metric) for model in order]
    ends = [v for one in rows for v in (*one.low, *one.high)]
    axis = Axis.over(f"{label_of(metric)}, mean over users with 95 % interval", ends, zero=True)
    figures = [_figure("Who ranks best", "", charts.intervals(rows, axis, "Who ranks best"))]
    for name in ("ndcg", "recall"):
        table = result.curves[result.curves["metric"] == name]
        series = [
            Series(m, _style(result, m), list(part["length"]), list(part["value"]))
            for m in result.models
            if len(part := table[table["model"] == m])
        ]
        label = METRICS[name].label
        x = Axis("length of the list, k", 0, float(2 * result.k + 0.5))
        y = Axis.over(f"{label}@k", [v for one in series for v in one.y], zero=True)
        title = f"{label} by length of the list"
        figures.append(_figure(title, "", charts.lines(series, x, y, title)))
    return _section("Who ranks best, and at which length", result, result.models, figures)


def variety(result: Results) -> Section:
    """Accuracy against coverage and novelty."""
    figures = []
    means = result.runs.groupby("model")
    coverage = means[f"coverage@{result.k}"].mean()
    novelty = {m: result.of(m, f"novelty@{result.k}")["mean"] for m in result.models}
    choices = (
        ("Coverage", {m: 100 * coverage[m] for m in result.models}, "share of the catalogue, %"),
        ("Novelty", novelty, "self-information of the items, bits"),
    )
    for name, values, unit in choices:
        series = []
        for model in result.models:
            point = _point(result, model, result.ranking)
            x = [float(values[model])]
            series.append(Series(model, point.style, x, point.x, point.low, point.high))
        x_axis = Axis.over(f"{name}@{result.k}: {unit}", [one.x[0] for one in series])
        ends = [v for one in series for v in (*one.low, *one.high)]
        y_axis = Axis.over(label_of(result.ranking), ends, zero=True)
        title = f"Accuracy against {name.lower()}"
        figures.append(_figure(title, "", charts.scatter(series, x_axis, y_axis, title)))
    return _section("Accuracy against variety", result, result.models, figures)


def segments(result: Results) -> Section | None:
    """Accuracy by group of users and of items; None without segments."""
    few = _few(result)
    titles = {
        "users": ("Users by activity", "few known ratings, then quarters by their number"),
        "popularity": ("Items by popularity", "tenths, by number of training ratings"),
        "genre": ("Items by genre", "an item counts in each of its genres"),
    }
    figures = []
    for kind, (title, hint) in titles.items():
        kinds = ("few ratings", "activity") if kind == "users" else (kind,)
        table = pd.concat([result.segments[result.segments["kind"] == one] for one in kinds])
        if not len(table):
            continue
        names = list(dict.fromkeys(table["segment"]))
        metric = table["metric"].iloc[0]
        cells = table.set_index(["model", "segment"])
        series = []
        for model in few:
            rows = cells.loc[model].reindex(names)
            low, high = list(rows["low"]), list(rows["high"])
            series.append(Series(model, _style(result, model), list(rows["mean"]), [], low, high))
        ends = [v for one in series for v in one.high]
        if metric == result.ranking:
            counts = cells.loc[few[0]]["n"]
            names = [f"{name} ({counts[name]:,})" for name in names]
            unit = "number of users in brackets"
        else:
            unit = "of all relevant held-out pairs in the segment"
        axis = Axis.over(label_of(metric), ends, zero=True)
        picture = charts.bars(names, series, axis, title)
        figures.append(_figure(title, f"{hint}; {unit}", picture))
    if not figures:
        return None
    explanation = "The best two models and popularity; whiskers are 95 % intervals over users."
    return _section("For whom, and with which items", result, few, figures, explanation)


def rating_errors(result: Results) -> Section | None:
    """Errors of predicted ratings by true rating; None without any."""
    table = result.by_rating
    models = [m for m in result.models if m in set(table["model"])]
    if not models:
        return None
    figures = []
    noun = "count" if (result.account or {}).get("kind") == "counts" else "rating"
    for column, title, label in (
        ("mean_error", f"Mean error by true {noun}", f"predicted − true {noun}"),
        ("rmse", f"RMSE by true {noun}", f"RMSE of the {noun}"),
    ):
        series = [
            Series(m, _style(result, m), list(part["rating"]), list(part[column]))
            for m in models
            if len(part := table[table["model"] == m])
        ]
        x = Axis.over(f"true {noun}", [v for one in series for v in one.x])
        y = Axis.over(label, [v for one in series for v in one.y], zero=True)
        figures.append(_figure(title, "", charts.lines(series, x, y, title)))
    explanation = (
        f"Least squares pulls predictions towards the middle: low {noun}s are predicted too high, "
        "high ones too low."
    )
    return _section("Where predicted ratings go wrong", result, models, figures, explanation)


def training(result: Results) -> Section | None:
    """Loss by epoch; None where no model trains in epochs."""
    table = result.training
    series = []
    for model, rows in table.groupby("model", sort=False):
        first = rows[
            (rows["fold"] == rows["fold"].iloc[0]) & (rows["seed"] == rows["seed"].iloc[0])
        ]
        loss = first["loss"].to_numpy()
        if len(loss) > 1 and loss[0] > 0:
            style = _style(result, str(model))
            epochs = [float(e) for e in first["epoch"]]
            series.append(Series(str(model), style, epochs, [float(v) for v in loss / loss[0]]))
    if not series:
        return None
    # Models train for 10 epochs and for 100: each has a picture of its own length.
    figures = []
    for one in series:
        x = Axis("epoch", 0.0, max(one.x) * 1.02)
        y = Axis.over("loss / loss after epoch 1", one.y)
        figures.append(
            _figure(one.name, "", charts.lines([one], x, y, f"Training of {one.name}", 190))
        )
    explanation = (
        "Loss on the training part of the first split, as a share of that after the first epoch; "
        "models minimize different losses. A curve that still falls calls for more epochs."
    )
    return _section("Training", result, [], figures, explanation)


def _section(
    title: str,
    result: Results,
    models: Sequence[str],
    figures: Iterable[Figure],
    explanation: str = "",
) -> Section:
    names = [(model, _style(result, model)) for model in models]
    legend = Markup(charts.legend(names)) if names else Markup("")
    return Section(title, explanation, legend, list(figures))


def _figure(title: str, hint: str, svg: str) -> Figure:
    return Figure(title, hint, Markup(svg))  # charts escape every text they draw


def _point(result: Results, model: str, metric: str) -> Series:
    row: Mapping[str, Any] = result.of(model, metric)
    mean = [float(row["mean"])]
    return Series(model, _style(result, model), mean, mean, [row["low"]], [row["high"]])


def _few(result: Results) -> list[str]:
    best = [model for model in result.order(result.ranking) if model not in BASELINES]
    few = best[: _FEW - 1]
    return [*few, "popularity"] if "popularity" in result.models else few


def _style(result: Results, model: str) -> int:
    if model in BASELINES:
        return list(BASELINES).index(model)
    others = [name for name in result.models if name not in BASELINES]
    first = len(BASELINES)
    return first + others.index(model) % (_STYLES - first)
