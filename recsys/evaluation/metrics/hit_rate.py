"""Hit rate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recsys.evaluation.metrics.arithmetic import ratio
from recsys.evaluation.metrics.record import Metric


def hit_rate(hits: npt.NDArray[np.bool_], n_relevant: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """1 where any relevant item is in the list, else 0 (no denominator); NaN for a user with none.

    >>> hit_rate(np.array([[False, True], [False, False]]), np.array([4, 1]))
    array([1., 0.])
    """
    return ratio(hits.any(axis=1), np.asarray(n_relevant) > 0)


HIT_RATE = Metric(
    name="hit_rate",
    label="Hit rate",
    meaning="users with at least one hit",
    group="accuracy",
    function=hit_rate,
    compared=True,
    place=5,
)
