"""BPR and logistic matrix factorization, trained by the `implicit` package.

They are trained by stochastic gradient descent on a loss that is not a least-squares problem.
Fold-in is therefore an approximation, the same for both: ridge regression of "seen" (1) against
"not seen" (0) on the factors of the other side, as in implicit ALS, scaled to the mean length of
the training rows.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from recsys.csr import positive, with_ones
from recsys.errors import DataError, FitError
from recsys.lazy import sp
from recsys.models.common import FloatArray, OnEpoch, Progress
from recsys.models.factors import Embeddings, Factorization, Factors
from recsys.models.row_problem import RowProblem
from recsys.models.spec import PeakMemory
from recsys.settings import hyper
from recsys.threads import one_blas_thread

if TYPE_CHECKING:
    from recsys.ratings.ratings import Ratings

_UNOBSERVED_WEIGHT = 0.1  # of the zeros in fold-in, against the ones
_LOSS_SAMPLE = 50_000  # pairs on which the loss of logistic MF is measured


@dataclass(frozen=True)
class _Pairwise(Factorization):
    folds_in_exactly: ClassVar[bool] = False
    ignores_values: ClassVar[bool] = True

    def fold_in_users(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """Ridge regression on the item factors, scaled to the users' mean length (approximate)."""
        x = _regressed(matrix, factors.item_factors, factors.user_factors)
        return Embeddings(np.zeros(len(x), np.float32), x)

    def fold_in_items(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """Ridge regression on the user factors; the bias is that of items as often rated."""
        y = _regressed(matrix, factors.user_factors, factors.item_factors)
        return Embeddings(np.full(len(y), factors.item_bias.mean(), np.float32), y)

    def contributions(self, factors: Factors, matrix: sp.csr_matrix) -> npt.NDArray[np.float64]:
        """The terms of the regression, scaled as it is."""
        parts = _regression(matrix, factors.item_factors).contributions()
        length = float(np.linalg.norm(parts.sum(axis=0)))
        return parts * (_mean_length(factors.user_factors) / length if length else 0.0)

    def _run(
        self, trainer: Any, ratings: Ratings, n_epochs: int, loss_of: Any, on_epoch: Any
    ) -> Any:
        from implicit.recommender_base import ModelFitError  # importing implicit takes a second

        # Trains, and returns the log. Trained on the positive pairs; values are ignored.
        liked = with_ones(positive(ratings.matrix)).copy()  # implicit needs arrays it may write
        if not liked.nnz:
            raise DataError(f"{self.name} needs values above 0, and there are none")
        log: list[Progress] = []
        started = time.perf_counter()

        def record(epoch: int, _seconds: float, *counts: int) -> None:
            seconds = time.perf_counter() - started
            log.append(Progress(epoch + 1, n_epochs, loss_of(trainer, *counts), seconds))
            if on_epoch is not None:
                on_epoch(log[-1])

        with warnings.catch_warnings(), one_blas_thread():
            warnings.simplefilter(
                "ignore"
            )  # of implicit, about BLAS threads, which are limited here
            try:
                trainer.fit(liked, show_progress=False, callback=record)
            except ModelFitError as error:
                raise FitError(
                    f"{self.name} diverged ({error}); lower the learning rate (now "
                    f"{trainer.learning_rate:g}) or raise regularization"
                ) from None
        return tuple(log)


@dataclass(frozen=True)
class BPR(_Pairwise):
    """Bayesian personalized ranking: seen items before unseen ones, pair by pair.

        max Σ_(u,i,j) ln σ(x_u·(y_i − y_j) + b_i − b_j) − λ (‖x_u‖² + ‖y_i‖² + ‖y_j‖² + b_i² + b_j²)

    over users u, items i they rated and random items j they did not (Rendle, Freudenthaler,
    Gantner, Schmidt-Thieme 2009), by stochastic gradient ascent in `implicit`. Rating values are
    ignored. One thread, because with several the result would depend on a race. The loss that
    `on_epoch` receives is the share of sampled pairs in the wrong order. Fold-in is approximate.
    """

    name: ClassVar[str] = "bpr"
    peak_memory: ClassVar[PeakMemory] = PeakMemory(16, 2.1, 70)

    n_factors: int = hyper(
        64,
        low=1,
        high=4096,
        typical=(16, 256),
        log=True,
        symbol="f",
        meaning="Width of the factors.",
    )
    learning_rate: float = hyper(
        0.01, low=0, above=True, typical=(0.005, 0.1), log=True,
        meaning="Step size of gradient ascent.",
    )  # fmt: skip
    regularization: float = hyper(
        0.03, low=0, typical=(0.001, 0.1), log=True, symbol="λ",
        meaning="L2 strength per sampled pair.",
    )  # fmt: skip
    n_epochs: int = hyper(
        100, low=1, typical=(50, 500), log=True,
        meaning="Number of epochs; each samples as many pairs as there are ratings.",
    )  # fmt: skip
    seed: int = hyper(
        0, low=0, high=2**31 - 1, meaning="Seed for the random start and the sampling."
    )

    def _fit(self, ratings: Ratings, on_epoch: OnEpoch | None, *_: Any) -> Factors:
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        trainer = BayesianPersonalizedRanking(
            factors=self.n_factors,
            learning_rate=self.learning_rate,
            regularization=self.regularization,
            iterations=self.n_epochs,
            num_threads=1,
            random_state=self.seed,
        )

        n_pairs = int((ratings.matrix.data > 0).sum())

        def misordered(_: Any, correct: int, skipped: int) -> float:
            return 1 - correct / max(1, n_pairs - skipped)

        log = self._run(trainer, ratings, self.n_epochs, misordered, on_epoch)
        # implicit keeps the item bias as a last column, against ones.
        return Factors.of(
            self,
            ratings,
            trainer.user_factors[:, :-1],
            trainer.item_factors[:, :-1],
            item_bias=trainer.item_factors[:, -1],
            log=log,
        )


@dataclass(frozen=True)
class LogisticMF(_Pairwise):
    """Logistic matrix factorization: the probability that a user has seen an item.

        max Σ_(u,i) r ln σ(s) + Σ_(u,j) ln(1 − σ(s)) − λ/2 (Σ_u ‖x_u‖² + Σ_i ‖y_i‖²)
        with s = x_u·y_i + b_u + b_i

    over observed pairs and `negatives` random ones for each (Johnson 2014, "Logistic Matrix
    Factorization for Implicit Feedback Data"), by AdaGrad in `implicit`. Rating values are ignored.
    One thread, because with several the result would depend on a race. The loss that `on_epoch`
    receives is the mean negative log-likelihood of a fixed sample of seen and random pairs. Fold-in
    is approximate.
    """

    name: ClassVar[str] = "logistic-mf"
    peak_memory: ClassVar[PeakMemory] = PeakMemory(30, 11, 70)

    n_factors: int = hyper(
        32,
        low=1,
        high=4096,
        typical=(16, 128),
        log=True,
        symbol="f",
        meaning="Width of the factors.",
    )
    learning_rate: float = hyper(
        1.0, low=0, above=True, typical=(0.1, 2), log=True, meaning="Step size of AdaGrad."
    )
    regularization: float = hyper(
        3.0, low=0, typical=(0.1, 10), log=True, symbol="λ", meaning="L2 strength."
    )
    negatives: int = hyper(
        30, low=1, typical=(5, 50), meaning="Number of random pairs sampled per observed pair."
    )
    n_epochs: int = hyper(30, low=1, typical=(20, 100), meaning="Epochs.")
    seed: int = hyper(
        0, low=0, high=2**31 - 1, meaning="Seed for the random start and the sampling."
    )

    def _fit(self, ratings: Ratings, on_epoch: OnEpoch | None, *_: Any) -> Factors:
        from implicit.cpu.lmf import LogisticMatrixFactorization

        trainer = LogisticMatrixFactorization(
            factors=self.n_factors,
            learning_rate=self.learning_rate,
            regularization=self.regularization,
            iterations=self.n_epochs,
            neg_prop=self.negatives,
            num_threads=1,
            random_state=self.seed,
        )
        likelihood = _LogLikelihood(ratings, self.seed)
        log = self._run(trainer, ratings, self.n_epochs, likelihood, on_epoch)
        # implicit keeps the item bias in the last column but one, against ones, and the user bias
        # in the last.
        return Factors.of(
            self,
            ratings,
            trainer.user_factors[:, :-2],
            trainer.item_factors[:, :-2],
            user_bias=trainer.user_factors[:, -1],
            item_bias=trainer.item_factors[:, -2],
            log=log,
        )


class _LogLikelihood:
    """Mean negative log-likelihood on a fixed sample: as many seen pairs as random ones."""

    def __init__(self, ratings: Ratings, seed: int) -> None:
        rng = np.random.default_rng(seed)
        matrix = positive(ratings.matrix)
        n = min(_LOSS_SAMPLE, matrix.nnz)
        entries = rng.choice(matrix.nnz, n, replace=False)
        seen_by = np.searchsorted(matrix.indptr, entries, side="right") - 1
        self.users = np.concatenate([seen_by, rng.integers(ratings.n_users, size=n)])
        self.items = np.concatenate(
            [matrix.indices[entries], rng.integers(ratings.n_items, size=n)]
        )
        self.sign = np.repeat([1.0, -1.0], n)

    def __call__(self, trainer: Any) -> float:
        x, y = trainer.user_factors[self.users], trainer.item_factors[self.items]
        margins = self.sign * np.einsum("nf,nf->n", x, y, dtype=np.float64)
        return float(np.logaddexp(0, -margins).mean())


def _regression(matrix: sp.csr_matrix, other: FloatArray) -> RowProblem:
    seen = (matrix.data > 0).astype(np.float32)
    with one_blas_thread():
        base = other.T @ other * np.float32(_UNOBSERVED_WEIGHT)
    # A ridge in proportion to the mean eigenvalue keeps directions nobody uses from exploding.
    ridge = max(float(np.trace(base)) / len(base) * 0.1, 1e-6)
    return RowProblem(matrix, other, ridge, seen, seen, base)


def _regressed(matrix: sp.csr_matrix, other: FloatArray, own: FloatArray) -> FloatArray:
    x, _ = _regression(matrix, other).solve()
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    factor = _mean_length(own) / np.maximum(lengths, 1e-30)
    return np.where(lengths > 0, x * factor, 0).astype(np.float32)


def _mean_length(table: FloatArray) -> float:
    return float(np.linalg.norm(table, axis=1).mean())
