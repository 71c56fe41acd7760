"""Metrics against a few random items instead of the catalogue, for comparison with papers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recsys.evaluation.metrics.record import Metric

Vector = npt.NDArray[np.float64]


def sampled_ndcg(sampled_ranks: Vector, k: int) -> Vector:
    """1 / log2(rank + 1) of each relevant item in the first k, else 0 (no denominator).

    >>> sampled_ndcg(np.array([1.0, 3.0, 6.0]), 5)
    array([1. , 0.5, 0. ])
    """
    return np.asarray((sampled_ranks <= k) / np.log2(sampled_ranks + 1))


def sampled_hit_rate(sampled_ranks: Vector, k: int) -> Vector:
    """1 for each relevant item in the first k, else 0 (no denominator).

    >>> sampled_hit_rate(np.array([1.0, 3.0, 6.0]), 5)
    array([1., 1., 0.])
    """
    return (sampled_ranks <= k).astype(np.float64)


SAMPLED_NDCG = Metric(
    name="sampled_ndcg",
    label="Sampled NDCG",
    meaning="of each relevant item among a few random others; not NDCG",
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
