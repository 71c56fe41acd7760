"""The sections of the report that are charts, as data for the template."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from recsys.evaluation.baselines import BASELINES
from recsys.evaluation.metrics import METRICS, label_of
from recsys.evaluation.report import charts
from recsys.evaluation.report.charts import Axis, Series
from recsys.evaluation.result.results import Results
from recsys.evaluation.result.segments import in_words
from recsys.evaluation.result.wording import listed, plural

_STYLES = 10
_FEW = 3  # models whose segments are drawn; the table has them all
_MOST_SEGMENTS, _IN_ONE = 20, 10  # of one kind, and in one picture
_VISIBLE = 0.01  # share of the axis below which a bar cannot be seen
_HEAVY = 100  # largest / least value, from which an axis is logarithmic


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
    made = (ranking, lengths, variety, segments, rating_errors, training)
    return {function.__name__: function(result) for function in made}


def ranking(result: Results) -> Section:
    """NDCG of every model."""
    metric = result.ranking
    rows = [_point(result, model, metric) for model in result.order(metric)]
    ends = [v for one in rows for v in (*one.low, *one.high)]
    axis = Axis.over(f"{label_of(metric)} with 95 % interval", ends, zero=True)
    title = "Ranking accuracy"
    return _section(title, result, [], [figure(title, "", charts.intervals(rows, axis, title))])


def lengths(result: Results) -> Section:
    """NDCG and recall by length of the list."""
    figures = []
    for name in ("ndcg", "recall"):
        table = result.curves[result.curves["metric"] == name]
        series = [
            Series(m, _style(result, m), list(part["length"]), list(part["value"]))
            for m in result.ranked
            if len(part := table[table["model"] == m])
        ]
        label = METRICS[name].label
        x = Axis("length of the list, k", 0, float(2 * result.k + 0.5))
        y = Axis.over(f"{label}@k", [v for one in series for v in one.y], zero=True)
        title = f"{label} by length of the list"
        figures.append(figure(title, "", charts.lines(series, x, y, title)))
    return _section("By length of the list", result, result.ranked, figures)


def variety(result: Results) -> Section:
    """Accuracy against coverage, novelty and, with genres, diversity and calibration.

    Where lists are re-ranked, what a strength costs is small next to the distance to the baselines:
    these are left out then, and the axis of the accuracy begins at the least of the others.
    """
    reranked = any("rerank" in result.specs[model] for model in result.ranked)
    models = [m for m in result.ranked if not reranked or m not in BASELINES]
    figures = []
    for name, values, unit in _varieties(result, models):
        series = []
        for model in models:
            point = _point(result, model, result.ranking)
            x = [float(values[model])]
            series.append(Series(model, point.style, x, point.x, point.low, point.high))
        x_axis = Axis.over(f"{name}@{result.k}: {unit}", [one.x[0] for one in series])
        ends = [v for one in series for v in (*one.low, *one.high)]
        y_axis = Axis.over(label_of(result.ranking), ends, zero=not reranked)
        title = f"Accuracy against {name.lower()}"
        figures.append(figure(title, "", charts.scatter(series, x_axis, y_axis, title)))
    why = "Without the baselines, so that the cost of each strength can be seen; whiskers are 95 % "
    why = f"{why}intervals over users." if reranked else ""
    return _section("Accuracy against variety", result, models, figures, why)


def _varieties(
    result: Results, models: Sequence[str]
) -> Iterator[tuple[str, Mapping[str, float], str]]:
    # Name, value of each model, and unit of every measure of variety that is there.
    coverage = result.runs.groupby("model")[f"coverage@{result.k}"].mean()
    yield "Coverage", {m: 100 * coverage[m] for m in models}, "share of the catalogue, %"
    for name, metric, unit in (
        ("Novelty", "novelty", "self-information of the items, bits"),
        ("Diversity", "diversity", "1 − mean cosine of the genres"),
        ("Miscalibration", "calibration", "divergence of the genres, nats"),
    ):
        column = f"{metric}@{result.k}"
        if column in result.runs:
            yield name, {m: result.of(m, column)["mean"] for m in models}, unit


@dataclass(frozen=True)
class _Bars:
    # One picture of segments, before the height that it shares with the others is known.
    title: str
    hint: str
    rows: list[tuple[str, str]]
    series: list[Series]
    axis: Axis

    def figure(self, height: float) -> Figure:
        picture = charts.bars(self.rows, self.series, self.axis, self.title, height)
        return figure(self.title, self.hint, picture)


_SEGMENTS = {
    "users": ("Users by activity", "by number of known ratings; n: users"),
    "popularity": ("Items by popularity", "by number of training ratings; n: held-out pairs"),
    "genre": ("Items by genre", "an item counts in each of its genres; n: held-out pairs"),
}
"""Kind → title and hint; "users" stands for all kinds that are groups of users."""


def segments(result: Results) -> Section | None:
    """Accuracy by group of users and of items; None without segments."""
    few = _few(result)
    of_users = result.segments["metric"] == result.ranking
    kinds = result.segments["kind"].where(~of_users, "users")
    made = [one for kind in kinds.unique() for one in _bars(result, few, kinds == kind, kind)]
    if not made:
        return None
    height = max(charts.bars_height(len(one.rows), len(few)) for one in made)
    explanation = "The best two models and popularity; whiskers are 95 % intervals over users."
    figures = [one.figure(height) for one in made]
    return _section("By user and item group", result, few, figures, explanation)


def _bars(result: Results, few: Sequence[str], chosen: pd.Series, kind: str) -> list[_Bars]:
    # The pictures of one kind: the largest segments, without those whose bars cannot be seen.
    table = result.segments[chosen & result.segments["model"].isin(few)]
    metric, cells = str(table["metric"].iloc[0]), table.set_index(["segment", "model"])
    n = table.groupby("segment", sort=False)["n"].max()
    axis = Axis.over(label_of(metric), [0.0, *table["high"]], zero=True)
    tallest = table.groupby("segment", sort=False)["mean"].max()
    floor = _VISIBLE * axis.high
    seen = [name for name in n.index if tallest[name] >= floor]
    shown = [name for name in seen if name in set(n[seen].nlargest(_MOST_SEGMENTS).index)]
    title, hint = _SEGMENTS.get(kind, (f"Items by {kind}", "n: held-out pairs"))
    hint, kinds = result.words.said(hint), table.groupby("segment", sort=False)["kind"].first()
    label = {name: in_words(name, kinds[name], result.words)[0] for name in n.index}
    low = [label[name] for name in n.index if name not in seen]
    if low:
        named = listed(low) if len(low) <= _IN_ONE else f"{len(low)} more"
        hint += f"; {label_of(metric)} below {floor:.2g} in {named}"
    if len(shown) < len(seen):
        hint += f"; the {len(shown)} largest"
    made = []
    for names in np.array_split(shown, -(-len(shown) // _IN_ONE)) if shown else []:
        whole = len(names) == len(shown)
        series = []
        for model in few:
            rows = cells.reindex([(name, model) for name in names])
            low_ends, high_ends = list(rows["low"]), list(rows["high"])
            series.append(
                Series(model, _style(result, model), list(rows["mean"]), [], low_ends, high_ends)
            )
        made.append(_Bars(
            title if whole else f"{title}, {label[names[0]]} to {label[names[-1]]}", hint,
            [(label[name], f"n = {n[name]:,}") for name in names], series, axis,
        ))  # fmt: skip
    return made


def rating_errors(result: Results) -> Section | None:
    """Errors of predicted ratings by true rating; None without any."""
    table = result.by_rating
    models = [m for m in result.ranked if m in set(table["model"])]
    if not models:
        return None
    figures, noun = [], result.noun
    # Of counts, most are small and a few enormous: on a linear axis all but one point coincide.
    heavy = bool(table["rating"].min() > 0) and bool(
        table["rating"].max() >= _HEAVY * table["rating"].min()
    )
    for column, title, label in (
        ("mean_error", f"Mean error by true {noun}", f"predicted − true {noun}"),
        ("rmse", f"RMSE by true {noun}", f"RMSE of the {plural(noun)}"),
    ):
        series = [
            Series(m, _style(result, m), list(part["rating"]), list(part[column]))
            for m in models
            if len(part := table[table["model"] == m].sort_values("rating"))
        ]
        x = Axis.over(f"true {noun}", [v for one in series for v in one.x], log=heavy)
        log = heavy and column == "rmse" and bool((table[column] > 0).all())
        y = Axis.over(label, [v for one in series for v in one.y], zero=True, log=log)
        figures.append(figure(title, "", charts.lines(series, x, y, title)))
    explanation = (
        "Least squares shrinks predictions towards the mean: low values are predicted too high, "
        "high ones too low."
    )
    if heavy:
        explanation += (
            " If there are many different values, points are the means of ten bins with about "
            f"equally many test {result.words.many}."
        )
    return _section("Prediction errors", result, models, figures, explanation)


def training(result: Results) -> Section | None:
    """Loss by epoch; None where no model trains in epochs."""
    table = result.training
    series = []
    for model in result.ranked:
        rows = table[table["model"] == model]
        if not len(rows):
            continue
        first = rows[
            (rows["fold"] == rows["fold"].iloc[0]) & (rows["seed"] == rows["seed"].iloc[0])
        ]
        loss = first["loss"].to_numpy()
        if len(loss) > 1 and loss[0] > 0:
            epochs = [float(e) for e in first["epoch"]]
            shares = [float(v) for v in loss / loss[0]]
            series.append(Series(model, _style(result, model), epochs, shares))
    if not series:
        return None
    # Models train for 10 epochs and for 100: each has a picture of its own length.
    figures = []
    for one in series:
        x = Axis("epoch", 0.0, max(one.x) * 1.02)
        y = Axis.over("loss / loss after epoch 1", one.y)
        figures.append(
            figure(one.name, "", charts.lines([one], x, y, f"Training of {one.name}", 190))
        )
    explanation = (
        "Loss on the training set of the first split, relative to the first epoch; models "
        "minimize different losses. If a curve is still falling, train for more epochs."
    )
    return _section("Training", result, [], figures, explanation)


def _section(
    title: str,
    result: Results,
    models: Sequence[str],
    figures: Iterable[Figure],
    explanation: str = "",
) -> Section:
    return section(
        title, [(model, _style(result, model)) for model in models], figures, explanation
    )


def section(
    title: str, names: Sequence[tuple[str, int]], figures: Iterable[Figure], explanation: str = ""
) -> Section:
    """Charts under one heading, with a legend of names and styles where there are any."""
    legend = Markup(charts.legend(names)) if names else Markup("")
    return Section(title, explanation, legend, list(figures))


def figure(title: str, hint: str, svg: str) -> Figure:
    """A chart of this package with its caption."""
    return Figure(title, hint, Markup(svg))  # charts escape every text they draw


def _point(result: Results, model: str, metric: str) -> Series:
    row: Mapping[str, Any] = result.of(model, metric)
    mean = [float(row["mean"])]
    return Series(model, _style(result, model), mean, mean, [row["low"]], [row["high"]])


def _few(result: Results) -> list[str]:
    best = [model for model in result.order(result.ranking) if model not in BASELINES]
    few = {*best[: _FEW - 1], "popularity"}
    return [model for model in result.ranked if model in few]


def _style(result: Results, model: str) -> int:
    if model in BASELINES:
        return list(BASELINES).index(model)
    others = [name for name in result.models if name not in BASELINES]
    first = len(BASELINES)
    return first + others.index(model) % (_STYLES - first)
