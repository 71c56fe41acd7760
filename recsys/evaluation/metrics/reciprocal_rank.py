"""Mean reciprocal rank."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.evaluation.metrics.arithmetic import ratio
from recsys.evaluation.metrics.record import Metric


def reciprocal_rank(
    first_hits: npt.NDArray[Any], n_relevant: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """1 / rank of the first relevant item in the list, 0 without one; NaN for a user with none.

    With ties, the mean: Σ_p f_p Π_{q < p} (1 − f_q) / p, where f_p is the probability of a hit at
    rank p after none above.

    >>> reciprocal_rank(np.array([[False, True]]), np.array([4]))
    array([0.5])
    """
    missed = np.cumprod(1.0 - first_hits, axis=1)
    before = np.hstack([np.ones((len(missed), 1)), missed[:, :-1]])
    ranks = np.arange(1, missed.shape[1] + 1)
    return ratio((before - missed) @ (1 / ranks), np.asarray(n_relevant) > 0)


MRR = Metric(
    name="mrr",
    label="MRR",
    meaning="1 / rank of the first hit",
    group="accuracy",
    function=reciprocal_rank,
    compared=True,
    place=4,
)
