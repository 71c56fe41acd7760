"""Hit rate."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.evaluation.metrics.arithmetic import ratio
from recsys.evaluation.metrics.record import Metric


def hit_rate(first_hits: npt.NDArray[Any], n_relevant: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """1 where any relevant item is in the list, else 0 (no denominator); NaN for a user with none.

    With ties, the probability of it: 1 − Π_p (1 − f_p), where f_p is the probability of a hit at
    rank p after none above.

    >>> hit_rate(np.array([[False, True], [False, False]]), np.array([4, 1]))
    array([1., 0.])
    """
    missed = np.prod(1.0 - first_hits, axis=1)
    return ratio(1 - missed, np.asarray(n_relevant) > 0)


HIT_RATE = Metric(
    name="hit_rate",
    label="Hit rate",
    meaning="users with at least one hit",
    group="accuracy",
    function=hit_rate,
    compared=True,
    place=5,
)
