"""Mean average precision."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recsys.evaluation.metrics.arithmetic import ratio
from recsys.evaluation.metrics.record import Metric


def average_precision(
    hits: npt.NDArray[np.bool_], n_relevant: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Sum of the precisions at the ranks of the hits / relevant items held out; NaN for none.

    >>> average_precision(np.array([[True, False, True]]), np.array([2]))
    array([0.83333333])
    """
    ranks = np.arange(1, hits.shape[1] + 1)
    precisions = np.cumsum(hits, axis=1) / ranks
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
