"""How different the items of one list are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recsys.evaluation.metrics.arithmetic import ratio
from recsys.evaluation.metrics.record import Metric


def diversity(items: npt.NDArray[np.integer], genres: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Mean of 1 − cosine of the genres over all pairs of the list; NaN for fewer than two items.

    An item without genres is similar to nothing.

    >>> diversity(np.array([[0, 1], [0, 2]]), [[1.0, 0], [0, 1], [1, 0]])
    array([1., 0.])
    """
    table = np.asarray(genres, np.float64)
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    unit = np.divide(table, lengths, out=np.zeros_like(table), where=lengths > 0)
    there = items >= 0
    chosen = unit[items] * there[..., None]
    # Σ_{a≠b} u_a·u_b = ‖Σ u‖² − Σ ‖u‖², without forming the pairs.
    together = np.square(chosen.sum(axis=1)).sum(axis=1) - np.square(chosen).sum(axis=(1, 2))
    n = there.sum(axis=1)
    return 1 - ratio(together, n * (n - 1))


DIVERSITY = Metric(
    name="diversity",
    label="Diversity",
    meaning="1 − mean cosine of the genres within a list",
    group="beyond accuracy",
    function=diversity,
    higher_is_better=None,
    place=3,
)
