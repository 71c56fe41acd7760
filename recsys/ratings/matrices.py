"""Ratings in a matrix with a row per user and a column per item."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.errors import ArgumentError, DataError
from recsys.ratings.columns import LARGEST
from recsys.ratings.raw import RawRatings, taken_from

ZERO_IS_NONE = "cells that are 0 are read as not rated"
"""What is said of a matrix without empty cells."""

_NAMES = {"user": "rows", "item": "columns", "rating": "cells"}


def raw_of_matrix(
    matrix: Any, users: npt.ArrayLike | None, items: npt.ArrayLike | None, where: str
) -> RawRatings:
    """The ratings in a matrix; see `Ratings.from_matrix`.

    Raises:
        ArgumentError: it is not a matrix of numbers, or the ids do not fit.
        DataError: a value is not finite.
    """
    matrix = matrix if sp.issparse(matrix) else np.asarray(matrix)
    rows, columns, values, remarks = _entries(matrix)
    user_ids = matrix_ids(users, matrix.shape[0], "user")
    item_ids = matrix_ids(items, matrix.shape[1], "item")
    bad = ~(np.abs(values) <= LARGEST)  # also true for NaN
    if bad.any():
        at = int(bad.argmax())
        raise DataError(
            f"{where}, row {rows[at]}, column {columns[at]}: {values[at]} is not a finite number"
        )
    arrays = {
        "user": user_ids[rows], "item": item_ids[columns], "rating": values.astype(np.float32)
    }  # fmt: skip
    return RawRatings(arrays, taken_from(_NAMES, arrays), remarks=remarks)


def matrix_ids(ids: npt.ArrayLike | None, n: int, kind: str) -> npt.NDArray[Any]:
    """The ids of the rows or columns of a matrix; by default their numbers from 0.

    Raises:
        ArgumentError: there are more or fewer than `n`, or one comes twice.
    """
    if ids is None:
        return np.arange(n)
    found = np.asarray(ids)
    if found.dtype.kind == "U":
        found = found.astype(object)
    if found.shape != (n,):
        raise ArgumentError(f"{kind}s must be ({n},), one id each, not {found.shape}")
    if len(set(found.tolist())) < n:
        raise ArgumentError(f"{kind}s must be different ids, and one comes twice")
    return found


def _entries(matrix: Any) -> tuple[Any, Any, Any, list[str]]:
    # Rows, columns and values of the ratings, and remarks.
    if sp.issparse(matrix):
        entries = sp.csr_matrix(matrix)  # type: ignore[call-overload]  # of any sparse kind
        entries = entries.copy()
        entries.sum_duplicates()
        kind, found = entries.dtype.kind, entries.tocoo()
        rows, columns, values, remarks = found.row, found.col, found.data, []
    else:
        array = matrix
        if array.ndim != 2:
            raise ArgumentError(f"matrix must have rows and columns, not shape {array.shape}")
        kind = array.dtype.kind
        empty = np.isnan(array) if kind == "f" else np.zeros(array.shape, bool)
        with_zeros = bool(empty.any())
        rows, columns = np.nonzero(~empty if with_zeros else array)
        values, remarks = array[rows, columns], [] if with_zeros else [ZERO_IS_NONE]
    if kind not in "biuf":
        raise ArgumentError(f"matrix must hold numbers, not {matrix.dtype}")
    return rows, columns, values.astype(np.float64), remarks
