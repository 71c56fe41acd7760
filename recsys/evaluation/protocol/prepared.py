"""`PreparedSplit`: the part of an evaluation that does not depend on the model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.csr import positive, with_ones
from recsys.evaluation.result.segments import ItemSegments, item_segments
from recsys.models.baselines import Popularity
from recsys.ratings.feedback import Feedback
from recsys.ratings.item_tables import genre_flags
from recsys.ratings.ratings import Ratings
from recsys.ratings.splits import Split
from recsys.recommend.ranking import FittedRanker

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PreparedSplit:
    """A split, with all that is the same for every model measured on it."""

    split: Split
    k: int
    """Length of the lists."""
    trained_on: Ratings
    """The training ratings that count as feedback."""
    relevant: sp.csr_matrix
    """(n_users, n_items) test ratings that count as liked: a recommended one is a hit. Held-out
    values of 0 or less are not among them."""
    history: sp.csr_matrix
    """(n_users, n_items) known ratings that count as feedback: what users are folded in from."""
    users: npt.NDArray[np.int64]
    """(n_test_users,) rows of the users with test ratings."""
    counts: npt.NDArray[np.int64]
    """(n_items,) training ratings of each item."""
    feedback: Feedback | None = None
    """Which ratings count and how; None for all, as they are."""

    @property
    def folds_in(self) -> bool:
        """Whether the test users are not training users."""
        return self.split.known is not None

    @property
    def has_values(self) -> bool:
        """Whether test ratings have values, so that they can be graded and predicted."""
        return self.split.test.has_values

    @property
    def seen(self) -> sp.csr_matrix:
        """(n_users, n_items) known ratings of any value: never recommended again."""
        return self.split.seen.matrix

    @cached_property
    def n_users(self) -> int:
        """Users with training ratings."""
        return int((np.diff(self.split.train.matrix.indptr) > 0).sum())

    @cached_property
    def popular(self) -> npt.NDArray[np.int32]:
        """(n_test_users, k) what `Popularity` recommends to the test users."""
        ranker = FittedRanker(Popularity().fit(self.trained_on))
        users = self.users
        return ranker.best(users, self.history[users], self.k, self.seen[users])

    @cached_property
    def genres(self) -> Matrix | None:
        """(n_items, n_genres) 1 where an item has a genre; None where genres are unknown."""
        flags = self._genre_flags[1]
        return flags.astype(np.float64) if flags.shape[1] else None

    @cached_property
    def genre_shares(self) -> Matrix | None:
        """(n_items, n_genres) `genres` with each row divided by its sum."""
        if self.genres is None:
            return None
        return np.asarray(self.genres / np.maximum(self.genres.sum(axis=1, keepdims=True), 1))

    def taste(self, rows: npt.NDArray[np.integer]) -> Matrix | None:
        """(n, n_genres) mean genre shares of what some users liked; 0 for users who liked none."""
        if self.genre_shares is None:
            return None
        sums = np.asarray(with_ones(positive(self.history[rows]), np.float64) @ self.genre_shares)
        total = sums.sum(axis=1, keepdims=True)
        shares: Matrix = np.divide(sums, total, out=np.zeros_like(sums), where=total > 0)
        return shares

    @cached_property
    def segments(self) -> ItemSegments:
        """Groups of items by popularity and genre."""
        return item_segments(self.counts, *self._genre_flags)

    @cached_property
    def _genre_flags(self) -> tuple[list[str], npt.NDArray[np.bool_]]:
        return genre_flags(self.split.train.item_table)


def prepare(split: Split, k: int, feedback: Feedback | None = None) -> PreparedSplit:
    """The split, ready for models to be measured on.

    Args:
        split: training and test ratings.
        k: length of the lists.
        feedback: which ratings count as liked; None for all.

    Raises:
        DataError: no training or test rating counts.
    """
    given, feedback = feedback, feedback or Feedback()
    return PreparedSplit(
        split=split,
        k=k,
        trained_on=feedback.apply(split.train),
        relevant=feedback.liked(split.test),
        history=feedback.of(split.seen.matrix),
        users=np.flatnonzero(np.diff(split.test.matrix.indptr)).astype(np.int64),
        counts=np.bincount(split.train.matrix.indices, minlength=split.train.n_items),
        feedback=None if given == Feedback() else given,
    )
