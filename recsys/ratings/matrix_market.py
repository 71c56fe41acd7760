"""Matrix Market files: https://math.nist.gov/MatrixMarket/formats.html.

SciPy's reader takes "1.#5" for 1 and ends the process at other numbers that are none.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

_FIRST = "%%MatrixMarket"
_SIGNS = {"general": 0, "symmetric": 1, "skew-symmetric": -1}
"""Symmetry → the factor of an entry whose mirror image is not in the file; 0 for no mirror."""
_LARGEST = 2**53  # whole numbers up to here are the same as floats


def read_matrix(raw: BinaryIO) -> Any:
    """The matrix in a file: sparse where it lists coordinates, else an array.

    Raises:
        ValueError: the file is not a Matrix Market file of real numbers, or an entry is wrong.
    """
    stream = io.BufferedReader(cast("io.RawIOBase", raw))
    words = stream.readline(1024).decode("ascii").split()
    if len(words) != 5 or words[0] != _FIRST or words[1].lower() != "matrix":
        raise ValueError(f"it does not begin with {_FIRST} matrix")
    layout, field, symmetry = (word.lower() for word in words[2:])
    if layout not in ("coordinate", "array") or field not in ("real", "integer", "pattern"):
        raise ValueError(f"a matrix {layout} {field}, not of real numbers")
    if symmetry not in _SIGNS or (field == "pattern" and layout == "array"):
        raise ValueError(f"a matrix {layout} {field} {symmetry}")
    lines = _without_comments(stream)
    size = [int(word) for word in next(lines, b"").split()]
    if len(size) != (3 if layout == "coordinate" else 2) or not all(
        0 <= n < _LARGEST for n in size
    ):
        raise ValueError("the line of the size is wrong")
    if layout == "array":
        return _array(lines, (size[0], size[1]), _SIGNS[symmetry])
    return _coordinates(lines, size, field != "pattern", _SIGNS[symmetry])


def _without_comments(stream: io.BufferedReader[io.RawIOBase]) -> Iterator[bytes]:
    # The lines after the comments, which come before the size.
    for line in stream:
        if line.strip() and not line.startswith(b"%"):
            yield line
            break
    yield from stream


def _numbers(lines: Iterator[bytes], n_rows: int, n_columns: int) -> npt.NDArray[np.float64]:
    # The numbers of so many lines; the line with the first wrong one is named by NumPy.
    filled = (line for line in lines if line.strip())
    first = next(filled, None)
    if first is None:
        found = np.empty((0, n_columns))
    else:
        again = (line for part in ([first], filled) for line in part)
        found = np.loadtxt(again, ndmin=2, comments=None, encoding="ascii")
    if found.shape != (n_rows, n_columns):
        raise ValueError(f"{len(found):,} lines of {found.shape[1]} numbers, not {n_rows:,}")
    return found


def _coordinates(lines: Iterator[bytes], size: list[int], has_values: bool, sign: int) -> Any:
    table = _numbers(lines, size[2], 2 + has_values)
    shape = size[0], size[1]
    places = table[:, :2]
    if not ((places == np.floor(places)) & (places >= 1) & (places <= shape)).all():
        raise ValueError("the number of a row or column is not within the size")
    rows, columns = places.astype(np.int64).T - 1
    values = table[:, 2] if has_values else np.ones(len(table))
    if sign:
        other = rows != columns
        rows, columns, values = (
            np.concatenate([rows, columns[other]]),
            np.concatenate([columns, rows[other]]),
            np.concatenate([values, sign * values[other]]),
        )
    return sp.coo_matrix((values, (rows, columns)), shape=shape)


def _array(lines: Iterator[bytes], shape: tuple[int, int], sign: int) -> npt.NDArray[np.float64]:
    # Column by column; of a symmetric matrix, from the diagonal down.
    if not sign:
        return _numbers(lines, shape[0] * shape[1], 1).reshape(shape[::-1]).T
    if shape[0] != shape[1]:
        raise ValueError(f"a symmetric matrix of {shape[0]:,} rows and {shape[1]:,} columns")
    n = shape[0]
    columns, rows = np.triu_indices(n, int(sign < 0))
    matrix = np.zeros(shape)
    values = _numbers(lines, len(rows), 1)[:, 0]
    matrix[columns, rows] = sign * values
    matrix[rows, columns] = values
    return matrix
