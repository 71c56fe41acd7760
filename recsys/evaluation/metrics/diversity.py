"""How different the items of one list are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.evaluation.metrics.arithmetic import ratio
from recsys.evaluation.metrics.record import Metric

Table = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float64]


def diversity(
    items: npt.NDArray[np.integer], chances: npt.NDArray[Any], genres: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Mean of 1 − cosine of the genres over all pairs of the list; NaN for fewer than two items.

    An item without genres is similar to nothing.

    >>> genres = [[1.0, 0], [0, 1], [1, 0]]
    >>> diversity(np.array([[0, 1], [0, 2]]), np.ones((2, 2)), genres)
    array([1., 0.])
    """
    table = np.asarray(genres, np.float64)
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    unit = np.divide(table, lengths, out=np.zeros_like(table), where=lengths > 0)
    chosen = unit[items] * chances[..., None]
    total = chosen.sum(axis=1)
    # Σ_{a≠b} u_a·u_b = ‖Σ u‖² − Σ ‖u‖², without forming the pairs.
    together = np.square(total).sum(axis=1) - np.square(chosen).sum(axis=(1, 2))
    n = chances.sum(axis=1)
    unsure = (chances > 0) & (chances < 1)
    if unsure.any():
        together -= _overcounted(chosen * unsure[..., None], unsure, chances)
    return 1 - ratio(together, np.rint(n) * (np.rint(n) - 1))


def _overcounted(tied: Table, unsure: npt.NDArray[np.bool_], chances: npt.NDArray[Any]) -> Vector:
    # Of m tied items r are in the list, each with probability q = r/m, but a pair of them not with
    # q² but with q (r − 1)/(m − 1). Each pair of `tied`, which are q·u, is to count the quotient of
    # the two, (r − 1) m / (r (m − 1)), instead of 1. No other pair has two uncertain items.
    m = unsure.sum(axis=1)
    r = np.rint((chances * unsure).sum(axis=1))
    pairs = np.square(tied.sum(axis=1)).sum(axis=1) - np.square(tied).sum(axis=(1, 2))
    below = r * (m - 1)
    share = np.divide((r - 1) * m, below, out=np.ones(len(m)), where=below > 0)
    return np.asarray(pairs * (1 - share))


DIVERSITY = Metric(
    name="diversity",
    label="Diversity",
    meaning="1 − mean cosine of the genres within a list",
    group="beyond accuracy",
    function=diversity,
    higher_is_better=None,
    place=3,
)
