"""What evaluation asks of a model: scores of all items for a block of users, and their best items.

Anything that has `scores` can be evaluated (`Scorer`). Factors are ranked by the compiled kernel,
which never forms the scores; yardsticks without factors form them, a block of users at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.models.factors import Embeddings, Factors
from recsys.models.fold_in import fold_in_users
from recsys.models.item_weights import ItemWeights
from recsys.models.spec import FloatArray, OnEpoch, Progress
from recsys.ratings.ratings import Ratings
from recsys.recommend.ranking import FittedRanker

Rows = npt.NDArray[np.integer]

_ENTRIES = 1 << 24  # scores formed together: 64 MB


class Scorer(Protocol):
    """A fitted model, as evaluation sees it."""

    def scores(self, users: Rows, history: sp.csr_matrix) -> FloatArray:
        """Scores (n, n_items) float32 of all items, higher is better.

        Args:
            users: (n,) rows of the users in the training.
            history: (n, n_items) CSR, what counts as known of them.
        """


class Model(Protocol):
    """What can be evaluated: a spec, or a yardstick that has no factors."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def predicts_ratings(self) -> bool: ...  # noqa: D102
    def to_dict(self) -> dict[str, object]: ...  # noqa: D102
    def fit(self, ratings: Ratings, on_epoch: OnEpoch | None = None) -> Any: ...  # noqa: D102


@dataclass(frozen=True)
class FactorScorer:
    """Factors as a `Scorer`."""

    factors: Factors
    folds_in: bool = False
    """The users were not in the training: their factors come from the history."""
    candidates: Rows | None = None
    """Increasing item rows it may recommend; None for all."""

    @property
    def log(self) -> tuple[Progress, ...]:
        """The training, epoch by epoch."""
        return self.factors.log

    def side(self, users: Rows, history: sp.csr_matrix) -> Embeddings:
        """Biases and factors of the users."""
        if self.folds_in:
            return fold_in_users(self.factors, history)
        return self.factors.people(users)

    def scores(self, users: Rows, history: sp.csr_matrix) -> FloatArray:
        """Mean, biases and dot products."""
        side, factors = self.side(users, history), self.factors
        scores = side.factors @ factors.item_factors.T + factors.item_bias
        scores += side.bias[:, None] + np.float32(factors.mean)
        if self.candidates is not None:
            others = np.ones(scores.shape[1], bool)
            others[self.candidates] = False
            scores[:, others] = -np.inf
        return np.asarray(scores, np.float32)

    def predicted(self, users: Rows, history: sp.csr_matrix, pairs: sp.csr_matrix) -> FloatArray:
        """Scores (nnz,) of the entries of `pairs` (n, n_items)."""
        side, factors = self.side(users, history), self.factors
        rows = np.repeat(np.arange(len(users)), np.diff(pairs.indptr))
        scores = side.bias[rows] + factors.item_bias[pairs.indices] + np.float32(factors.mean)
        scores += np.einsum("nf,nf->n", side.factors[rows], factors.item_factors[pairs.indices])
        return np.asarray(scores, np.float32)


@dataclass(frozen=True)
class WeightScorer:
    """Item weights as a `Scorer`."""

    weights: ItemWeights

    def scores(self, users: Rows, history: sp.csr_matrix) -> FloatArray:
        """History times weights."""
        return self.weights.scores(self.weights.fold_in_users(history))


def best_items(
    scorer: Scorer, users: Rows, history: sp.csr_matrix, k: int, excluded: sp.csr_matrix
) -> npt.NDArray[np.int32]:
    """The k best items (n, k) of each user that are not excluded, ties by item order, then −1."""
    if isinstance(scorer, FactorScorer):
        side = scorer.side(users, history)
        ranker = FittedRanker(scorer.factors, candidates=scorer.candidates)
        return ranker.ranked(side, k, excluded)[0]
    n_items = history.shape[1]
    step = max(1, _ENTRIES // n_items)
    blocks = []
    for start in range(0, len(users), step):
        part = slice(start, start + step)
        scores = scorer.scores(users[part], history[part])
        out = excluded[part]
        scores[np.repeat(np.arange(len(scores)), np.diff(out.indptr)), out.indices] = -np.inf
        blocks.append(top_of_scores(scores, k))
    return np.concatenate(blocks) if blocks else np.zeros((0, k), np.int32)


def top_of_scores(scores: FloatArray, k: int) -> npt.NDArray[np.int32]:
    """Columns (n, k) of the k highest scores, ties by column; −1 in place of minus infinity.

    >>> top_of_scores(np.array([[0.5, 0.9, 0.5, -np.inf]], np.float32), 4)
    array([[ 1,  0,  2, -1]], dtype=int32)
    """
    n, n_columns = scores.shape
    found = np.full((n, k), -1, np.int32)
    wanted = min(k, n_columns)
    if not n or not wanted:
        return found
    least = -np.partition(-scores, wanted - 1, axis=1)[:, wanted - 1]
    rows, columns = np.nonzero((scores >= least[:, None]) & (scores > -np.inf))
    values = scores[rows, columns]
    order = np.lexsort((columns, -values, rows))
    rows, columns = rows[order], columns[order]
    starts = np.searchsorted(rows, np.arange(n))
    rank = np.arange(len(rows)) - starts[rows]
    keep = rank < wanted
    found[rows[keep], rank[keep]] = columns[keep]
    return found
