"""Ratings on their way into a matrix: numbers in text, and the order of their entries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from recsys.kernels.native import native, thread_count
from recsys.large import empty

_KINDS = {"user": np.int32, "item": np.int32, "rating": np.float32, "timestamp": np.float64}
_CODES = {role: code for code, role in enumerate(_KINDS, start=1)}  # as in kernels.hpp

_LINE_FEED = ord("\n")
_NO_NUMBERS = {role: np.empty(0, kind) for role, kind in _KINDS.items()}

T = TypeVar("T", np.float32, np.float64)
Rows = npt.NDArray[np.int32]


def n_lines(text: npt.NDArray[np.uint8]) -> int:
    """How many lines end in the text."""
    return int(np.count_nonzero(text == _LINE_FEED))


def empty_numbers(roles: Iterable[str], n: int) -> dict[str, npt.NDArray[Any]]:
    """Arrays for n numbers of each role, for `read_numbers`."""
    return {role: empty(n, kind) for role, kind in _KINDS.items() if role in roles}


def read_numbers(
    text: npt.NDArray[np.uint8],
    separator: str,
    roles: Mapping[str, int],
    n_columns: int,
    out: Mapping[str, npt.NDArray[Any]] | None = None,
) -> dict[str, npt.NDArray[Any]] | None:
    r"""The numbers in lines of text, by role; None where one is not plainly written.

    Plain are whole numbers of 32 bits as users and items, and decimal numbers whose value is
    certain, all without a sign +, zeros in front, or blanks. Other columns are ASCII, without
    quotes.

    >>> text = np.frombuffer(b"7,x,3.5\n8,y,4\n", np.uint8)
    >>> read_numbers(text, ",", {"user": 0, "rating": 2}, 3)
    {'user': array([7, 8], dtype=int32), 'rating': array([3.5, 4. ], dtype=float32)}

    Args:
        text: whole lines; the last one ends, too.
        separator: between columns; one letter, or several that are the same.
        roles: user, item, rating or timestamp → column from 0.
        n_columns: columns of every line.
        out: arrays for the numbers of each line, by role; made here by default.
    """
    codes = np.zeros(n_columns, np.uint8)
    for role, at in roles.items():
        codes[at] = _CODES[role]
    letters = separator.encode()
    if out is None:
        out = empty_numbers(roles, n_lines(text))
    room = min(map(len, out.values()))
    arrays = [out.get(role, _NO_NUMBERS[role]) for role in _KINDS]
    n = native.read_numbers(text, letters[0], len(letters), codes, room, *arrays)
    return {role: out[role][:n] for role in roles} if 0 <= n <= room else None


def gather(values: npt.NDArray[T], order: Rows, n_threads: int | None = None) -> npt.NDArray[T]:
    """`values[order]` of float32 or float64.

    >>> gather(np.array([1.5, 2.5]), np.array([1, 1, 0], np.int32))
    array([2.5, 2.5, 1.5])
    """
    out = empty(len(order), values.dtype)
    native.gather(values, order, out, thread_count(n_threads))
    return out


def sort_rows(
    rows: Rows,
    columns: Rows,
    indptr: npt.NDArray[np.int64],
    n_threads: int | None = None,
) -> tuple[Rows, Rows]:
    """The position of each entry in CSR order, equal ones as they came, and its column.

    >>> sort_rows(np.array([1, 0, 1], np.int32), np.array([2, 1, 0], np.int32), np.array([0, 1, 3]))
    (array([1, 2, 0], dtype=int32), array([1, 0, 2], dtype=int32))

    Args:
        rows: (n,) row of each entry.
        columns: (n,) column of each entry.
        indptr: where each row begins.
        n_threads: by default the cores.
    """
    threads = thread_count(n_threads)
    # A thread looks at all rows for those of its share, so there are no more shares than threads.
    inner = np.searchsorted(indptr, np.arange(1, threads) * (len(rows) / threads))
    bounds = np.array([0, *inner.tolist(), len(indptr) - 1], np.int64)
    order, indices = empty(len(rows), np.int32), empty(len(rows), np.int32)
    native.sort_rows(rows, columns, indptr, bounds, order, indices, threads)
    return order, indices
