"""Precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.evaluation.metrics.arithmetic import ratio
from recsys.evaluation.metrics.record import Metric


def precision(hits: npt.NDArray[Any], n_relevant: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Relevant items in the list / k, however few are relevant; NaN for a user with none.

    >>> precision(np.array([[True, False]]), np.array([1]))
    array([0.5])
    """
    return ratio(hits.sum(axis=1), np.where(np.asarray(n_relevant) > 0, hits.shape[1], 0))


def precision_by_length(hits: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Precision (n, length) of the first 1, 2, ... items, for users with relevant items."""
    return np.asarray(np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1))


PRECISION = Metric(
    name="precision",
    label="Precision",
    meaning="hits / k",
    group="accuracy",
    function=precision,
    curve=precision_by_length,
    place=6,
)
