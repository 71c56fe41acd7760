"""What the arrays of a file must be like before anything trusts them.

Kernels index without asking, so that a wrong row start or column number reads foreign memory.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from recsys.csr import CsrArrays
from recsys.store.container import Array

_BLOCK = 1 << 20  # entries looked at together: few enough to stay in cache


def csr(
    arrays: Mapping[str, Array], names: tuple[str, str, str], shape: tuple[int, int]
) -> CsrArrays | None:
    """The matrix that three arrays describe, as these arrays; None without them.

    Args:
        arrays: all arrays of the file.
        names: those of the row starts (int64), columns (int32) and values (float32).
        shape: of the matrix.

    Raises:
        ValueError: they do not describe a matrix of this shape whose rows are sorted, without
            repeats and finite; or only some of them are there.
    """
    there = [name in arrays for name in names]
    if not any(there):
        return None
    if not all(there):
        raise ValueError(f"{', '.join(names)} belong together")
    indptr, columns, values = (arrays[name] for name in names)
    expect(names[0], indptr, np.int64, (shape[0] + 1,))
    expect(names[1], columns, np.int32, (len(values),))
    expect(names[2], values, np.float32, (len(columns),))
    if indptr[0] != 0 or indptr[-1] != len(columns) or np.any(indptr[1:] < indptr[:-1]):
        raise ValueError(f"{names[0]} must increase from 0 to {len(columns)}")
    for start in range(0, len(columns), _BLOCK):
        _check_columns(names[1], columns[start : start + _BLOCK + 1], start, indptr, shape[1])
        finite(names[2], values[start : start + _BLOCK])
    return CsrArrays(indptr, columns, values, shape)


def expect(name: str, array: Array, dtype: type[np.generic], shape: tuple[int, ...]) -> None:
    """Raises ValueError unless the array has this type and shape."""
    if array.dtype != dtype or array.shape != shape:
        wanted = np.dtype(dtype)
        raise ValueError(f"{name} must be {wanted} {shape}, not {array.dtype} {array.shape}")


def finite(name: str, array: Array) -> None:
    """Raises ValueError if a value of a floating-point array is NaN or infinite."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite")


def _check_columns(name: str, columns: Array, start: int, indptr: Array, n_columns: int) -> None:
    # As unsigned numbers the negative ones are the largest.
    if columns.view(np.uint32).max() >= n_columns:
        raise ValueError(f"{name} must lie in 0 .. {n_columns - 1}")
    # A column number that does not increase is allowed only where a row begins.
    lower = np.flatnonzero(columns[1:] <= columns[:-1]) + (start + 1)
    if np.any(indptr[np.searchsorted(indptr, lower)] != lower):
        raise ValueError(f"{name} must increase within each row")
