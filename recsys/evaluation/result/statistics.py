"""Statistics of means over users: intervals, paired tests, correction for several tests.

Users, not ratings, are the independent draws: they are resampled, and their differences change
sign. All columns of a matrix (models, metrics) get the same draws, so that differences between
columns are paired, and a matrix product does the work.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

FloatVector = npt.NDArray[np.float64]
FloatMatrix = npt.NDArray[np.float64]

RESAMPLES = 2000
"""Bootstrap resamples behind an interval."""
PERMUTATIONS = 10_000
"""Random sign flips behind a p-value."""
SIGNIFICANT = 0.05
"""P-values below this are significant."""

_BLOCK = 1 << 22  # random numbers drawn together


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


def permutation_tests(
    differences: FloatMatrix, permutations: int = PERMUTATIONS, seed: int = 0
) -> FloatVector:
    """Two-sided p-values (m,) of a mean difference of zero, by flipping signs at random.

    If two models were interchangeable, each user's difference could as well have the other sign.
    The observed arrangement counts as one of the permutations, so that p is never 0. Where
    Hoeffding's bound on the exact p-value, 2 exp(−(Σd)² / 2Σd²), is smaller than this number of
    permutations can show, the bound is returned.

    Args:
        differences: (n, m) of n users in m comparisons, all tested with the same flips; NaN is no
            value.
        permutations: how many flips.
        seed: seed for the flips.

    >>> permutation_tests(np.zeros((2, 1)))
    array([1.])
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
    # Sums that are equal but for the order of addition count as equal.
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

    With denominators of one these are resampled means over users; with counts, means over
    everything counted. A user without a value has zero in both. NaN where a resample has nothing
    to count.
    """
    # Many columns have the same denominator; they share one product.
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
    """P-values corrected for the number of tests (Holm 1979), in the same order.

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
