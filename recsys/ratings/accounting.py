"""The account of ratings that were read from a source."""

from __future__ import annotations

from typing import Any, NamedTuple

from recsys.ratings.account import Account, Kind
from recsys.ratings.assembly import Parts
from recsys.ratings.raw import RawRatings
from recsys.ratings.suspicions import suspicions
from recsys.ratings.times import iso


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
        remarks=(*raw.remarks, *suspicions(ratings, raw)),
    )


def _iso(seconds: Any) -> str:
    return iso(float(seconds))
