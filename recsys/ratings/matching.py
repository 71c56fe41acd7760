"""Whether two sources of ids speak of the same users and items."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.csr import entry_rows, frozen, frozen_csr, with_ones
from recsys.errors import DataError
from recsys.ids import IdIndex, shown
from recsys.ratings.ratings import Ratings

LEAST_SHARED = 0.1
"""Share of the smaller of two sets of ids; if fewer are in both, the sets do not fit together."""

Side = Literal["users", "items"]

_EXAMPLES = 3


def n_shared(first: IdIndex, second: IdIndex) -> int:
    """Ids that are in both indexes; 7 and "7" are the same id where `IdIndex.find` says so."""
    return int((first.find(second.ids) >= 0).sum())


def almost_none(first: IdIndex, second: IdIndex) -> bool:
    """Whether fewer than `LEAST_SHARED` of the smaller index are in the other."""
    return n_shared(first, second) < LEAST_SHARED * min(len(first), len(second))


def require_shared(first: IdIndex, second: IdIndex, names: tuple[str, str]) -> None:
    """Raises DataError if almost none of the ids is in both; says what both look like.

    Args:
        first: ids of the first source.
        second: ids of the second.
        names: what messages call the two sources.
    """
    if not almost_none(first, second):
        return
    kind, least = first.kind, min(len(first), len(second))
    found = n_shared(first, second)
    remedy = "are these the same items?" if kind == "item" else "are these the same users?"
    if first.is_integer != second.is_integer:
        remedy = "write the ids of both in the same way, or name the right columns"
    raise DataError(
        f"{names[0]} and {names[1]} have {found or 'none'} of {least:,} {kind}s in common: "
        f"{kind} ids are {_described(first)} in {names[0]} and {_described(second)} in "
        f"{names[1]}; {remedy}"
    )


def is_in(
    users: IdIndex, items: IdIndex, matrix: sp.csr_matrix, other: Ratings
) -> npt.NDArray[np.bool_]:
    """(n_ratings,) whether each user and item of `other` is also a pair in `matrix`.

    Whatever their value: a stored zero is a rating, too.
    """
    rows = users.find(other.users.ids)[entry_rows(other.matrix)]
    columns = items.find(other.items.ids)[other.matrix.indices]
    found = (rows >= 0) & (columns >= 0)
    if found.any():
        flags = with_ones(matrix, np.int8)
        found[found] = np.asarray(flags[rows[found], columns[found]]).ravel() > 0
    return found


def merged(first: Ratings, second: Ratings) -> Ratings:
    """The ratings of both, which must be over the same users and items and share no pair.

    What else there is (item table, account) comes from the first. Without times where one of the
    two has none.
    """
    parts = first.matrix, second.matrix
    rows, columns = (
        np.concatenate([entry_rows(part) for part in parts]),
        np.concatenate([part.indices for part in parts]),
    )
    order = np.lexsort((columns, rows))
    starts = np.searchsorted(rows[order], np.arange(first.n_users + 1))
    values = np.concatenate([part.data for part in parts])[order]
    matrix = sp.csr_matrix((values, columns[order], starts), shape=first.matrix.shape)
    times = [part.timestamps for part in (first, second) if part.timestamps is not None]
    both = np.concatenate(times)[order] if len(times) == 2 else None
    return replace(first, matrix=frozen_csr(matrix), timestamps=frozen(both))


def with_equal_kinds(first: Ratings, second: Ratings, side: Side) -> tuple[Ratings, Ratings]:
    """Both ratings, with the whole numbers of one as text if the ids of the other are text."""
    kinds = getattr(first, side).is_integer, getattr(second, side).is_integer
    if kinds[0] == kinds[1]:
        return first, second
    return (_with_text_ids(first, side), second) if kinds[0] else (
        first, _with_text_ids(second, side))  # fmt: skip


def union(first: IdIndex, second: IdIndex) -> IdIndex:
    """An index of the ids of both, which must be of one kind."""
    return IdIndex(np.union1d(first.ids, second.ids), first.kind)


def _with_text_ids(ratings: Ratings, side: Side) -> Ratings:
    index: IdIndex = getattr(ratings, side)
    texts = np.array([str(one) for one in index.ids.tolist()], dtype=object)
    order = np.argsort(texts)  # "10" comes before "9"
    matrix = ratings.matrix
    parts = np.arange(matrix.nnz), matrix.indices, matrix.indptr
    places = sp.csr_matrix(parts, shape=matrix.shape)
    places = places[order] if side == "users" else places[:, order]
    places.sort_indices()
    values = matrix.data[places.data], places.indices, places.indptr
    moved = replace(
        ratings,
        matrix=frozen_csr(sp.csr_matrix(values, shape=matrix.shape)),
        timestamps=None if ratings.timestamps is None else frozen(ratings.timestamps[places.data]),
    )
    renamed = IdIndex(texts, index.kind)
    if side == "users":
        about = ratings.user_table.iloc[order].reset_index(drop=True)
        return replace(moved, users=renamed, user_table=about)
    table = ratings.item_table.iloc[order].reset_index(drop=True)
    return replace(moved, items=renamed, item_table=table)


def _described(index: IdIndex) -> str:
    some = ", ".join(shown(one) for one in index.ids[:_EXAMPLES])
    dots = ", ..." if len(index) > _EXAMPLES else ""
    return f"{'whole numbers' if index.is_integer else 'text'} ({some}{dots})"
