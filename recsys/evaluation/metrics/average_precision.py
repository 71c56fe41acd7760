"""Mean average precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.evaluation.metrics.arithmetic import ratio
from recsys.evaluation.metrics.record import Metric


def average_precision(
    hits: npt.NDArray[Any], hits_above: npt.NDArray[np.float64], n_relevant: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Sum of the precisions at the ranks of the hits / relevant items held out; NaN for none.

    The precision at a hit of rank p is (1 + hits above it) / p; the mean over ties is that of the
    hit times the expected number above it.

    >>> average_precision(np.array([[True, False, True]]), np.array([[0, 1, 1]]), np.array([2]))
    array([0.83333333])
    """
    ranks = np.arange(1, hits.shape[1] + 1)
    precisions = (1 + hits_above) / ranks
    return ratio((precisions * hits).sum(axis=1), n_relevant)


MAP = Metric(
    name="map",
    label="MAP",
    meaning="precision at each hit, summed / relevant items held out",
    group="accuracy",
    function=average_precision,
    compared=True,
    place=3,
)
