"""Ranked lists of the test users, with everything a list metric may ask about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.csr import entry_rows
from recsys.evaluation.protocol.prepared import PreparedSplit
from recsys.recommend.ranking import Ranker

Flags = npt.NDArray[np.bool_]
Matrix = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]

BLOCK = 8192
"""Users ranked together."""


@dataclass(frozen=True, eq=False)
class UserLists:
    """The lists of some test users: the inputs `Lists` and `GradedLists` of metrics."""

    prepared: PreparedSplit
    positions: Positions
    """(n,) positions of the users in `PreparedSplit.users`."""
    items: npt.NDArray[np.int32]
    hits: Flags
    n_relevant: npt.NDArray[np.integer]

    def first(self, k: int) -> UserLists:
        """The same lists, cut after k items."""
        return UserLists(
            self.prepared, self.positions, self.items[:, :k], self.hits[:, :k], self.n_relevant
        )

    @cached_property
    def with_relevant(self) -> UserLists:
        """The lists of the users who have relevant items."""
        keep = self.n_relevant > 0
        parts = self.positions[keep], self.items[keep], self.hits[keep], self.n_relevant[keep]
        return UserLists(self.prepared, *parts)

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """(n_items,) training ratings."""
        return self.prepared.counts

    @property
    def n_users(self) -> int:
        """Users with training ratings."""
        return self.prepared.n_users

    @property
    def popular(self) -> npt.NDArray[np.int32]:
        """(n, k) what `Popularity` recommends to the same users."""
        return self.prepared.popular[self.positions]

    @property
    def genres(self) -> Matrix | None:
        """(n_items, n_genres)."""
        return self.prepared.genres

    @property
    def genre_shares(self) -> Matrix | None:
        """(n_items, n_genres)."""
        return self.prepared.genre_shares

    @cached_property
    def taste(self) -> Matrix | None:
        """(n, n_genres) genre shares of what the users rated."""
        return self.prepared.taste(self.prepared.users[self.positions])

    @property
    def gains(self) -> Matrix | None:
        """(n, k) held-out ratings of the listed items; ratings below zero gain nothing."""
        if not self.prepared.has_values:
            return None
        values = np.maximum(self._test.data.astype(np.float64), 0)
        at, there = _entries_at(self._test, self.items)
        return np.where(there, values[at] if len(values) else 0.0, 0.0)

    @property
    def ideal_gains(self) -> Matrix | None:
        """(n, k) the highest held-out ratings of each user, decreasing."""
        if not self.prepared.has_values:
            return None
        values = np.maximum(self._test.data.astype(np.float64), 0)
        rows = entry_rows(self._test)
        order = np.lexsort((-values, rows))
        rank = np.arange(len(rows)) - self._test.indptr[rows]
        keep = rank < self.items.shape[1]
        ideal = np.zeros(self.items.shape)
        ideal[rows[keep], rank[keep]] = values[order][keep]
        return ideal

    @cached_property
    def _test(self) -> sp.csr_matrix:
        return self.prepared.split.test.matrix[self.prepared.users[self.positions]]


def ranked_lists(ranker: Ranker, prepared: PreparedSplit, length: int) -> Iterator[UserLists]:
    """The lists of all test users in blocks, so that memory is bounded."""
    for start in range(0, len(prepared.users), BLOCK):
        users = prepared.users[start : start + BLOCK]
        relevant = prepared.relevant[users]
        items = ranker.best(users, prepared.history[users], length, prepared.seen[users])
        positions = np.arange(start, start + len(users))
        hits = contains(relevant, items)
        yield UserLists(prepared, positions, items, hits, np.diff(relevant.indptr))


def contains(matrix: sp.csr_matrix, items: npt.NDArray[np.integer]) -> Flags:
    """Whether each item (n, k) is an entry of its row of a sorted CSR matrix; −1 never is.

    >>> contains(sp.csr_matrix([[0, 5, 0], [1, 0, 2]]), np.array([[1, 0], [2, -1]]))
    array([[ True, False],
           [ True, False]])
    """
    return _entries_at(matrix, items)[1]


def _entries_at(matrix: sp.csr_matrix, items: npt.NDArray[np.integer]) -> tuple[Positions, Flags]:
    # Position in `matrix.data` of each item (n, k) of its row, and whether it is there.
    n_columns = matrix.shape[1]
    entries = entry_rows(matrix) * n_columns + matrix.indices  # increasing, as rows are sorted
    asked = np.arange(len(items))[:, None] * n_columns + items
    if not len(entries):
        return np.zeros(items.shape, np.int64), np.zeros(items.shape, bool)
    at = np.searchsorted(entries, asked).clip(max=len(entries) - 1)
    return at, (entries[at] == asked) & (items >= 0)
