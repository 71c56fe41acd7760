"""What can be said of means over users: intervals, paired tests, correction for many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatVector = npt.NDArray[np.float64]

_BLOCK = 1 << 22  # random numbers drawn together


@dataclass(frozen=True)
class Interval:
    """A mean over users with its bootstrap interval."""

    mean: float
    low: float
    high: float
    n: int
    """Users with a value."""


@dataclass(frozen=True)
class Comparison:
    """Two models on the same users."""

    difference: float
    """Mean of the first minus mean of the second."""
    low: float
    high: float
    """95 % bootstrap interval of the difference."""
    p_value: float
    """Of the two-sided paired permutation test; after Holm's correction where many were made."""
    effect_size: float
    """Cohen's d for paired values: mean difference / its standard deviation over users."""
    better: float
    """Share of users for whom the first is better, ties half."""
    n: int


def bootstrap_interval(
    values: npt.ArrayLike, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Interval:
    """Mean of the values that are not NaN, with the percentile interval of resampled means.

    Users are resampled, because users, not ratings, are the independent draws. NaN without values.

    >>> bootstrap_interval([1.0, 1.0, 1.0])
    Interval(mean=1.0, low=1.0, high=1.0, n=3)
    """
    there = _without_nan(values)
    if not len(there):
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    means = _resampled_means(there, resamples, seed)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(there.mean()), float(low), float(high), len(there))


def compare(
    first: npt.ArrayLike, second: npt.ArrayLike, resamples: int = 2000, seed: int = 0
) -> Comparison:
    """The first model against the second, value by value of the same users.

    Users for whom either value is NaN do not count.

    Raises:
        ValueError: the two do not have as many values, or no user has both.
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if a.shape != b.shape:
        raise ValueError(f"paired values must be as many: {len(a)} and {len(b)}")
    differences = _without_nan(a - b)
    if not len(differences):
        raise ValueError("no user has a value of both models")
    spread = float(differences.std(ddof=1)) if len(differences) > 1 else 0.0
    mean = float(differences.mean())
    low, high = np.quantile(_resampled_means(differences, resamples, seed), [0.025, 0.975])
    return Comparison(
        difference=mean,
        low=float(low),
        high=float(high),
        p_value=permutation_test(differences, seed=seed),
        effect_size=mean / spread if spread else 0.0,
        better=float(np.mean(differences > 0) + np.mean(differences == 0) / 2),
        n=len(differences),
    )


def permutation_test(
    differences: npt.ArrayLike, permutations: int = 10_000, seed: int = 0
) -> float:
    """Two-sided p-value of a mean difference of zero, by flipping signs at random.

    If the models were interchangeable, each user's difference could as well have the other sign.
    The observed arrangement counts as one of the permutations, so that p is never 0.

    >>> permutation_test([0.0, 0.0])
    1.0
    """
    values = _without_nan(differences)
    values = values[values != 0]
    if not len(values):
        return 1.0
    rng = np.random.default_rng(seed)
    observed = abs(float(values.sum()))
    slack = 1e-12 * float(np.abs(values).sum())  # equal sums in another order of addition
    extreme, done = 0, 0
    while done < permutations:
        n = min(permutations - done, max(1, _BLOCK // len(values)))
        bits = rng.integers(0, 256, (n, (len(values) + 7) // 8), dtype=np.uint8)
        flipped = np.unpackbits(bits, axis=1, count=len(values))
        sums = values.sum() - 2 * (flipped @ values)
        extreme += int((np.abs(sums) >= observed - slack).sum())
        done += n
    return (extreme + 1) / (permutations + 1)


def holm(p_values: npt.ArrayLike) -> FloatVector:
    """P-values corrected for having made several tests (Holm 1979), in the same order.

    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p, kind="stable")
    steps = (len(p) - np.arange(len(p))) * p[order]
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected


def _without_nan(values: npt.ArrayLike) -> FloatVector:
    array = np.asarray(values, np.float64)
    return array[~np.isnan(array)]


def _resampled_means(values: FloatVector, resamples: int, seed: int) -> FloatVector:
    rng = np.random.default_rng(seed)
    n = len(values)
    means = np.empty(resamples)
    per_block = max(1, _BLOCK // n)
    for start in range(0, resamples, per_block):
        stop = min(start + per_block, resamples)
        means[start:stop] = values[rng.integers(0, n, (stop - start, n))].mean(axis=1)
    return means
