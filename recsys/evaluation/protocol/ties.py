"""Items with equal scores: which of them a list may hold, and how likely.

A ranker breaks ties somehow, usually by item order, and a metric of one such order would depend on
what the items are called. Metrics are the mean over all orders of tied items instead. For that, a
list is searched one item further than it is long; where that item ties with the last of the list,
the search goes on until the scores fall.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.models.common import Rows
from recsys.recommend.ranking import Ranker

Flags = npt.NDArray[np.bool_]
Matrix = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]

_DEEPER = 4  # times as many items, where the last is tied with one that was not found
_SEARCHED = 1 << 22  # entries of lists that are searched deeper, together
_ENTRIES = 1 << 18  # of lists with ties, handled together


@dataclass(frozen=True, eq=False)
class Ties:
    """The groups of equal scores in lists (n, m); a group lies in columns that follow each other.

    An item without ties is a group of one, and so is each place after the end of a list.
    """

    start: Positions
    """(n, m) the column in which the item's group begins, which is its best possible rank − 1."""
    size: Positions
    """(n, m) items of its group."""

    @classmethod
    def of(cls, scores: npt.NDArray[np.floating]) -> Ties:
        """The groups of scores (n, m), which fall from left to right; NaN where a list ended."""
        n, m = scores.shape
        column = np.arange(m)
        begins = np.ones((n, m), bool)
        begins[:, 1:] = scores[:, 1:] != scores[:, :-1]
        ends = np.ones((n, m), bool)
        ends[:, :-1] = begins[:, 1:]
        start = np.maximum.accumulate(np.where(begins, column, 0), axis=1)
        last = np.minimum.accumulate(np.where(ends, column, m)[:, ::-1], axis=1)[:, ::-1]
        return cls(start, last - start + 1)

    def first(self, k: int) -> Ties:
        """The groups of the first k columns, whose sizes still count the items after them."""
        return Ties(self.start[:, :k], self.size[:, :k])

    def chances(self, k: int) -> Matrix:
        """(n, m) the probability that each item is among the first k."""
        return np.clip(k - self.start, 0, self.size) / self.size

    @cached_property
    def above(self) -> Positions:
        """(n, m) how many of its group are above the item in each column."""
        return np.arange(self.start.shape[1]) - self.start

    def sums(self, values: npt.NDArray[np.generic]) -> Matrix:
        """(n, m) the sum of values (n, m) over the group of each item, as far as it is there."""
        before = np.zeros((len(values), values.shape[1] + 1))
        np.cumsum(values, axis=1, out=before[:, 1:])
        ends = np.minimum(self.start + self.size, values.shape[1])
        sums = np.take_along_axis(before, ends, axis=1)
        return np.asarray(sums - np.take_along_axis(before, self.start, axis=1))


def first_hits(ties: Ties, relevant: Matrix) -> Matrix:
    """(n, k) the probability of a hit at each rank, where there was none above.

    A rank with o ranks of its group above it, none of them a hit, gets one of the remaining m − o
    items of the group; all R relevant ones are among these. So it is R / (m − o).

    Args:
        ties: the groups, of the ranks (n, k).
        relevant: (n, k) how many items of the group of each rank are relevant, R.
    """
    return np.asarray(np.minimum(relevant / (ties.size - ties.above), 1.0))


def hits_above(ties: Ties, relevant: Matrix) -> Matrix:
    """(n, k) the expected number of hits above each rank, where there is one at it.

    Groups further up are in the list as a whole: all of their R count. Of the rank's own group,
    each of the o ranks above it is a hit with probability (R − 1) / (m − 1), as one relevant item
    is taken.
    """
    own = np.maximum(relevant - 1, 0) / np.maximum(ties.size - 1, 1)
    # Hits of the groups before the own one: the sum up to here, less the part of the own group.
    mean = relevant / ties.size
    before = np.cumsum(mean, axis=1) - (ties.above + 1) * mean
    return np.asarray(before + ties.above * own)


@dataclass(frozen=True, eq=False)
class Ranked:
    """Lists of some users."""

    at: Positions
    """(n,) which users of those that were asked for."""
    items: npt.NDArray[np.int32]
    """(n, m) item rows, best first; −1 where there is none."""
    ties: Ties | None
    """None where no two scores are equal, or scores are unknown; m is then the length asked for."""


def ranked(
    ranker: Ranker, users: Rows, history: sp.csr_matrix, length: int, excluded: sp.csr_matrix
) -> Iterator[Ranked]:
    """The lists of users, together with what is tied with their last items.

    A ranker without `best_scored` has no ties: its order is what it says.
    """
    search = getattr(ranker, "best_scored", None)
    if search is None:
        items = ranker.best(users, history, length, excluded)
        yield Ranked(np.arange(len(users)), items, None)
        return
    items, scores = search(users, history, length + 1, excluded)
    tied = (scores[:, 1:] == scores[:, :-1]).any(axis=1)  # false for NaN, where a list has ended
    yield from _plain(items[:, :length], tied)
    # A list is complete where all that ties with its last item was found.
    cut = scores[:, -1] == scores[:, length - 1]
    whole = tied & ~cut
    yield from _tied(np.flatnonzero(whole), items[whole], scores[whole], length)
    left, depth = np.flatnonzero(tied & cut), length + 1
    while len(left):
        depth, waiting, left = _DEEPER * depth, left, left[:0]
        step = max(1, _SEARCHED // depth)
        for at in np.split(waiting, range(step, len(waiting), step)):
            items, scores = search(users[at], history[at], depth, excluded[at])
            cut = scores[:, -1] == scores[:, length - 1]
            yield from _tied(at[~cut], items[~cut], scores[~cut], length)
            left = np.concatenate([left, at[cut]])


def _plain(items: npt.NDArray[np.int32], tied: Flags) -> Iterator[Ranked]:
    if not tied.any():  # the usual case, without a copy
        yield Ranked(np.arange(len(tied)), items, None)
    elif not tied.all():
        yield Ranked(np.flatnonzero(~tied), items[~tied], None)


def _tied(
    at: Positions, items: npt.NDArray[np.int32], scores: npt.NDArray[np.floating], length: int
) -> Iterator[Ranked]:
    # In parts of bounded size, narrow lists first, without what is worse than the last of a list.
    beyond = np.arange(scores.shape[1]) >= length
    lower = beyond & ~(scores == scores[:, length - 1, None])
    widths = np.maximum((~lower).sum(axis=1), length)
    order = np.argsort(widths, kind="stable")
    while len(order):
        most = order[: max(1, _ENTRIES // int(widths[order[0]]))]
        n = max(1, _ENTRIES // int(widths[most[-1]]))
        part, order = most[:n], order[min(n, len(most)) :]
        width = int(widths[part[-1]])
        kept = np.where(lower[part, :width], -1, items[part, :width])
        ties = Ties.of(np.where(lower[part, :width], np.nan, scores[part, :width]))
        yield Ranked(at[part], kept, ties)
