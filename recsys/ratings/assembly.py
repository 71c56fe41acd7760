"""From parallel arrays to `Ratings`: encode the ids, sort into CSR, resolve duplicates.

Written for tens of millions of ratings: no step holds more than a few numbers a rating beside what
came in, and arrays are let go as soon as the next stands.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from recsys.errors import ArgumentError, DataError
from recsys.ids import IdIndex, as_id_array
from recsys.ratings.ratings import (
    IntArray,
    Ratings,
    align_items,
    frozen,
    frozen_csr,
)
from recsys.ratings.source import DUPLICATES, Duplicates
from recsys.threads import default_threads

T = TypeVar("T", bound=np.generic)

_BLOCK = 1 << 20  # ratings looked at together where a temporary array would be large


class Entries(NamedTuple):
    """Ratings in CSR order, duplicates still in, next to each other in any order."""

    order: npt.NDArray[np.int32] | None
    """The permutation that led there; None where they came in this order."""
    indptr: IntArray
    indices: npt.NDArray[np.int32]


def build_ratings(
    user_ids: npt.ArrayLike,
    item_ids: npt.ArrayLike,
    values: npt.NDArray[np.float32] | None,
    timestamps: npt.NDArray[np.int64] | None,
    *,
    items: pd.DataFrame | None = None,
    duplicates: Duplicates = "latest",
    source: str = "the table",
) -> Ratings:
    """Ratings from one array per role, in memory.

    `items` has a column `item` with the ids; `source` names the data in messages.
    """
    try:
        users, rows = encode(user_ids, "user")
        item_index, columns = encode(item_ids, "item")
    except ValueError as error:
        raise DataError(f"{source}: {error}") from None
    if not len(rows):
        raise DataError(f"{source} holds no ratings")
    entries = in_csr_order(rows, columns, (len(users), len(item_index)))
    return assemble(users, item_index, entries, values, timestamps, items, duplicates, source)


def assemble(
    users: IdIndex,
    item_index: IdIndex,
    entries: Entries,
    values: npt.NDArray[np.float32] | None,
    timestamps: npt.NDArray[np.int64] | None,
    items: pd.DataFrame | None,
    duplicates: Duplicates,
    source: str,
) -> Ratings:
    """Ratings from sorted entries and the values and times in the order they came."""
    if duplicates not in DUPLICATES:
        raise ArgumentError(
            f"duplicates must be one of {', '.join(DUPLICATES)}, not {duplicates!r}"
        )
    order, indptr, indices = entries
    has_values = values is not None
    if values is None:
        values = np.ones(len(indices), np.float32)
    elif order is not None:
        values = _taken(values, order)
    if timestamps is not None and order is not None:
        timestamps = _taken(timestamps, order)
    again = _repeats(indptr, indices)
    if again.any():
        if duplicates == "error":
            at = int(np.flatnonzero(again)[0])
            row = int(np.searchsorted(indptr, at, side="right")) - 1
            raise DataError(
                f"{source}: user {users.name(row)} rated item {item_index.name(indices[at])} "
                "more than once; choose duplicates='latest' or 'mean'"
            )
        values, timestamps = _resolve(again, order, values, timestamps, duplicates)
        keep = np.concatenate([~again, [True]])  # the last of each group
        kept_before = np.zeros(len(keep) + 1, np.int64)
        np.cumsum(keep, out=kept_before[1:])
        indptr = kept_before[indptr]
        del kept_before
        indices, values = indices[keep], values[keep]
        timestamps = None if timestamps is None else timestamps[keep]
    shape = (len(users), len(item_index))
    matrix = sp.csr_matrix((values, indices, indptr), shape=shape, copy=False)
    return Ratings(
        users=users,
        items=item_index,
        matrix=frozen_csr(matrix),
        timestamps=frozen(timestamps),
        item_table=align_items(items, item_index, source),
        has_values=has_values,
    )


def _repeats(indptr: IntArray, indices: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    # (n - 1,) whether the next entry is of the same user and item.
    again: npt.NDArray[np.bool_] = indices[1:] == indices[:-1]
    starts = indptr[1:-1]
    again[starts[(starts > 0) & (starts < len(indices))] - 1] = False
    return again


def _resolve(
    again: npt.NDArray[np.bool_],
    order: npt.NDArray[np.int32] | None,
    values: npt.NDArray[np.float32],
    timestamps: npt.NDArray[np.int64] | None,
    duplicates: Duplicates,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64] | None]:
    # Puts what counts of each group of equal pairs at the group's last place. Only members of
    # groups are looked at.
    members = np.flatnonzero(np.concatenate([again, [False]]) | np.concatenate([[False], again]))
    ends = np.concatenate([~again, [True]])[members]
    group = np.cumsum(ends) - ends
    last = members[ends]
    position = members if order is None else order[members]
    times = None if timestamps is None else timestamps[members]
    if order is None:  # still the caller's own arrays, and maybe read-only
        values = values.copy()
        timestamps = None if timestamps is None else timestamps.copy()
    if duplicates == "latest":
        by_time = (position, group) if times is None else (position, times, group)
        winners = members[np.lexsort(by_time)[ends]]  # groups keep their places in the sorted order
        values[last] = values[winners]
    else:
        values[last] = np.bincount(group, values[members]) / np.bincount(group)
    if timestamps is not None and times is not None:
        latest = np.full(len(last), np.iinfo(np.int64).min)
        np.maximum.at(latest, group, times)
        timestamps[last] = latest
    return values, timestamps


def encode(ids: Any, kind: str) -> tuple[IdIndex, npt.NDArray[np.int32]]:
    """The index of the distinct ids, and each id's row number in it (int32)."""
    values = as_id_array(ids, kind)
    if values.dtype.kind == "i" and len(values):
        return encode_integers([values], kind)
    codes, found = pd.factorize(values)
    unique = np.asarray(found)
    order = np.argsort(unique)
    rank = np.empty(len(unique), np.int32)
    rank[order] = np.arange(len(unique), dtype=np.int32)
    return IdIndex(unique[order], kind), rank[codes]


def encode_integers(
    chunks: list[npt.NDArray[np.int64]], kind: str
) -> tuple[IdIndex, npt.NDArray[np.int32]]:
    """`encode` for int64 ids that come in pieces, without putting the pieces together first."""
    n = sum(map(len, chunks))
    filled = [c for c in chunks if len(c)]
    low, high = min(int(c.min()) for c in filled), max(int(c.max()) for c in filled)
    codes = np.empty(n, np.int32)
    ends = np.cumsum([len(c) for c in filled])
    pieces = [codes[end - len(c) : end] for c, end in zip(filled, ends, strict=True)]
    if high - low < 4 * n + 1_000_000:
        # Ids in a narrow range: a table beats hashing many times over.
        present = np.zeros(high - low + 1, bool)
        for chunk in filled:
            present[chunk - low] = True
        unique = np.flatnonzero(present) + low
        table = np.cumsum(present, dtype=np.int32) - np.int32(1)

        def look_up(chunk: npt.NDArray[np.int64], piece: npt.NDArray[np.int32]) -> None:
            np.take(table, chunk - low, out=piece, mode="clip")  # which spares it a copy

        with ThreadPoolExecutor(default_threads()) as pool:
            list(pool.map(look_up, filled, pieces))
    else:
        unique = np.unique(np.concatenate([pd.unique(c) for c in filled]))
        lookup = pd.Index(unique)
        for chunk, piece in zip(filled, pieces, strict=True):
            piece[:] = lookup.get_indexer(pd.Index(chunk))
    return IdIndex(unique, kind), codes


def in_csr_order(
    rows: npt.NDArray[np.int32], columns: npt.NDArray[np.int32], shape: tuple[int, int]
) -> Entries:
    """The entries at these rows and columns in CSR order."""
    # In blocks: bincount would copy all rows to int64.
    counts = np.zeros(shape[0], np.int64)
    for start in range(0, len(rows), _BLOCK):
        counts += np.bincount(rows[start : start + _BLOCK], minlength=shape[0])
    indptr = np.concatenate([[0], np.cumsum(counts)])
    if _is_sorted(rows, columns):
        return Entries(None, indptr, columns)
    order, indices = np.empty(len(rows), np.int32), np.empty(len(rows), np.int32)
    # Shares of about as many entries, a thread each.
    n = default_threads()
    # Plain numbers, for with those of NumPy a comparison would copy the rows to int64.
    inner = np.searchsorted(indptr, np.arange(1, n) * (len(rows) / n))
    bounds = [0, *inner.tolist(), shape[0]]

    def sort(share: int) -> None:
        first, last = bounds[share], bounds[share + 1]
        part = slice(indptr[first], indptr[last])
        own = _within(rows, first, last, part.stop - part.start)
        # A counting sort by row, which carries the columns along: with its position as column,
        # every entry is its own. Then each row by its columns.
        by_row = sp.csr_matrix(
            (columns[own], (rows[own] - first, own)), shape=(last - first, len(rows))
        )
        del own
        entries = sp.csr_matrix(
            (by_row.indices, by_row.data, by_row.indptr), (last - first, shape[1]), copy=False
        )
        entries.sort_indices()
        order[part], indices[part] = entries.data, entries.indices

    with ThreadPoolExecutor(n) as pool:
        list(pool.map(sort, range(n)))
    return Entries(order, indptr, indices)


def _within(
    rows: npt.NDArray[np.int32], first: int, last: int, count: int
) -> npt.NDArray[np.int32]:
    # Where the `count` entries of the rows from first to last stand; in blocks, for flatnonzero
    # counts in int64.
    found = np.empty(count, np.int32)
    at = 0
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        here = np.flatnonzero((block >= first) & (block < last))
        found[at : at + len(here)] = here + start
        at += len(here)
    return found


def _taken(values: npt.NDArray[T], order: npt.NDArray[np.int32]) -> npt.NDArray[T]:
    # values[order], in blocks by several threads: it waits for memory more than anything.
    out = np.empty(len(order), values.dtype)

    def take(start: int) -> None:
        part = slice(start, start + _BLOCK)
        np.take(values, order[part], out=out[part], mode="clip")

    with ThreadPoolExecutor(default_threads()) as pool:
        list(pool.map(take, range(0, len(order), _BLOCK)))
    return out


def _is_sorted(rows: IntArray, columns: IntArray) -> bool:
    for start in range(0, len(rows) - 1, _BLOCK):
        r, c = rows[start : start + _BLOCK + 1], columns[start : start + _BLOCK + 1]
        if not np.all((r[1:] > r[:-1]) | ((r[1:] == r[:-1]) & (c[1:] >= c[:-1]))):
            return False
    return True
