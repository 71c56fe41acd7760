"""Arithmetic that several metrics share."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]


def ratio(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> Vector:
    """Numerator / denominator, element by element; NaN where the denominator is not positive."""
    top, bottom = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    share: Vector = np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > 0)
    return share


def discount(k: int) -> Vector:
    """1 / log2(rank + 1) for ranks 1 to k."""
    return 1 / np.log2(np.arange(2, k + 2))


def list_mean(values: Vector, items: npt.NDArray[np.integer], chances: npt.NDArray[Any]) -> Vector:
    """Mean over each list of the value of its items; NaN for an empty list.

    Args:
        values: (n_items,).
        items: (n, m) rows of items that may be in the list, −1 for none.
        chances: (n, m) probability that each of them is; they add up to the length of the list.
    """
    return ratio((values[items] * chances).sum(axis=1), chances.sum(axis=1))
