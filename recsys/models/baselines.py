"""Models of width zero: what everything else has to beat."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.models.factors import Factors
from recsys.models.spec import OnEpoch, Progress, Side, Spec
from recsys.ratings.ratings import Ratings

FloatVector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Popularity(Spec):
    """The same list for everybody: an item's score is its number of ratings.

    A new user needs nothing; a new item's score is the number of its ratings.
    """

    name: ClassVar[str] = "popularity"
    working_memory: ClassVar[tuple[float, float, float]] = (9, 3, 0)

    def fit(self, ratings: Ratings, on_epoch: OnEpoch | None = None) -> Factors:
        """The counts of `ratings`. There is no loss and no epoch, so `on_epoch` hears nothing."""
        counts = np.bincount(ratings.matrix.indices, minlength=ratings.n_items)
        return Factors(
            users=ratings.users,
            items=ratings.items,
            mean=0.0,
            user_bias=np.zeros(ratings.n_users, np.float32),
            item_bias=counts.astype(np.float32),
            user_factors=np.zeros((ratings.n_users, 0), np.float32),
            item_factors=np.zeros((ratings.n_items, 0), np.float32),
            spec=self,
        )

    def fold_in_users(self, factors: Factors, matrix: sp.csr_matrix) -> Side:
        """Zeros: everybody gets the same."""
        return _width_zero(np.zeros(matrix.shape[0]))

    def fold_in_items(self, factors: Factors, matrix: sp.csr_matrix) -> Side:
        """Their numbers of ratings."""
        return _width_zero(np.diff(matrix.indptr).astype(np.float64))


@dataclass(frozen=True)
class Biases(Spec):
    """Mean plus user bias plus item bias, each shrunk towards zero.

        L = Σ_S (r − μ − b_u − b_i)² + λ_u Σ_u b_u² + λ_i Σ_i b_i²

    (Koren 2010, "Factor in the Neighbors", section 2.1), by alternating exact solutions, users
    last, so that folding in a training user gives back their bias. The loss
    told to `on_epoch` is L.
    """

    name: ClassVar[str] = "biases"
    predicts_ratings: ClassVar[bool] = True
    working_memory: ClassVar[tuple[float, float, float]] = (46, 8, 0)

    user_regularization: float = 15.0
    """λ_u: a user's bias counts as if they had this many average ratings more. Typical 5 to 25."""
    item_regularization: float = 10.0
    """λ_i, likewise for items. Typical 5 to 25."""
    n_epochs: int = 10
    """Epochs; each solves all items, then all users. Typical 5 to 20."""

    def __post_init__(self) -> None:
        self._check("user_regularization", 0)
        self._check("item_regularization", 0)
        self._check("n_epochs", 1, whole=True)

    def fit(self, ratings: Ratings, on_epoch: OnEpoch | None = None) -> Factors:
        """The mean and biases of `ratings`."""
        rows = ratings.matrix
        columns = rows.T.tocsr()
        mean = float(rows.data.mean(dtype=np.float64))
        user_bias, item_bias = np.zeros(ratings.n_users), np.zeros(ratings.n_items)
        log: list[Progress] = []
        started = time.perf_counter()
        for epoch in range(1, self.n_epochs + 1):
            # Rounded as they will be stored, so that fold-in repeats the last step to the bit.
            item_bias = _shrunk_mean(columns, mean, user_bias, self.item_regularization)
            item_bias = item_bias.astype(np.float32).astype(np.float64)
            user_bias = _shrunk_mean(rows, mean, item_bias, self.user_regularization)
            residual = rows.data - mean - item_bias[rows.indices]
            residual -= np.repeat(user_bias, np.diff(rows.indptr))
            loss = float(residual @ residual)
            loss += self.user_regularization * float(user_bias @ user_bias)
            loss += self.item_regularization * float(item_bias @ item_bias)
            log.append(Progress(epoch, self.n_epochs, loss, time.perf_counter() - started))
            if on_epoch is not None:
                on_epoch(log[-1])
        return Factors(
            users=ratings.users,
            items=ratings.items,
            mean=mean,
            user_bias=user_bias.astype(np.float32),
            item_bias=item_bias.astype(np.float32),
            user_factors=np.zeros((ratings.n_users, 0), np.float32),
            item_factors=np.zeros((ratings.n_items, 0), np.float32),
            spec=self,
            log=tuple(log),
        )

    def fold_in_users(self, factors: Factors, matrix: sp.csr_matrix) -> Side:
        """The last half step of training, for rows that were not in it."""
        other = factors.item_bias.astype(np.float64)
        return _width_zero(_shrunk_mean(matrix, factors.mean, other, self.user_regularization))

    def fold_in_items(self, factors: Factors, matrix: sp.csr_matrix) -> Side:
        """The bias of an item, with the users as they are."""
        other = factors.user_bias.astype(np.float64)
        return _width_zero(_shrunk_mean(matrix, factors.mean, other, self.item_regularization))


def _shrunk_mean(
    matrix: sp.csr_matrix, mean: float, other_bias: FloatVector, regularization: float
) -> FloatVector:
    # Of what the mean and the other side leave: sum / (count + λ); 0 without ratings.
    counts = np.diff(matrix.indptr)
    rows = np.repeat(np.arange(len(counts)), counts)
    left = matrix.data - mean - other_bias[matrix.indices]
    sums = np.bincount(rows, left, minlength=len(counts))
    return np.divide(sums, counts + regularization, out=np.zeros(len(counts)), where=counts > 0)


def _width_zero(bias: FloatVector) -> Side:
    return Side(bias.astype(np.float32), np.zeros((len(bias), 0), np.float32))
