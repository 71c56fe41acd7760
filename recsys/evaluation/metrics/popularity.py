"""How popular the recommended items are, as bits of surprise and as counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.evaluation.metrics.arithmetic import list_mean
from recsys.evaluation.metrics.record import Metric

Rows = npt.NDArray[np.integer]
Chances = npt.NDArray[Any]
Vector = npt.NDArray[np.float64]


def novelty(items: Rows, chances: Chances, counts: npt.ArrayLike, n_users: int) -> Vector:
    """Mean, over the list, of the self-information −log2(raters / users) of its items, in bits.

    An item nobody rated counts as rated by one.

    >>> novelty(np.array([[0, 1]]), np.array([[True, True]]), [8, 2], 8)
    array([1.])
    """
    information = -np.log2(np.maximum(np.asarray(counts, np.float64), 1) / n_users)
    return list_mean(information, items, chances)


def popularity_bias(items: Rows, chances: Chances, counts: npt.ArrayLike) -> Vector:
    """Mean, over the list, of the number of training ratings of its items.

    >>> popularity_bias(np.array([[0, 1]]), np.array([[True, True]]), [8, 2])
    array([5.])
    """
    return list_mean(np.asarray(counts, np.float64), items, chances)


NOVELTY = Metric(
    name="novelty",
    label="Novelty",
    meaning="mean self-information of the items, in bits",
    group="beyond accuracy",
    function=novelty,
    higher_is_better=None,
    place=1,
)
POPULARITY = Metric(
    name="popularity",
    label="Popularity",
    meaning="mean training ratings of the items",
    group="beyond accuracy",
    function=popularity_bias,
    higher_is_better=None,
    place=2,
)
