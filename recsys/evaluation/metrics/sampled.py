"""Metrics against a few random items instead of the catalogue, for comparison with papers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recsys.evaluation.metrics.arithmetic import discount
from recsys.evaluation.metrics.record import Metric

Rows = npt.NDArray[np.integer]
Vector = npt.NDArray[np.float64]


def sampled_ndcg(above: Rows, equal: Rows, k: int) -> Vector:
    """1 / log2(rank + 1) of each relevant item in the first k, else 0 (no denominator).

    >>> sampled_ndcg(np.array([0, 2, 5]), np.array([0, 0, 0]), 5)
    array([1. , 0.5, 0. ])
    """
    return _mean_over_ranks(discount(k), above, equal)


def sampled_hit_rate(above: Rows, equal: Rows, k: int) -> Vector:
    """1 for each relevant item in the first k, else 0 (no denominator).

    >>> sampled_hit_rate(np.array([0, 4, 4]), np.array([0, 0, 1]), 5)
    array([1. , 1. , 0.5])
    """
    return _mean_over_ranks(np.ones(k), above, equal)


def _mean_over_ranks(gains: Vector, above: Rows, equal: Rows) -> Vector:
    # Of the gains (k,) at the ranks above + 1 to above + equal + 1; there is none after k.
    sums = np.concatenate([[0.0], np.cumsum(gains)])
    first, last = np.minimum(above, len(gains)), np.minimum(above + equal + 1, len(gains))
    return np.asarray((sums[last] - sums[first]) / (equal + 1))


SAMPLED_NDCG = Metric(
    name="sampled_ndcg",
    label="Sampled NDCG",
    meaning="of each relevant item among a few random ones; not NDCG",
    group="sampled",
    function=sampled_ndcg,
    place=1,
)
SAMPLED_HIT_RATE = Metric(
    name="sampled_hit_rate",
    label="Sampled hit rate",
    meaning="relevant items in the first k among a few random others",
    group="sampled",
    function=sampled_hit_rate,
    place=2,
)
