"""From one column per role to a sparse matrix: encode ids, sort into CSR, resolve duplicates.

Written for tens of millions of ratings: each step needs only a few numbers per rating in addition
to its input, and frees its input as soon as possible.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import scipy.sparse as sp

from recsys.csr import frozen, frozen_csr
from recsys.errors import ArgumentError, DataError
from recsys.ids import IdIndex
from recsys.kernels import gather, sort_rows
from recsys.large import empty, kept
from recsys.memory import give_back
from recsys.ratings.encoding import encode
from recsys.ratings.item_tables import aligned
from recsys.ratings.source import DUPLICATES
from recsys.ratings.unrated import Unrated

T = TypeVar("T", bound=np.generic)
IntArray = npt.NDArray[np.integer[Any]]
Rows = npt.NDArray[np.int32]
Values = npt.NDArray[np.float32]
Times = npt.NDArray[np.float64]

_BLOCK = 1 << 20  # ratings per block where a temporary array for all of them would be large


class Parts(NamedTuple):
    """The fields of a `Ratings`; see there."""

    users: IdIndex
    items: IdIndex
    matrix: sp.csr_matrix
    timestamps: Times | None
    item_table: pd.DataFrame
    has_values: bool
    user_table: pd.DataFrame
    unrated: Unrated


class Entries(NamedTuple):
    """Ratings in CSR order; duplicates are still included, next to each other."""

    order: Rows | None
    """Position of each entry in the input; None where the input was in this order."""
    indptr: IntArray
    indices: Rows


def assemble(columns: dict[str, Any], tables: Unrated, duplicates: str, source: str) -> Parts:
    """The fields of the `Ratings` in these columns.

    Args:
        columns: column by role (see `Layout.read`). The dictionary is emptied, so that each
            column is freed once it is used.
        tables: what is known of the items and users, with their ids in the columns `item` and
            `user`.
        duplicates: what counts when a user rated an item several times.
        source: name of the data, for messages.

    Raises:
        ArgumentError: `duplicates` is none of `DUPLICATES`.
        DataError: there are no ratings, a value is not an id, or a table does not fit.
    """
    if duplicates not in DUPLICATES:
        raise ArgumentError(
            f"duplicates must be one of {', '.join(DUPLICATES)}, not {duplicates!r}"
        )
    users, item_index, entries = _encoded(columns, source)
    values, timestamps = columns.pop("rating", None), columns.pop("timestamp", None)
    has_values = values is not None
    if values is None:
        values = _ones(len(entries.indices))
    elif entries.order is not None:
        values = gather(values, entries.order)
    if timestamps is not None and entries.order is not None:
        timestamps = gather(timestamps, entries.order)
    indptr, indices = entries.indptr, entries.indices
    if duplicates == "count":
        values, has_values = _ones(len(indices)), False
    again = _repeats(indptr, indices)
    if again.any():
        if duplicates == "error":
            raise DataError(f"{source}: {_first_repeat(again, entries, users, item_index)}")
        values, timestamps = _resolve(again, entries.order, values, timestamps, duplicates)
        has_values = has_values or duplicates in ("sum", "count")
        keep = np.concatenate([~again, [True]])  # the last of each group
        gone = np.flatnonzero(again)
        indptr = indptr - np.searchsorted(gone, indptr)
        indices, values = kept(indices, keep), kept(values, keep)
        timestamps = None if timestamps is None else kept(timestamps, keep)
    shape = (len(users), len(item_index))
    matrix = frozen_csr(sp.csr_matrix((values, indices, indptr), shape=shape, copy=False))
    item_table, other_items = aligned(tables.items, item_index, tables.where.items or source)
    user_table, other_users = aligned(tables.users, users, tables.where.users or source)
    return Parts(
        users, item_index, matrix, frozen(timestamps), item_table, has_values, user_table,
        Unrated(other_items, other_users),
    )  # fmt: skip


def _encoded(columns: dict[str, Any], source: str) -> tuple[IdIndex, IdIndex, Entries]:
    # Arrow keeps freed memory in its pool until it is released.
    pool = pa.default_memory_pool()
    pool.release_unused()
    if not len(columns["user"]):
        raise DataError(f"{source} holds no ratings")
    users, rows = encode(columns.pop("user"), "user", source)
    items, item_rows = encode(columns.pop("item"), "item", source)
    pool.release_unused()
    give_back()
    return users, items, in_csr_order(rows, item_rows, (len(users), len(items)))


def _ones(n: int) -> Values:
    ones = empty(n, np.float32)
    ones[:] = 1
    return ones


def _repeats(indptr: IntArray, indices: Rows) -> npt.NDArray[np.bool_]:
    # (n - 1,) whether the next entry is of the same user and item.
    again: npt.NDArray[np.bool_] = indices[1:] == indices[:-1]
    starts = indptr[1:-1]
    again[starts[(starts > 0) & (starts < len(indices))] - 1] = False
    return again


def _first_repeat(
    again: npt.NDArray[np.bool_], entries: Entries, users: IdIndex, items: IdIndex
) -> str:
    at = int(np.flatnonzero(again)[0])
    user = users.name(int(np.searchsorted(entries.indptr, at, side="right")) - 1)
    item = items.name(entries.indices[at])
    return (
        f"user {user} rated item {item} more than once; choose another way with duplicates= "
        f"(on the command line --duplicates): {', '.join(DUPLICATES[:-1])}"
    )


def _resolve(
    again: npt.NDArray[np.bool_],
    order: Rows | None,
    values: Values,
    timestamps: Times | None,
    duplicates: str,
) -> tuple[Values, Times | None]:
    # Writes the value that counts in each group of equal pairs to the group's last position.
    members = np.flatnonzero(np.concatenate([again, [False]]) | np.concatenate([[False], again]))
    ends = np.concatenate([~again, [True]])[members]
    group = np.cumsum(ends) - ends
    last = members[ends]
    position = members if order is None else order[members]
    times = None if timestamps is None else timestamps[members]
    if order is None:  # still the caller's arrays, which may be read-only
        values = values.copy()
        timestamps = None if timestamps is None else timestamps.copy()
    if duplicates == "latest":
        by_time = (position, group) if times is None else (position, times, group)
        winners = members[np.lexsort(by_time)[ends]]  # sorting keeps groups in place
        values[last] = values[winners]
    else:
        values[last] = _combined(values[members], group, duplicates)
    if timestamps is not None and times is not None:
        timestamps[last] = np.maximum.reduceat(times, _firsts(group))
    return values, timestamps


def _combined(values: Values, group: IntArray, how: str) -> npt.NDArray[Any]:
    # One value for each group; its members are next to each other.
    if how == "max":
        return np.asarray(np.maximum.reduceat(values, _firsts(group)))
    sums = np.bincount(group, values)
    return sums / np.bincount(group) if how == "mean" else sums


def _firsts(group: IntArray) -> IntArray:
    return np.flatnonzero(np.diff(group, prepend=-1))


def in_csr_order(rows: Rows, columns: Rows, shape: tuple[int, int]) -> Entries:
    """The entries at these rows and columns in CSR order."""
    # In blocks, because bincount copies its input to int64.
    counts = np.zeros(shape[0], np.int64)
    for start in range(0, len(rows), _BLOCK):
        counts += np.bincount(rows[start : start + _BLOCK], minlength=shape[0])
    indptr = np.concatenate([[0], np.cumsum(counts)])
    if _is_sorted(rows, columns):
        return Entries(None, indptr, columns)
    order, indices = sort_rows(rows, columns, indptr)
    return Entries(order, indptr, indices)


def _is_sorted(rows: IntArray, columns: IntArray) -> bool:
    for start in range(0, len(rows) - 1, _BLOCK):
        r, c = rows[start : start + _BLOCK + 1], columns[start : start + _BLOCK + 1]
        if not np.all((r[1:] > r[:-1]) | ((r[1:] == r[:-1]) & (c[1:] >= c[:-1]))):
            return False
    return True
