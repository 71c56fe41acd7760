"""Models without factors: the baselines that other models have to beat."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from recsys.csr import entry_rows
from recsys.lazy import sp
from recsys.models.common import OnEpoch, Progress
from recsys.models.explicit_als import mean_rating
from recsys.models.factors import Embeddings, Factorization, Factors
from recsys.models.spec import PeakMemory
from recsys.settings import hyper

if TYPE_CHECKING:
    from recsys.ratings.ratings import Ratings

FloatVector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Popularity(Factorization):
    """The same list for all users: an item's score is its number of ratings.

    A new user needs nothing; a new item's score is the number of its ratings.
    """

    name: ClassVar[str] = "popularity"
    users_need_items: ClassVar[bool] = False
    peak_memory: ClassVar[PeakMemory] = PeakMemory(9, 3)

    def _fit(self, ratings: Ratings, *_: Any) -> Factors:
        # There is no loss and no epoch, so `on_epoch` is never called.
        counts = np.bincount(ratings.matrix.indices, minlength=ratings.n_items)
        return Factors.of(
            self,
            ratings,
            np.zeros((ratings.n_users, 0), np.float32),
            np.zeros((ratings.n_items, 0), np.float32),
            item_bias=counts.astype(np.float32),
        )

    def fold_in_users(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """Zeros: everybody gets the same."""
        return _width_zero(np.zeros(matrix.shape[0]))

    def fold_in_items(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """Their numbers of ratings."""
        return _width_zero(np.diff(matrix.indptr).astype(np.float64))


@dataclass(frozen=True)
class Biases(Factorization):
    """Mean plus user bias plus item bias, each shrunk towards zero.

        L = Σ_S (r − μ − b_u − b_i)² + λ_u Σ_u b_u² + λ_i Σ_i b_i²

    (Koren 2010, "Factor in the Neighbors", section 2.1), by alternating exact solutions, users
    last, so that folding in a training user gives back their bias. The loss that `on_epoch`
    receives is L.
    """

    name: ClassVar[str] = "biases"
    predicts_ratings: ClassVar[bool] = True
    peak_memory: ClassVar[PeakMemory] = PeakMemory(46, 8)

    user_regularization: float = hyper(
        15.0, low=0, typical=(5, 25), log=True, symbol="λ_u",
        meaning="Shrinkage of a user's bias, as if they had this many more average ratings.",
    )  # fmt: skip
    item_regularization: float = hyper(
        10.0, low=0, typical=(5, 25), log=True, symbol="λ_i",
        meaning="Shrinkage of an item's bias, as if it had this many more average ratings.",
    )  # fmt: skip
    n_epochs: int = hyper(
        10,
        low=1,
        typical=(5, 20),
        meaning="Number of epochs; each solves all items, then all users.",
    )

    def _fit(self, ratings: Ratings, on_epoch: OnEpoch | None, *_: Any) -> Factors:
        rows = ratings.matrix
        columns, users = rows.T.tocsr(), entry_rows(rows)
        mean = mean_rating(rows)
        user_bias, item_bias = np.zeros(ratings.n_users), np.zeros(ratings.n_items)
        log: list[Progress] = []
        started = time.perf_counter()
        for epoch in range(1, self.n_epochs + 1):
            item_bias = _shrunk_mean(columns, mean, user_bias, self.item_regularization)
            # Rounded as they will be stored, so that fold-in repeats the last step to the bit.
            item_bias = item_bias.astype(np.float32).astype(np.float64)
            user_bias = _shrunk_mean(rows, mean, item_bias, self.user_regularization)
            residual = rows.data - mean - item_bias[rows.indices]
            residual -= user_bias[users]
            loss = float(residual @ residual)
            loss += self.user_regularization * float(user_bias @ user_bias)
            loss += self.item_regularization * float(item_bias @ item_bias)
            log.append(Progress(epoch, self.n_epochs, loss, time.perf_counter() - started))
            if on_epoch is not None:
                on_epoch(log[-1])
        return Factors.of(
            self,
            ratings,
            np.zeros((ratings.n_users, 0), np.float32),
            np.zeros((ratings.n_items, 0), np.float32),
            mean=mean,
            user_bias=user_bias.astype(np.float32),
            item_bias=item_bias.astype(np.float32),
            log=tuple(log),
        )

    def fold_in_users(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """The last half step of training, for rows that were not in it."""
        other = factors.item_bias.astype(np.float64)
        return _width_zero(_shrunk_mean(matrix, factors.mean, other, self.user_regularization))

    def fold_in_items(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """The bias of an item, with the users as they are."""
        other = factors.user_bias.astype(np.float64)
        return _width_zero(_shrunk_mean(matrix, factors.mean, other, self.item_regularization))


def _shrunk_mean(
    matrix: sp.csr_matrix, mean: float, other_bias: FloatVector, regularization: float
) -> FloatVector:
    # Of the residuals of the mean and the other side: sum / (count + λ); 0 without ratings.
    counts, rows = np.diff(matrix.indptr), entry_rows(matrix)
    left = matrix.data - mean - other_bias[matrix.indices]
    sums = np.bincount(rows, left, minlength=len(counts))
    return np.divide(sums, counts + regularization, out=np.zeros(len(counts)), where=counts > 0)


def _width_zero(bias: FloatVector) -> Embeddings:
    return Embeddings(bias.astype(np.float32), np.zeros((len(bias), 0), np.float32))
