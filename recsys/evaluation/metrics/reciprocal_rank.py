"""Mean reciprocal rank."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recsys.evaluation.metrics.arithmetic import ratio
from recsys.evaluation.metrics.record import Metric


def reciprocal_rank(
    hits: npt.NDArray[np.bool_], n_relevant: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """1 / rank of the first relevant item in the list, 0 without one; NaN for a user with none.

    >>> reciprocal_rank(np.array([[False, True]]), np.array([4]))
    array([0.5])
    """
    first = np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1.0), 0.0)
    return ratio(first, np.asarray(n_relevant) > 0)


MRR = Metric(
    name="mrr",
    label="MRR",
    meaning="1 / rank of the first hit",
    group="accuracy",
    function=reciprocal_rank,
    compared=True,
    place=4,
)
