"""Ranked lists of the test users, with everything a list metric may ask about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.csr import entry_rows
from recsys.evaluation.protocol.prepared import PreparedSplit
from recsys.evaluation.protocol.ties import Ties, first_hits, hits_above, ranked
from recsys.recommend.ranking import Ranker

Flags = npt.NDArray[np.bool_]
Chances = npt.NDArray[np.bool_] | npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]

BLOCK = 8192
"""Users ranked together."""


@dataclass(frozen=True, eq=False)
class UserLists:
    """The lists of some test users: the inputs `Lists` and `GradedLists` of metrics.

    Either no list has ties, so that every probability is 0 or 1, or `ties` says where they are.
    """

    prepared: PreparedSplit
    positions: Positions
    """(n,) positions of the users in `PreparedSplit.users`."""
    k: int
    """Length of the lists."""
    items: npt.NDArray[np.int32]
    """(n, m) the items that may be in the list, best first; −1 for none."""
    relevant: Flags
    """(n, m) whether each is relevant."""
    n_relevant: npt.NDArray[np.integer]
    ties: Ties | None = None
    """The groups of items (n, m) with equal scores; None without any, and then m is k."""

    def first(self, k: int) -> UserLists:
        """The same lists, cut after k items."""
        if self.ties is None:
            return replace(self, k=k, items=self.items[:, :k], relevant=self.relevant[:, :k])
        # Groups that begin within the first k are kept as a whole.
        width = max(k, int((self.ties.start < k).sum(axis=1).max(initial=0)))
        parts = self.items[:, :width], self.relevant[:, :width], self.n_relevant
        return UserLists(self.prepared, self.positions, k, *parts, self.ties.first(width))

    @cached_property
    def with_relevant(self) -> UserLists:
        """The lists of the users who have relevant items."""
        keep = self.n_relevant > 0
        parts = self.items[keep], self.relevant[keep], self.n_relevant[keep]
        ties = self.ties
        if ties is not None:
            ties = Ties(ties.start[keep], ties.size[keep])
        return UserLists(self.prepared, self.positions[keep], self.k, *parts, ties)

    @cached_property
    def chances(self) -> Chances:
        """(n, m) probability that each item is in the list."""
        there = self.items >= 0
        return there if self.ties is None else self.ties.chances(self.k) * there

    @cached_property
    def item_hits(self) -> Chances:
        """(n, m) `chances` of the relevant items, 0 for the others."""
        return self.relevant if self.ties is None else self.chances * self.relevant

    @cached_property
    def hits(self) -> Chances:
        """(n, k) probability that the item at each rank is relevant."""
        return self.relevant if self.ties is None else self._tied_hits / self._ties.size

    @property
    def first_hits(self) -> Chances:
        """(n, k) the same, where no item above is relevant."""
        return self.relevant if self.ties is None else first_hits(self._ties, self._tied_hits)

    @property
    def hits_above(self) -> Matrix:
        """(n, k) expected hits above each rank, where there is one at it."""
        if self.ties is not None:
            return hits_above(self._ties, self._tied_hits)
        return np.asarray(np.cumsum(self.relevant, axis=1) - self.relevant, np.float64)

    @cached_property
    def _ties(self) -> Ties:
        # Of the ranks (n, k).
        assert self.ties is not None
        return self.ties.first(self.k)

    @cached_property
    def _tied_hits(self) -> Matrix:
        # (n, k) relevant items in the group of each rank.
        assert self.ties is not None
        return self.ties.sums(self.relevant)[:, : self.k]

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """(n_items,) training ratings."""
        return self.prepared.counts

    @property
    def n_users(self) -> int:
        """Users with training ratings."""
        return self.prepared.n_users

    @property
    def obvious(self) -> Matrix:
        """(n, m) probability that each item is in the list that `Popularity` gives the user."""
        return self.prepared.obvious(self.positions, self.items)

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
        """(n, k) expected held-out rating at each rank; ratings below zero gain nothing."""
        if not self.prepared.has_values:
            return None
        values = np.maximum(self._test.data.astype(np.float64), 0)
        at, there = _entries_at(self._test, self.items)
        gains = np.where(there, values[at] if len(values) else 0.0, 0.0)
        if self.ties is None:
            return gains
        return np.asarray((self.ties.sums(gains) / self.ties.size)[:, : self.k])

    @property
    def ideal_gains(self) -> Matrix | None:
        """(n, k) the highest held-out ratings of each user, decreasing."""
        if not self.prepared.has_values:
            return None
        values = np.maximum(self._test.data.astype(np.float64), 0)
        rows = entry_rows(self._test)
        order = np.lexsort((-values, rows))
        rank = np.arange(len(rows)) - self._test.indptr[rows]
        keep = rank < self.k
        ideal = np.zeros((len(self.items), self.k))
        ideal[rows[keep], rank[keep]] = values[order][keep]
        return ideal

    @cached_property
    def _test(self) -> sp.csr_matrix:
        return self.prepared.split.test.matrix[self.prepared.users[self.positions]]


def ranked_lists(ranker: Ranker, prepared: PreparedSplit, length: int) -> Iterator[UserLists]:
    """The lists of all test users in blocks, so that memory is bounded.

    Lists with ties come in blocks of their own.
    """
    for start in range(0, len(prepared.users), BLOCK):
        users = prepared.users[start : start + BLOCK]
        relevant, seen = prepared.relevant[users], prepared.seen[users]
        for part in ranked(ranker, users, prepared.history[users], length, seen):
            own = relevant[part.at]
            hits = contains(own, part.items)
            n_relevant = np.diff(own.indptr)
            yield UserLists(
                prepared, start + part.at, length, part.items, hits, n_relevant, part.ties
            )


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
