"""From values per user to means with intervals and paired comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys.evaluation.metrics import metric_of
from recsys.evaluation.metrics.record import Metric
from recsys.evaluation.result.statistics import (
    effect_size,
    holm,
    permutation_tests,
    quantiles,
    resampled_ratios,
    share_better,
)

FloatMatrix = npt.NDArray[np.float64]

_ENTRIES = 1 << 25  # differences tested together: 256 MB

KEYS = ("model", "fold", "seed", "user")
"""Columns of the table of values that identify a row; these and `n_ratings` are not metrics."""


@dataclass(frozen=True)
class UserMeans:
    """One metric: a column per model, a row per user, each a mean over folds and seeds."""

    metric: str
    models: tuple[str, ...]
    numerators: FloatMatrix
    """(n_users, n_models); 0 where there is no value."""
    denominators: FloatMatrix
    """1 where there is a value, else 0; of pooled metrics the number of the user's test ratings."""

    @property
    def about(self) -> Metric:
        """The record of the metric."""
        return metric_of(self.metric)

    @property
    def values(self) -> FloatMatrix:
        """(n_users, n_models), NaN where there is no value."""
        out = np.full(self.numerators.shape, np.nan)
        below = self.denominators
        return self.finish(np.divide(self.numerators, below, out=out, where=below > 0))

    def finish(self, ratios: FloatMatrix) -> FloatMatrix:
        """Ratios of sums in the metric's unit: the square root, for RMSE."""
        return np.asarray(ratios ** (1 / self.about.power))


def metrics_of(values: pd.DataFrame) -> list[str]:
    """The metrics in a table of values."""
    return [name for name in values.columns if name not in (*KEYS, "n_ratings")]


def user_means(values: pd.DataFrame, models: Sequence[str]) -> list[UserMeans]:
    """Means of each user over folds and seeds, because these are not independent draws.

    One for each metric in the table; its columns are the models that have the metric.
    """
    users, ids = pd.factorize(values["user"], sort=True)
    which = pd.Index(models).get_indexer(pd.Index(values["model"].astype(str)))
    cell = users * len(models) + which
    shape = len(ids), len(models)

    def total(rows: npt.NDArray[np.bool_], weights: npt.NDArray[np.float64]) -> FloatMatrix:
        sums = np.bincount(cell[rows], weights, minlength=shape[0] * shape[1])
        return np.asarray(sums.reshape(shape), np.float64)

    found = []
    for metric in metrics_of(values):
        one = values[metric].to_numpy(np.float64)
        there = ~np.isnan(one)
        about = metric_of(metric)
        if about.pooled:
            weights = values["n_ratings"].to_numpy(np.float64)[there]
            top = total(there, weights * one[there] ** about.power)
            below = total(there, weights)
        else:
            counts = total(there, np.ones(int(there.sum())))
            top = np.divide(total(there, one[there]), counts, out=np.zeros(shape), where=counts > 0)
            below = (counts > 0).astype(np.float64)
        having = [i for i in range(len(models)) if below[:, i].any()]
        names = tuple(models[i] for i in having)
        if names:
            found.append(UserMeans(metric, names, top[:, having], below[:, having]))
    return found


def run_means(values: pd.DataFrame) -> dict[str, float]:
    """Each metric of one run: the mean over users, or over ratings where it is pooled."""
    means = {}
    for one in user_means(values.assign(model="it"), ["it"]):
        means[one.metric] = float(one.finish(_ratios(one.numerators, one.denominators))[0])
    return means


def summarise(several: Sequence[UserMeans]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables `summary` and `comparisons` of an `Evaluation`."""
    # All at once, because the draws of users are the same for all models and metrics.
    everything = resampled_ratios(
        np.hstack([one.numerators for one in several]),
        np.hstack([one.denominators for one in several]),
    )
    means: list[dict[str, object]] = []
    rows: list[dict[str, object]] = []
    at = 0
    p_values = _permuted(several)
    for one, p in zip(several, p_values, strict=True):
        resampled = one.finish(everything[:, at : at + len(one.models)])
        at += len(one.models)
        centre = one.finish(_ratios(one.numerators, one.denominators))
        low, high = quantiles(resampled)
        for i, model in enumerate(one.models):
            n = int((one.denominators[:, i] > 0).sum())
            row = {"model": model, "metric": one.metric, "mean": centre[i]}
            means.append(row | {"low": low[i], "high": high[i], "n": n})
        rows += _compared(one, centre, resampled, p)
    comparisons = pd.DataFrame(rows, columns=_PAIR_COLUMNS)
    against = {one.metric: one.about.baseline for one in several}
    return _with_baseline(pd.DataFrame(means), comparisons, against), comparisons


_PAIR_COLUMNS = [
    "metric", "model", "other", "difference", "low", "high", "p", "effect_size", "better", "n",
]  # fmt: skip


def _ratios(tops: FloatMatrix, belows: FloatMatrix) -> FloatMatrix:
    below = belows.sum(axis=0)
    nothing = np.full(len(below), np.nan)
    ratios: FloatMatrix = np.divide(tops.sum(axis=0), below, out=nothing, where=below > 0)
    return ratios


def _pairs(one: UserMeans) -> list[tuple[int, int]]:
    return list(combinations(range(len(one.models)), 2))


def _differences(one: UserMeans) -> FloatMatrix:
    # (n_users, pairs) differences of the numerators, NaN for users that one of the two lacks.
    columns = [
        np.where(
            (one.denominators[:, a] > 0) & (one.denominators[:, b] > 0),
            one.numerators[:, a] - one.numerators[:, b],
            np.nan,
        )
        for a, b in _pairs(one)
    ]
    return np.column_stack(columns) if columns else np.zeros((len(one.numerators), 0))


def _permuted(several: Sequence[UserMeans]) -> list[npt.NDArray[np.float64]]:
    # P-values of every pair of every metric, with Holm's correction within a metric. Metrics share
    # the flipped signs as far as memory allows.
    found: list[npt.NDArray[np.float64]] = []
    waiting: list[FloatMatrix] = []

    def test() -> None:
        if waiting:
            p = permutation_tests(np.hstack(waiting))
            ends = np.cumsum([part.shape[1] for part in waiting])[:-1]
            found.extend(holm(part) for part in np.split(p, ends))
            waiting.clear()

    for one in several:
        waiting.append(_differences(one))
        if sum(part.size for part in waiting) > _ENTRIES:
            test()
    test()
    return found


def _compared(
    one: UserMeans, centre: FloatMatrix, resampled: FloatMatrix, p: FloatMatrix
) -> list[dict[str, object]]:
    # Every model with every other, on the users that both have.
    differences = _differences(one)
    sign = -1.0 if one.about.higher_is_better is False else 1.0
    rows: list[dict[str, object]] = []
    for j, (a, b) in enumerate(_pairs(one)):
        common = ~np.isnan(differences[:, j])
        if not common.any():
            continue
        low, high = quantiles((resampled[:, a] - resampled[:, b])[:, None])[:, 0]
        rows.append(
            {
                "metric": one.metric,
                "model": one.models[a],
                "other": one.models[b],
                "difference": centre[a] - centre[b],
                "low": low,
                "high": high,
                "p": p[j],
                "effect_size": effect_size(differences[:, j]),
                "better": share_better(sign * differences[:, j]),
                "n": int(common.sum()),
            }
        )
    return rows


def _with_baseline(
    summary: pd.DataFrame, comparisons: pd.DataFrame, against: dict[str, str]
) -> pd.DataFrame:
    # Each mean with the comparison of its model with the metric's baseline.
    table = pd.concat([comparisons, mirrored(comparisons)], ignore_index=True)
    table = table[table["other"] == table["metric"].map(against)]
    table = table.rename(
        columns={"other": "baseline", "low": "difference_low", "high": "difference_high"}
    )
    return summary.merge(table.drop(columns="n"), how="left", on=["model", "metric"])


def mirrored(comparisons: pd.DataFrame) -> pd.DataFrame:
    """The same comparisons with the two models swapped."""
    swapped = comparisons.assign(
        model=comparisons["other"],
        other=comparisons["model"],
        difference=-comparisons["difference"],
        low=-comparisons["high"],
        high=-comparisons["low"],
        effect_size=-comparisons["effect_size"],
        better=1 - comparisons["better"],
    )
    return swapped


def ratio_intervals(tops: FloatMatrix, belows: FloatMatrix) -> FloatMatrix:
    """Ratio of the sums over users with its bootstrap interval (3, m): mean, low, high."""
    return np.vstack([_ratios(tops, belows), quantiles(resampled_ratios(tops, belows))])
