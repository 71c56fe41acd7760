"""How the recommendations spread over the catalogue. One number per model, not one per user."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recsys.diagnosis import signs
from recsys.evaluation.metrics.record import Metric

Counts = npt.NDArray[np.integer]
Vector = npt.NDArray[np.floating] | Counts


def coverage(reached: Vector) -> float:
    """Different items recommended to anybody / items of the catalogue.

    With ties, the expected number of different items.

    >>> coverage(np.array([1.0, 1.0, 0.0, 0.0]))
    0.5
    """
    return float(reached.sum() / len(reached)) if len(reached) else float("nan")


def gini(recommended: Vector) -> float:
    """Gini index of how often each item of the catalogue is recommended: 0 equal, near 1 one item.

    Twice the area between the Lorenz curve and the diagonal; NaN without recommendations. With
    ties, of the expected exposure of each item: that of one random order is higher by chance.

    >>> gini(np.array([1, 1, 1, 1])), gini(np.array([2, 0, 0, 0]))
    (0.0, 0.75)
    """
    counts = np.sort(recommended.astype(np.float64))
    if not counts.sum():
        return float("nan")
    n_items = len(counts)
    weights = 2 * np.arange(1, n_items + 1) - n_items - 1
    return float(weights @ counts / (n_items * counts.sum()))


def head_share(recommended: Vector, counts: Counts) -> float:
    """Recommendations among the most rated hundredth of the items / all recommendations.

    >>> head_share(np.array([1, 3, 0]), np.array([9, 2, 2]))
    0.25
    """
    return signs.head_share(recommended, counts)


COVERAGE = Metric(
    name="coverage",
    label="Coverage",
    meaning="different items recommended / items in the catalogue",
    group="catalogue",
    function=coverage,
    higher_is_better=None,
    place=1,
)
GINI = Metric(
    name="gini",
    label="Gini",
    meaning="inequality of exposure: 0 if all items are recommended equally, 1 if only one is",
    group="catalogue",
    function=gini,
    higher_is_better=None,
    place=2,
)
HEAD_SHARE = Metric(
    name="head_share",
    label="Head share",
    meaning="recommendations among the most rated hundredth of the items",
    group="catalogue",
    function=head_share,
    higher_is_better=None,
    place=3,
)
