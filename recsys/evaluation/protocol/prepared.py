"""`PreparedSplit`: the part of an evaluation that does not depend on the model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.csr import entry_rows, positive, with_ones
from recsys.evaluation.result.segments import ItemSegments, item_segments
from recsys.models.baselines import Popularity
from recsys.models.common import Rows
from recsys.models.from_features import Names
from recsys.models.spec import Fitted
from recsys.ratings.feedback import Feedback
from recsys.ratings.item_tables import genre_flags
from recsys.ratings.ratings import Ratings
from recsys.ratings.splits import Split
from recsys.recommend.ranking import Counts, FittedRanker

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
    features: Names = False
    """Columns of the item and user tables from which those without ratings get factors in the
    models that are trained on this split, or True for all that are of use; not in the baselines."""

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

    def ranker(self, fitted: Fitted, described: bool = False) -> FittedRanker:
        """The ranker of what was fitted on the training part.

        Args:
            fitted: the fit.
            described: whether users without ratings have factors from their features.
        """
        # Models that predict ratings know everybody with ratings, whatever counts as feedback.
        known = self.split.train if fitted.spec.predicts_ratings else self.trained_on
        counts = Counts(np.diff(known.matrix.indptr), self._popularity)
        return FittedRanker(
            fitted,
            folds_in=self.folds_in,
            candidates=self.candidates,
            counts=counts,
            described=described,
        )

    @property
    def candidates(self) -> Rows | None:
        """Increasing rows of the items that are ranked; None for all."""
        return self.split.candidates

    def obvious(self, positions: Rows, items: npt.NDArray[np.integer]) -> Matrix:
        """(n, m) probability that items are in the lists that `Popularity` gives some test users.

        Args:
            positions: (n,) positions in `users`.
            items: (n, m) item rows; −1 for none.
        """
        last, share = (one[positions, None] for one in self._last_popular)
        counts = self._popularity[items]
        chance = np.where(counts > last, 1.0, np.where(counts == last, share, 0.0))
        return np.where(items >= 0, chance, 0.0)

    @cached_property
    def _popularity(self) -> npt.NDArray[np.int64]:
        return Counts.of(self.trained_on.matrix).items

    @cached_property
    def _last_popular(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        # For each test user the count of the last item in the list of `Popularity`, and the share
        # of the unseen items with that count that the list holds; −1 where it holds all.
        users, counts, seen = self.users, self._popularity, self.seen[self.users]
        popular = Popularity().fit(self.trained_on)
        ranker = FittedRanker(popular, candidates=self.candidates)
        scores = ranker.best_scored(users, self.history[users], self.k, seen)[1]
        ended = np.isnan(scores[:, -1])
        last = np.where(ended, -1, scores[:, -1]).astype(np.int64)
        listed = (scores == scores[:, -1:]).sum(axis=1)
        rows = entry_rows(seen)
        alike = np.bincount(rows, counts[seen.indices] == last[rows], len(users))
        unseen = np.bincount(counts)[last] - alike
        return last, np.divide(listed, unseen, out=np.zeros(len(users)), where=~ended)

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


def prepare(
    split: Split, k: int, feedback: Feedback | None = None, features: Names = False
) -> PreparedSplit:
    """The split, ready for models to be measured on.

    Args:
        split: training and test ratings.
        k: length of the lists.
        feedback: which ratings count as liked; None for all.
        features: columns that models get features from; True for all that are of use.

    Raises:
        DataError: no training or test rating counts.
    """
    given, feedback = feedback, (feedback or Feedback()).fitted(split.train)
    return PreparedSplit(
        split=split,
        k=k,
        trained_on=feedback.apply(split.train),
        relevant=feedback.liked(split.test, split.seen.matrix),
        history=feedback.of(split.seen.matrix),
        users=np.flatnonzero(np.diff(split.test.matrix.indptr)).astype(np.int64),
        counts=np.bincount(split.train.matrix.indices, minlength=split.train.n_items),
        feedback=None if given == Feedback() else feedback,
        features=features,
    )
