"""The account of ratings that were read from a source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.lazy import sp
from recsys.ratings.account import Account, Kind, counted
from recsys.ratings.assembly import Parts
from recsys.ratings.columns import few, plain
from recsys.ratings.raw import RawRatings
from recsys.ratings.times import iso

_TITLES = ("title", "movietitle", "itemname")
_NULLS = (
    "NULL", "null", "Null", "\\N", "(null)", "NaN", "nan", "None", "<NA>", "N/A", "n/a", "#N/A",
    "undefined",
)  # fmt: skip
_TOTALS = ("Total", "TOTAL", "total", "Grand Total", "Grand total", "Sum", "SUM")
_TELLING = 20  # equal values beyond which they are no accident
_BLOCK = 1 << 16  # entries that are looked at together


class Decided(NamedTuple):
    """What was decided about a source."""

    kind: Kind
    why_kind: str
    n_rows: int
    duplicates: str
    source: str
    layout: str


def account_of(ratings: Parts, raw: RawRatings, made: Decided) -> Account:
    """The account of ratings that were read from a source."""
    values, times, titles = ratings.matrix.data, ratings.timestamps, ratings.item_table.get("title")
    has = ratings.has_values and len(values) > 0
    kinds = {
        index.kind: "whole numbers" if index.is_integer else "text"
        for index in (ratings.users, ratings.items)
    }
    return Account(
        source=made.source,
        layout=made.layout,
        columns=dict(raw.taken),
        unused=raw.unused,
        n_rows=made.n_rows + sum(raw.dropped.values()),
        kind=made.kind,
        why_kind=made.why_kind,
        low=float(values.min()) if has else None,
        high=float(values.max()) if has else None,
        n_zeros=int((values == 0).sum()) if has else 0,
        first_time=None if times is None else _iso(times.min()),
        last_time=None if times is None else _iso(times.max()),
        n_repeats=made.n_rows - ratings.matrix.nnz,
        duplicates=made.duplicates,
        dropped=dict(raw.dropped),
        missing=tuple(raw.missing),
        ids=kinds,
        n_titles=0 if titles is None else int(titles.notna().sum()),
        remarks=(*raw.remarks, *_other_ids(raw), *_no_ids(ratings), *_attributes(ratings, raw)),
    )


def _other_ids(raw: RawRatings) -> Iterator[str]:
    # A remark where items are known by a title, though there may be a column of ids.
    name = raw.taken["item"].name if "item" in raw.taken else ""
    ids = [one for one in raw.unused if plain(one).endswith("id")]
    if plain(name) in _TITLES and ids:
        one_of = "one of " * (len(ids) > 1)
        yield (
            f"items are known by {name!r}, which may be that of a review, or of two items; if "
            f"{one_of}{few(ids)} has the ids of the items, name it with --column item=NAME"
        )


def _no_ids(ratings: Parts) -> Iterator[str]:
    # A remark on each id that exports write where there is none, and on rows of sums.
    for index, matrix in ((ratings.users, ratings.matrix.T), (ratings.items, ratings.matrix)):
        if index.is_integer:
            continue
        for words, what in ((_NULLS, "no id at all"), (_TOTALS, "a row or column of sums")):
            for row in np.unique(index.find(np.array(words, object))):
                if row >= 0:
                    n = int(matrix.getnnz(axis=0)[row])
                    has = f"{index.ids[row]!r} has {counted(n, 'rating')}"
                    yield f"the {index.kind} {has}: if that stands for {what}, take it out"


def _attributes(ratings: Parts, raw: RawRatings) -> Iterator[str]:
    # A remark where the values belong to the items, or to the users, as after a join with a table.
    matrix = ratings.matrix
    if "rating" not in raw.taken or matrix.nnz < _TELLING:
        return
    kinds = (("item", matrix), ("user", matrix.T))
    for kind, one in kinds:
        if _equal_by_column(one):
            yield (
                f"all values of each {kind} are equal: {raw.taken['rating'].name!r} seems to "
                f"describe the {kind}, and not what a user thought of an item; name the column of "
                "ratings with --column rating=NAME, or with --column rating= that there is none"
            )


def _equal_by_column(matrix: sp.csr_matrix | sp.csc_matrix) -> bool:
    # Whether each column has one value, and enough of them repeat one that is not the usual one.
    first = np.full(matrix.shape[1], np.nan, np.float32)
    rare = 0
    usual = float(np.median(matrix.data[:_BLOCK]))
    for start in range(0, matrix.nnz, _BLOCK):
        values = matrix.data[start : start + _BLOCK]
        columns = _columns(matrix, start, start + len(values))
        known = first[columns]
        new = np.isnan(known)
        first[columns[new][::-1]] = values[new][::-1]
        if (values != first[columns]).any():
            return False
        rare += int((values != usual).sum())
    return rare - int((first[~np.isnan(first)] != usual).sum()) >= _TELLING


def _columns(matrix: sp.csr_matrix | sp.csc_matrix, start: int, stop: int) -> npt.NDArray[Any]:
    # The columns of some entries: stored, or where CSC has them begin.
    if matrix.format == "csr":
        return np.asarray(matrix.indices[start:stop])
    return np.searchsorted(matrix.indptr, np.arange(start, stop), side="right") - 1


def _iso(seconds: Any) -> str:
    return iso(float(seconds))
