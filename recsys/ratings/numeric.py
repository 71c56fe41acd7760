"""Cells of a table as numbers, whatever they hold."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

_LARGEST_YEAR = 1e6


def numbers_in(cells: pd.Series[Any]) -> pd.Series[Any]:
    """The cells as numbers: NaN for what is none, infinity for whole numbers beyond float64.

    >>> numbers_in(pd.Series([7, "0.5", "x", 10**400], dtype=object)).tolist()
    [7.0, 0.5, nan, inf]
    """
    try:
        return pd.to_numeric(cells, errors="coerce")
    except OverflowError:
        return pd.to_numeric(cells.map(_as_float), errors="coerce")


def years_in(cells: pd.Series[Any]) -> pd.Series[Any]:
    """The cells as whole numbers (Int64); missing for what is no year.

    >>> years_in(pd.Series(["1995", "1995.5", "9" * 400, "x"])).tolist()
    [1995, <NA>, <NA>, <NA>]
    """
    numbers = numbers_in(cells)
    return numbers.where((numbers % 1 == 0) & (numbers.abs() <= _LARGEST_YEAR)).astype("Int64")


def _as_float(cell: Any) -> Any:
    try:
        return float(cell) if isinstance(cell, int) else cell
    except OverflowError:
        return math.inf if cell > 0 else -math.inf
