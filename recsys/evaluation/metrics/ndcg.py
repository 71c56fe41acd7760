"""Discounted cumulative gain, normalized: with hits, and with ratings as gains."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.evaluation.metrics.arithmetic import discount, ratio
from recsys.evaluation.metrics.record import Metric

Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]


def ndcg(hits: npt.NDArray[Any], n_relevant: npt.ArrayLike) -> Vector:
    """Discounted hits / the same for an ideal list of this length; NaN for a user with none.

    A hit at rank p counts 1 / log2(p + 1); the ideal list has min(k, relevant) hits at its top.

    >>> ndcg(np.array([[False, True]]), np.array([1])).round(4)
    array([0.6309])
    """
    relevant = np.asarray(n_relevant, np.int64)
    k = hits.shape[1]
    ideal = np.concatenate([[0.0], np.cumsum(discount(k))])[np.minimum(relevant, k)]
    return ratio(hits @ discount(k), ideal)


def ndcg_by_length(
    hits: npt.NDArray[Any], n_relevant: npt.NDArray[np.integer]
) -> npt.NDArray[np.float64]:
    """NDCG (n, length) of the first 1, 2, ... items, for users with relevant items."""
    depth = hits.shape[1]
    ideal = np.cumsum(discount(depth))
    reached = np.minimum(n_relevant[:, None], np.arange(1, depth + 1))
    return np.asarray(np.cumsum(hits * discount(depth), axis=1) / ideal[reached - 1])


def graded_ndcg(gains: Matrix, ideal_gains: Matrix) -> Vector:
    """Discounted gains / the same for the ideal order, cut at k; NaN for a user with none.

    The gain of an item is its held-out rating (linear gain), 0 where it was not held out.

    >>> graded_ndcg(np.array([[3.0, 5.0]]), np.array([[5.0, 3.0]])).round(4)
    array([0.8929])
    """
    weights = discount(gains.shape[1])
    return ratio(gains @ weights, ideal_gains @ weights)


NDCG = Metric(
    name="ndcg",
    label="NDCG",
    meaning="hits, weighted by rank / the same for an ideal list",
    group="accuracy",
    function=ndcg,
    curve=ndcg_by_length,
    compared=True,
    place=1,
)
GRADED_NDCG = Metric(
    name="graded_ndcg",
    label="Graded NDCG",
    meaning="held-out values, weighted by rank / the ideal",
    group="further accuracy",
    function=graded_ndcg,
    place=1,
)
