"""Signs of trouble that both the health of a model and the checks of an evaluation look for.

Each threshold and its test are written here once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

LAST_STEP = 0.01
"""Share of the loss that the last epoch may still change; more means training is not finished."""

HEAD = 0.01
"""Share of the items that counts as the head of the catalogue."""

HEAD_SHARE = 0.5
"""Share of all recommendations that the head may take; more means they are concentrated."""


def last_fall(losses: Sequence[float] | npt.NDArray[np.float64]) -> float:
    """Share by which the last epoch lowered the loss; negative where it rose.

    NaN for fewer than two epochs, and where the loss before the last epoch was zero.

    >>> last_fall([9.0, 4.0, 3.0])
    0.25
    """
    if len(losses) < 2 or not losses[-2]:
        return float("nan")
    return float((losses[-2] - losses[-1]) / abs(losses[-2]))


def still_falling(losses: Sequence[float] | npt.NDArray[np.float64]) -> bool:
    """Whether the last epoch lowered the loss by more than `LAST_STEP`.

    >>> still_falling([2.0, 1.0]), still_falling([1.0, 0.999]), still_falling([1.0])
    (True, False, False)
    """
    return last_fall(losses) > LAST_STEP


def rising(losses: Sequence[float] | npt.NDArray[np.float64]) -> bool:
    """Whether the last epoch raised the loss by more than `LAST_STEP`.

    >>> rising([1.0, 2.0]), rising([1.0, 1.001])
    (True, False)
    """
    return last_fall(losses) < -LAST_STEP


def head_share(
    recommended: npt.NDArray[np.number], order_by: npt.NDArray[np.number] | None = None
) -> float:
    """Recommendations of items in the head / all recommendations; NaN without any.

    The head is the hundredth of the items, at least one, with the highest `order_by`. Items that
    are equal there share the last places: each counts by the part of a place that it has.

    Args:
        recommended: (n_items,) how often each item is recommended.
        order_by: (n_items,), such as numbers of ratings; None for `recommended` itself.

    >>> head_share(np.array([1, 3, 0]))
    0.75
    >>> head_share(np.array([1, 3, 0]), np.array([9, 2, 2]))
    0.25
    >>> head_share(np.array([1, 3, 0]), np.array([9, 9, 2]))
    0.5
    """
    total = recommended.sum()
    if not total:
        return float("nan")
    ranked = recommended if order_by is None else order_by
    size = head_size(len(ranked))
    last = np.partition(ranked, -size)[-size]
    above, equal = ranked > last, ranked == last
    share = (size - np.count_nonzero(above)) / np.count_nonzero(equal)
    return float((recommended[above].sum() + share * recommended[equal].sum()) / total)


def head_size(n_items: int) -> int:
    """How many of `n_items` are the head: at least one.

    >>> head_size(50), head_size(1000)
    (1, 10)
    """
    return max(1, int(n_items * HEAD))


def concentrated(share: float) -> bool:
    """Whether the head takes more than `HEAD_SHARE` of the recommendations; False for NaN.

    >>> concentrated(0.6), concentrated(0.5), concentrated(float("nan"))
    (True, False, False)
    """
    return share > HEAD_SHARE
