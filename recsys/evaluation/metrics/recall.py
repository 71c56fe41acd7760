"""Recall, by both denominators in use."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.evaluation.metrics.arithmetic import ratio
from recsys.evaluation.metrics.record import Metric

Vector = npt.NDArray[np.float64]


def recall(hits: npt.NDArray[Any], n_relevant: npt.ArrayLike) -> Vector:
    """Relevant items in the list / relevant items held out; NaN for a user with none.

    >>> recall(np.array([[True, False]]), np.array([4]))
    array([0.25])
    """
    return ratio(hits.sum(axis=1), n_relevant)


def recall_by_length(
    hits: npt.NDArray[Any], n_relevant: npt.NDArray[np.integer]
) -> npt.NDArray[np.float64]:
    """Recall (n, length) of the first 1, 2, ... items, for users with relevant items."""
    return np.asarray(np.cumsum(hits, axis=1) / n_relevant[:, None])


def capped_recall(hits: npt.NDArray[Any], n_relevant: npt.ArrayLike) -> Vector:
    """Relevant items in the list / the smaller of k and relevant items held out; NaN for none.

    What Liang et al. 2018 call Recall@k, and what `implicit` calls precision.

    >>> capped_recall(np.array([[True, False]]), np.array([4]))
    array([0.5])
    """
    return ratio(hits.sum(axis=1), np.minimum(n_relevant, hits.shape[1]))


RECALL = Metric(
    name="recall",
    label="Recall",
    meaning="hits / relevant items held out",
    group="accuracy",
    function=recall,
    curve=recall_by_length,
    compared=True,
    place=2,
)
CAPPED_RECALL = Metric(
    name="capped_recall",
    label="Capped recall",
    meaning="hits / the smaller of k and relevant items",
    group="further accuracy",
    function=capped_recall,
    place=2,
)
