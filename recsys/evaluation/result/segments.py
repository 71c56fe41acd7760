"""Segments: groups of users and of items that a model may serve better or worse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.csr import with_ones
from recsys.ratings.words import Words

Counts = npt.NDArray[np.integer]
Flags = npt.NDArray[np.bool_]

FEW = "few ratings"
"""Kind of the users with few known ratings."""
OF_RATINGS = ("activity", FEW, "popularity")
"""Kinds that are made of ratings, and named by their number; other names are those of the data."""

_FEW = 10  # known ratings; where every user has more, the least active twentieth


@dataclass(frozen=True)
class ItemSegments:
    """Overlapping sets of items."""

    labels: tuple[tuple[str, str], ...]
    """Kind (popularity, genre) and name of each."""
    members: sp.csr_matrix
    """(n_items, n_segments) float32, 1 where the item is in the segment, or the part of it that is:
    items with equal counts share the tenths that they fall into."""

    @property
    def n(self) -> int:
        """Number of segments."""
        return len(self.labels)

    def sums(
        self, items: npt.NDArray[np.integer], hits: npt.NDArray[Any]
    ) -> npt.NDArray[np.float32]:
        """(n, n_segments) hits in each segment, from items (n, m) and the hits that each makes."""
        rows, columns = np.nonzero(hits)
        values = hits[rows, columns].astype(np.float32)
        shape = len(items), self.members.shape[0]
        hit = sp.csr_matrix((values, (rows, items[rows, columns])), shape=shape)
        return np.asarray((hit @ self.members).toarray(), np.float32)

    def totals(self, relevant: sp.csr_matrix) -> npt.NDArray[np.float32]:
        """(n_users, n_segments) relevant items of each user in each segment."""
        return np.asarray((with_ones(relevant) @ self.members).toarray(), np.float32)


def item_segments(counts: Counts, genres: list[str], flags: Flags) -> ItemSegments:
    """Tenths of the items by number of training ratings, and genres.

    Args:
        counts: (n_items,) training ratings; items without any are in no tenth.
        genres: names of the genres.
        flags: (n_items, n_genres) which items have which genre.
    """
    rated = np.flatnonzero(counts)
    # Sorted by count, the items of each count have places in one tenth or in several.
    group = np.unique(-counts[rated], return_inverse=True)[1]
    tenth = np.arange(len(rated)) * 10 // max(1, len(rated))
    places = np.bincount(np.sort(group) * 10 + tenth, minlength=10 * len(np.unique(group)))
    members = np.zeros((len(counts), 10 + len(genres)), np.float32)
    members[rated, :10] = (places.reshape(-1, 10) / np.bincount(group)[:, None])[group]
    members[:, 10:] = flags
    names = ["most rated tenth", *(f"tenth {i}" for i in range(2, 10)), "least rated tenth"]
    labels = [("popularity", name) for name in names] + [("genre", name) for name in genres]
    return ItemSegments(tuple(labels), sp.csr_matrix(members))


def user_segments(activity: Counts, newcomers: Flags) -> dict[tuple[str, str], Flags]:
    """Groups of users: (kind, name) → (n,) flags.

    Newcomers, of whom models know nothing, and known users, where there are any newcomers; quarters
    by number of known ratings; and those with few. Users with equal numbers stay together, so
    quarters may differ in size; empty ones are left out.

    >>> none = np.zeros(4, bool)
    >>> for (kind, name), flags in user_segments(np.array([12, 40, 25, 90]), none).items():
    ...     print(kind, "|", name, "|", flags.astype(int))
    activity | 12 ratings | [1 0 0 0]
    activity | 25 ratings | [0 0 1 0]
    activity | 40 ratings | [0 1 0 0]
    activity | 90 ratings | [0 0 0 1]
    few ratings | at most 12 ratings | [1 0 0 0]
    """
    if not len(activity):
        return {}
    ends = np.quantile(activity, [0.25, 0.5, 0.75, 1.0], method="inverted_cdf")
    quarter = np.searchsorted(ends, activity)
    found = {}
    if newcomers.any():
        found["user", "newcomers"] = newcomers
        found["user", "known users"] = ~newcomers
    for q in np.unique(quarter):
        flags = quarter == q
        low, high = int(activity[flags].min()), int(activity[flags].max())
        span = f"{low:,}" if low == high else f"{low:,}–{high:,}"
        found["activity", f"{span} ratings"] = flags
    few = _FEW
    if activity.min() > few:
        few = int(np.quantile(activity, 0.05, method="inverted_cdf"))
    found[FEW, f"at most {few:,} ratings"] = activity <= few
    return found


def in_words(segment: object, kind: object, words: Words) -> tuple[str, str]:
    """Name and kind of a segment as people read them, in the words for the feedback.

    >>> from recsys.ratings.words import SEEN
    >>> in_words("at most 12 ratings", "few ratings", SEEN)
    ('at most 12 interactions', 'few interactions')
    """
    said = words.said if kind in OF_RATINGS else str
    return said(str(segment)), said(str(kind))
