"""Means, intervals over users and over seeds of what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from protocols.record import Measure, Sums, Vector
from recsys.evaluation.result.statistics import FloatMatrix, quantiles, resampled_ratios


@dataclass(frozen=True, eq=False)
class Run:
    """What one contender reached on one part with one seed."""

    part: str
    seed: int | None
    """None where nothing is drawn."""
    seconds: float
    sums: Sums


@dataclass(frozen=True)
class Difference:
    """A measure of one contender less that of another."""

    mean: float
    low: float
    high: float
    """95 % interval over users, who are paired."""
    share: float
    """The mean over the value of the other."""


@dataclass(frozen=True)
class Value:
    """A measure of a contender: the mean over parts and seeds."""

    mean: float
    low: float
    high: float
    """95 % interval over users: with other users of the same kind, means would lie here."""
    by_seed: list[float]
    by_part: dict[str, float]

    @property
    def over_seeds(self) -> float:
        """Half the width of the 95 % interval of the mean over seeds; NaN with one seed."""
        n = len(self.by_seed)
        if n < 2:
            return float("nan")
        return float(stats.t.ppf(0.975, n - 1) * np.std(self.by_seed, ddof=1) / n**0.5)

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        over_seeds = None if np.isnan(self.over_seeds) else self.over_seeds
        return vars(self) | {"over_seeds": over_seeds}


def summarize(measure: Measure, runs: Sequence[Run]) -> Value:
    """The mean of a measure over the runs of a contender, with its intervals.

    The value of a run is (Σ sums / Σ amounts)^(1/power). Parts weigh alike, and so do seeds. Users
    are resampled, the same ones in all runs.
    """
    low, high = quantiles(_resampled(measure, runs))[:, 0]
    reached = values_of(measure, runs)
    return Value(
        float(reached.mean()),
        float(low),
        float(high),
        list(_means([run.seed for run in runs], reached).values()),
        _means([run.part for run in runs], reached),
    )


def difference(measure: Measure, runs: Sequence[Run], others: Sequence[Run]) -> Difference:
    """The mean over the runs of a contender less that of another, on the same parts.

    The same users are resampled in the runs of both.
    """
    resampled = _resampled(measure, runs) - _resampled(measure, others)
    low, high = quantiles(resampled)[:, 0]
    other = values_of(measure, others).mean()
    mean = values_of(measure, runs).mean() - other
    return Difference(float(mean), float(low), float(high), float(mean / other))


def values_of(measure: Measure, runs: Sequence[Run]) -> Vector:
    """The value (n_runs,) of each run."""
    pairs = zip(*_columns(measure, runs), strict=True)
    return np.array([(top.sum() / amount.sum()) ** (1 / measure.power) for top, amount in pairs])


def _resampled(measure: Measure, runs: Sequence[Run]) -> FloatMatrix:
    # (resamples, 1) the mean over the runs, of users drawn alike for all contenders.
    tops, amounts = (np.column_stack(columns) for columns in _columns(measure, runs))
    means = resampled_ratios(tops, amounts) ** (1 / measure.power)
    return np.asarray(means.mean(axis=1, keepdims=True))


def _columns(measure: Measure, runs: Sequence[Run]) -> tuple[list[Vector], list[Vector]]:
    sums = [run.sums[measure.name] for run in runs]
    return [top for top, _ in sums], [amount for _, amount in sums]


def _means(keys: Sequence[Any], values: Vector) -> dict[Any, float]:
    # The mean of the values of each key.
    groups: dict[Any, list[float]] = {}
    for key, value in zip(keys, values, strict=True):
        groups.setdefault(key, []).append(float(value))
    return {key: float(np.mean(group)) for key, group in groups.items()}
