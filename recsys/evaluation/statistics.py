"""What can be said of means over users: intervals, paired tests, correction for many.

Users, not ratings, are the independent draws: they are resampled, and their differences change
sign. The functions on matrices treat all columns (models, metrics) with the same draws, so that
differences between columns are paired, and a matrix product does the work.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recsys.errors import ArgumentError

FloatVector = npt.NDArray[np.float64]
FloatMatrix = npt.NDArray[np.float64]

RESAMPLES = 2000
PERMUTATIONS = 10_000
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
    values: npt.ArrayLike, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Mean of the values that are not NaN, with the percentile interval of resampled means.

    Users are resampled, because users, not ratings, are the independent draws. NaN without values.

    >>> bootstrap_interval([1.0, 1.0, 1.0])
    Interval(mean=1.0, low=1.0, high=1.0, n=3)
    """
    there = _without_nan(values)
    if not len(there):
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    means = resampled_ratios(there[:, None], np.ones((len(there), 1)), resamples, seed)
    low, high = quantiles(means, level)[:, 0]
    return Interval(float(there.mean()), float(low), float(high), len(there))


def compare(
    first: npt.ArrayLike, second: npt.ArrayLike, resamples: int = RESAMPLES, seed: int = 0
) -> Comparison:
    """The first model against the second, value by value of the same users.

    Users for whom either value is NaN do not count.

    Raises:
        ValueError: the two do not have as many values, or no user has both.
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if a.shape != b.shape:
        raise ArgumentError(f"paired values must be as many: {len(a)} and {len(b)}")
    differences = _without_nan(a - b)
    if not len(differences):
        raise ArgumentError("no user has a value of both models")
    interval = bootstrap_interval(differences, resamples=resamples, seed=seed)
    return Comparison(
        difference=interval.mean,
        low=interval.low,
        high=interval.high,
        p_value=permutation_test(differences, seed=seed),
        effect_size=effect_size(differences),
        better=share_better(differences),
        n=len(differences),
    )


def effect_size(differences: npt.ArrayLike) -> float:
    """Mean of the differences that are not NaN / their standard deviation; 0 where that is 0.

    >>> effect_size([1.0, 3.0]).__round__(4)
    1.4142
    """
    values = _without_nan(differences)
    spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return float(values.mean()) / spread if spread else 0.0


def share_better(differences: npt.ArrayLike) -> float:
    """Differences above zero, and half of those that are zero / differences that are not NaN.

    >>> share_better([0.5, 0.0, -0.1, 2.0])
    0.625
    """
    values = _without_nan(differences)
    return float(np.mean(values > 0) + np.mean(values == 0) / 2) if len(values) else float("nan")


def permutation_test(
    differences: npt.ArrayLike, permutations: int = PERMUTATIONS, seed: int = 0
) -> float:
    """Two-sided p-value of a mean difference of zero, by flipping signs at random.

    If the models were interchangeable, each user's difference could as well have the other sign.
    The observed arrangement counts as one of the permutations, so that p is never 0; see
    `permutation_tests` for the very small ones.

    >>> permutation_test([0.0, 0.0])
    1.0
    """
    values = _without_nan(differences)
    return float(permutation_tests(values[values != 0, None], permutations, seed)[0])


def permutation_tests(
    differences: FloatMatrix, permutations: int = PERMUTATIONS, seed: int = 0
) -> FloatVector:
    """`permutation_test` of each column (n, m), with the same flips for all; NaN is no value.

    Where Hoeffding's bound on the exact p-value, 2 exp(−(Σd)² / 2Σd²), is smaller than any number
    of extreme permutations among so few could show, the bound is returned.
    """
    values = np.nan_to_num(np.asarray(differences, np.float64), nan=0.0)
    n, m = values.shape
    total, squares = values.sum(axis=0), np.square(values).sum(axis=0)
    z_squared = np.divide(total**2, squares, out=np.zeros(m), where=squares > 0)
    p = np.maximum(2 * np.exp(-z_squared / 2), np.finfo(np.float64).tiny)
    open_ = np.flatnonzero(p * (permutations + 1) >= 1)
    if not n or not len(open_):
        return np.asarray(np.minimum(p, 1.0))
    values, total = values[:, open_], total[open_]
    rng = np.random.default_rng(seed)
    # Equal sums, added up in another order, are equal.
    least = np.abs(total) - 1e-12 * np.abs(values).sum(axis=0)
    extreme, done = np.zeros(len(open_), np.int64), 0
    while done < permutations:
        rows = min(permutations - done, max(1, _BLOCK // n))
        bits = rng.integers(0, 256, (rows, (n + 7) // 8), dtype=np.uint8)
        flipped = np.unpackbits(bits, axis=1, count=n).astype(np.float64)
        sums = total - 2 * (flipped @ values)
        extreme += (np.abs(sums) >= least).sum(axis=0)
        done += rows
    p[open_] = (extreme + 1) / (permutations + 1)
    return np.asarray(p, np.float64)


def resampled_ratios(
    numerators: FloatMatrix, denominators: FloatMatrix, resamples: int = RESAMPLES, seed: int = 0
) -> FloatMatrix:
    """Σ numerators / Σ denominators over resampled users, column by column, (resamples, m).

    With denominators of one these are resampled means; with counts, means over all that is
    counted. A user without a value has zero in both. NaN where a resample has nothing to count.
    """
    # Columns with the same denominator, of which there are many, share one product.
    kinds, which = np.unique(np.asarray(denominators, np.float64), axis=1, return_inverse=True)
    tops = np.asarray(numerators, np.float64)
    ratios = np.full((resamples, tops.shape[1]), np.nan)
    for start, counts in _draws(len(tops), resamples, seed):
        below = (counts @ kinds)[:, which.ravel()]
        block = ratios[start : start + len(counts)]
        np.divide(counts @ tops, below, out=block, where=below > 0)
    return ratios


def quantiles(resampled: FloatMatrix, level: float = 0.95) -> FloatMatrix:
    """Lower and upper end (2, m) of the percentile interval of each column, NaN left out."""
    ends = [(1 - level) / 2, (1 + level) / 2]
    bad = np.isnan(resampled)
    if not bad.any():
        return np.quantile(resampled, ends, axis=0)
    columns = [column[~gone] for column, gone in zip(resampled.T, bad.T, strict=True)]
    nothing = np.full(2, np.nan)
    return np.column_stack([np.quantile(c, ends) if len(c) else nothing for c in columns])


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


def _draws(n: int, resamples: int, seed: int) -> Iterator[tuple[int, FloatMatrix]]:
    # How often each of n users is drawn in each resample, in blocks (rows, n).
    rng = np.random.default_rng(seed)
    per_block = max(1, _BLOCK // n)
    for start in range(0, resamples, per_block):
        rows = min(per_block, resamples - start)
        drawn = rng.integers(0, n, (rows, n), dtype=np.uint32 if n < 2**32 else np.uint64)
        drawn = drawn + np.arange(rows, dtype=np.int64)[:, None] * n
        counts = np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n)
        yield start, counts.astype(np.float64)
