"""What a `Ratings` says of itself: its account, and numbers that describe it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from recsys.ratings.account import Account, Kind
from recsys.ratings.raw import RawRatings
from recsys.ratings.times import iso

if TYPE_CHECKING:
    from recsys.ratings.ratings import Ratings


class Decided(NamedTuple):
    """What was decided about a source."""

    kind: Kind
    why_kind: str
    n_rows: int
    duplicates: str
    source: str
    layout: str


def account_of(ratings: Ratings, raw: RawRatings, made: Decided) -> Account:
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
        n_repeats=made.n_rows - ratings.n_ratings,
        duplicates=made.duplicates,
        dropped=dict(raw.dropped),
        missing=tuple(raw.missing),
        ids=kinds,
        n_titles=0 if titles is None else int(titles.notna().sum()),
        remarks=tuple(raw.remarks),
    )


def _iso(seconds: Any) -> str:
    return iso(float(seconds))


def overview(ratings: Ratings) -> Mapping[str, Any]:
    """Numbers by name that describe the ratings: counts, density, medians and mean."""
    per_user = np.diff(ratings.matrix.indptr)
    per_item = np.bincount(ratings.matrix.indices, minlength=ratings.n_items)
    return {
        "users": ratings.n_users,
        "items": ratings.n_items,
        "ratings": ratings.n_ratings,
        "density": ratings.density,
        "ratings per user, median": float(np.median(per_user)),
        "ratings per item, median": float(np.median(per_item)),
        "mean rating": float(ratings.matrix.data.mean(dtype=np.float64)),
    }
