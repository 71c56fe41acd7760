"""Metrics, one value per user. The first line of each states its denominator."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BoolMatrix = npt.NDArray[np.bool_]
FloatVector = npt.NDArray[np.float64]


def rmse(predicted: npt.ArrayLike, actual: npt.ArrayLike) -> float:
    """Root of the mean, over all pairs, of the squared error; NaN for none.

    >>> rmse([3.0, 5.0], [4.0, 5.0])
    0.7071067811865476
    """
    error = np.asarray(predicted, np.float64) - np.asarray(actual, np.float64)
    return float(np.sqrt(np.mean(error**2))) if error.size else float("nan")


def recall(hits: BoolMatrix, n_relevant: npt.ArrayLike) -> FloatVector:
    """Relevant items in the list / relevant items held out; NaN for a user with none.

    >>> recall(np.array([[True, False]]), np.array([4]))
    array([0.25])
    """
    relevant = np.asarray(n_relevant, np.float64)
    share: FloatVector = np.divide(
        hits.sum(axis=1), relevant, out=np.full(len(relevant), np.nan), where=relevant > 0
    )
    return share


def ndcg(hits: BoolMatrix, n_relevant: npt.ArrayLike) -> FloatVector:
    """Discounted hits / the same for an ideal list of this length; NaN for a user with none.

    A hit at rank p counts 1 / log2(p + 1); the ideal list has min(k, relevant) hits at its top.

    >>> ndcg(np.array([[False, True]]), np.array([1])).round(4)
    array([0.6309])
    """
    relevant = np.asarray(n_relevant, np.int64)
    k = hits.shape[1]
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(relevant, k)]
    found = hits @ discount
    share: FloatVector = np.divide(
        found, ideal, out=np.full(len(relevant), np.nan), where=ideal > 0
    )
    return share
