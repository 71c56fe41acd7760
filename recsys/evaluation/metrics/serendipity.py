"""Hits that the popularity list would have missed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recsys.evaluation.metrics.arithmetic import ratio
from recsys.evaluation.metrics.record import Metric


def serendipity(
    hits: npt.NDArray[np.bool_],
    items: npt.NDArray[np.integer],
    popular: npt.ArrayLike,
    n_relevant: npt.ArrayLike,
) -> npt.NDArray[np.float64]:
    """Relevant items in the list that the user's popularity list lacks / k; NaN for none.

    >>> serendipity(np.array([[True, True]]), np.array([[4, 7]]), [[7, 9]], [2])
    array([0.5])
    """
    obvious = (items[:, :, None] == np.asarray(popular)[:, None, :]).any(axis=2)
    k = np.where(np.asarray(n_relevant) > 0, hits.shape[1], 0)
    return ratio((hits & ~obvious).sum(axis=1), k)


SERENDIPITY = Metric(
    name="serendipity",
    label="Serendipity",
    meaning="hits the popularity list lacks / k",
    group="beyond accuracy",
    function=serendipity,
    place=4,
)
