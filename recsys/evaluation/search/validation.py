"""A validation part carved from the training ratings, and what a fit is worth on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.csr import entry_rows, kept_entries
from recsys.evaluation.metrics.ndcg import ndcg
from recsys.evaluation.protocol.lists import contains
from recsys.models.spec import Fitted
from recsys.ratings.feedback import Feedback
from recsys.ratings.ratings import Ratings
from recsys.recommend.ranking import FittedRanker

Values = npt.NDArray[np.float64]

N_PARTS = 10
"""Parts of the ratings of a validation user, of which one is held out."""

MOST_USERS = 4096
"""Users who are ranked for one part; nothing is held out of the others."""

K = 10
"""Length of the lists."""


@dataclass(frozen=True, eq=False)
class Part:
    """Some held-out ratings, and the others."""

    train: Ratings
    users: npt.NDArray[np.int64]
    """(n,) rows of the users who are ranked: they have training ratings and liked held-out ones."""
    relevant: sp.csr_matrix
    """(n, n_items) what was held out and liked."""

    @cached_property
    def _seen(self) -> sp.csr_matrix:
        return self.train.matrix[self.users]

    @cached_property
    def _n_relevant(self) -> npt.NDArray[np.int32]:
        return np.diff(self.relevant.indptr)

    @cached_property
    def _trained_on(self) -> dict[Feedback, Ratings]:
        return {}

    def trained_on(self, feedback: Feedback) -> Ratings:
        """The training ratings as confidences."""
        if feedback not in self._trained_on:
            self._trained_on[feedback] = feedback.apply(self.train)
        return self._trained_on[feedback]

    def ndcg(self, fitted: Fitted) -> Values:
        """NDCG@10 (n,) of each user, all items but those of the training part ranked."""
        items = FittedRanker(fitted).best(self.users, self._seen, K, self._seen)
        return ndcg(contains(self.relevant, items), self._n_relevant)


def carve(ratings: Ratings, liked: npt.NDArray[np.bool_], seed: int, i: int = 0) -> Part | None:
    """The i-th of ten random tenths of the ratings, of all users or of a random sample of many.

    Users whose ratings were all held out, and items that only the held-out ratings have, are left
    out of the ranking: no factorization knows anything about them.

    Args:
        ratings: what to carve from.
        liked: (n_ratings,) which ratings count as relevant once they are held out.
        seed: of the draws.
        i: which tenth, 0 to 9. No two have a rating in common, so that they say more together
            than as many that are drawn each on its own.

    Returns:
        None where there is nothing to rank.
    """
    rng = np.random.default_rng(seed)
    rows, matrix = entry_rows(ratings.matrix), ratings.matrix
    held = np.floor(rng.random(ratings.n_ratings) * N_PARTS) == i
    order = np.roll(rng.permutation(ratings.n_users), -i * MOST_USERS)
    held &= _known(rows, ~held, ratings.n_users)
    users = order[np.bincount(rows[held & liked], minlength=ratings.n_users)[order] > 0]
    chosen = np.zeros(ratings.n_users, bool)
    chosen[users[:MOST_USERS]] = True
    held &= chosen[rows]
    known_items = _known(matrix.indices, ~held, ratings.n_items)
    relevant = kept_entries(matrix, held & liked & known_items)
    ranked = np.flatnonzero(np.diff(relevant.indptr)).astype(np.int64)
    if not len(ranked):
        return None
    return Part(ratings.select(~held), ranked, relevant[ranked])


def _known(
    of: npt.NDArray[np.integer], kept: npt.NDArray[np.bool_], n: int
) -> npt.NDArray[np.bool_]:
    # Whether the row or column of each entry has an entry that is kept.
    return np.asarray((np.bincount(of[kept], minlength=n) > 0)[of])
