"""Hits that the popularity list would have missed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.evaluation.metrics.arithmetic import ratio
from recsys.evaluation.metrics.record import Metric


def serendipity(
    hits: npt.NDArray[Any],
    item_hits: npt.NDArray[Any],
    obvious: npt.ArrayLike,
    n_relevant: npt.ArrayLike,
) -> npt.NDArray[np.float64]:
    """Relevant items in the list that the user's popularity list lacks / k; NaN for none.

    >>> hits = np.array([[True, True]])
    >>> serendipity(hits, hits, [[0.0, 1.0]], [2])
    array([0.5])
    """
    k = np.where(np.asarray(n_relevant) > 0, hits.shape[1], 0)
    return ratio((item_hits * (1 - np.asarray(obvious))).sum(axis=1), k)


SERENDIPITY = Metric(
    name="serendipity",
    label="Serendipity",
    meaning="hits the popularity list lacks / k",
    group="beyond accuracy",
    function=serendipity,
    place=4,
)
