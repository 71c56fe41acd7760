"""BPR and logistic matrix factorization, trained by the `implicit` package.

Their training is stochastic gradient descent on a loss that is no least-squares problem, so fold-in
is an approximation, the same for both: ridge regression of "seen" (1) against "not seen" (0) on the
factors of the other side, as in implicit ALS, scaled to the mean length of the training rows.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from recsys.models.factors import Factors
from recsys.models.row_problem import RowProblem
from recsys.models.spec import FloatArray, OnEpoch, Progress, Side, Spec
from recsys.ratings.ratings import Ratings
from recsys.threads import one_blas_thread

_UNOBSERVED_WEIGHT = 0.1  # of the fold-in's zeros against its ones
_LOSS_SAMPLE = 50_000  # pairs that logistic MF's loss is measured on


@dataclass(frozen=True)
class _Pairwise(Spec):
    folds_in_exactly: ClassVar[bool] = False

    def fold_in_users(self, factors: Factors, matrix: sp.csr_matrix) -> Side:
        """Ridge regression on the item factors, scaled to the users' mean length (approximate)."""
        x = _regressed(matrix, factors.item_factors, factors.user_factors)
        return Side(np.zeros(len(x), np.float32), x)

    def fold_in_items(self, factors: Factors, matrix: sp.csr_matrix) -> Side:
        """Ridge regression on the user factors; the bias is that of items as often rated."""
        y = _regressed(matrix, factors.user_factors, factors.item_factors)
        return Side(np.full(len(y), factors.item_bias.mean(), np.float32), y)

    def _run(
        self, trainer: Any, ratings: Ratings, n_epochs: int, loss_of: Any, on_epoch: Any
    ) -> Any:
        # Trains, and returns the log. Trained on the positive pairs; values are ignored.
        positive = ratings.matrix.copy()
        positive.data = (positive.data > 0).astype(np.float32)
        positive.eliminate_zeros()
        log: list[Progress] = []
        started = time.perf_counter()

        def hear(epoch: int, _seconds: float, *counts: int) -> None:
            seconds = time.perf_counter() - started
            log.append(Progress(epoch + 1, n_epochs, loss_of(trainer, *counts), seconds))
            if on_epoch is not None:
                on_epoch(log[-1])

        with warnings.catch_warnings(), one_blas_thread():
            warnings.simplefilter("ignore")  # about BLAS threads, which are limited here
            trainer.fit(positive, show_progress=False, callback=hear)
        return tuple(log)


@dataclass(frozen=True)
class BPR(_Pairwise):
    """Bayesian personalized ranking: seen items before unseen ones, pair by pair.

        max Σ_(u,i,j) ln σ(x_u·(y_i − y_j) + b_i − b_j) − λ (‖x_u‖² + ‖y_i‖² + ‖y_j‖² + b_i² + b_j²)

    over users u, items i they rated and random items j they did not (Rendle, Freudenthaler,
    Gantner, Schmidt-Thieme 2009), by stochastic gradient ascent in `implicit`. Rating values are
    ignored. One thread, because several would make the result depend on their race. The loss told
    to `on_epoch` is the share of sampled pairs in the wrong order. Fold-in is approximate.
    """

    name: ClassVar[str] = "bpr"
    working_memory: ClassVar[tuple[float, float, float]] = (16, 2.1, 70)

    n_factors: int = 64
    """f, width of the factors. Typical 16 to 256."""
    learning_rate: float = 0.01
    """Step of the gradient ascent. Typical 0.005 to 0.1."""
    regularization: float = 0.03
    """λ, L2 strength per sampled pair. Typical 0.001 to 0.1."""
    n_epochs: int = 100
    """Epochs; each draws as many pairs as there are ratings. Typical 50 to 500."""
    seed: int = 0
    """Of initial factors and draws."""

    def __post_init__(self) -> None:
        self._check("n_factors", 1, 4096, whole=True)
        self._check("learning_rate", 0, above=True)
        self._check("regularization", 0)
        self._check("n_epochs", 1, whole=True)
        self._check("seed", 0, 2**31 - 1, whole=True)

    def fit(self, ratings: Ratings, on_epoch: OnEpoch | None = None) -> Factors:
        """The factors of `ratings`."""
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
        return Factors(
            users=ratings.users,
            items=ratings.items,
            mean=0.0,
            user_bias=np.zeros(ratings.n_users, np.float32),
            item_bias=np.array(trainer.item_factors[:, -1], np.float32),
            user_factors=np.array(trainer.user_factors[:, :-1], np.float32, order="C"),
            item_factors=np.array(trainer.item_factors[:, :-1], np.float32, order="C"),
            spec=self,
            log=log,
        )


@dataclass(frozen=True)
class LogisticMF(_Pairwise):
    """Logistic matrix factorization: the probability that a user has seen an item.

        max Σ_(u,i) r ln σ(s) + Σ_(u,j) ln(1 − σ(s)) − λ/2 (Σ_u ‖x_u‖² + Σ_i ‖y_i‖²)
        with s = x_u·y_i + b_u + b_i

    over observed pairs and `negatives` random ones for each (Johnson 2014, "Logistic Matrix
    Factorization for Implicit Feedback Data"), by AdaGrad in `implicit`. Rating values are ignored.
    One thread, so that the result does not depend on a race. The loss told to `on_epoch` is the
    mean negative log-likelihood of a fixed sample of seen and random pairs. Fold-in is approximate.
    """

    name: ClassVar[str] = "logistic-mf"
    working_memory: ClassVar[tuple[float, float, float]] = (30, 11, 70)

    n_factors: int = 32
    """f, width of the factors. Typical 16 to 128."""
    learning_rate: float = 1.0
    """Step of AdaGrad. Typical 0.1 to 2."""
    regularization: float = 3.0
    """λ, L2 strength. Typical 0.1 to 10."""
    negatives: int = 30
    """Random pairs drawn for each observed one. Typical 5 to 50."""
    n_epochs: int = 30
    """Epochs. Typical 20 to 100."""
    seed: int = 0
    """Of initial factors and draws."""

    def __post_init__(self) -> None:
        self._check("n_factors", 1, 4096, whole=True)
        self._check("learning_rate", 0, above=True)
        self._check("regularization", 0)
        self._check("negatives", 1, whole=True)
        self._check("n_epochs", 1, whole=True)
        self._check("seed", 0, 2**31 - 1, whole=True)

    def fit(self, ratings: Ratings, on_epoch: OnEpoch | None = None) -> Factors:
        """The factors of `ratings`."""
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
        return Factors(
            users=ratings.users,
            items=ratings.items,
            mean=0.0,
            user_bias=np.array(trainer.user_factors[:, -1], np.float32),
            item_bias=np.array(trainer.item_factors[:, -2], np.float32),
            user_factors=np.array(trainer.user_factors[:, :-2], np.float32, order="C"),
            item_factors=np.array(trainer.item_factors[:, :-2], np.float32, order="C"),
            spec=self,
            log=log,
        )


class _LogLikelihood:
    """Mean negative log-likelihood on a fixed sample: as many seen pairs as random ones."""

    def __init__(self, ratings: Ratings, seed: int) -> None:
        rng = np.random.default_rng(seed)
        n = min(_LOSS_SAMPLE, ratings.n_ratings)
        entries = rng.choice(ratings.n_ratings, n, replace=False)
        seen_by = np.searchsorted(ratings.matrix.indptr, entries, side="right") - 1
        self.users = np.concatenate([seen_by, rng.integers(ratings.n_users, size=n)])
        self.items = np.concatenate(
            [ratings.matrix.indices[entries], rng.integers(ratings.n_items, size=n)]
        )
        self.sign = np.repeat([1.0, -1.0], n)

    def __call__(self, trainer: Any) -> float:
        x, y = trainer.user_factors[self.users], trainer.item_factors[self.items]
        margins = self.sign * np.einsum("nf,nf->n", x, y, dtype=np.float64)
        return float(np.logaddexp(0, -margins).mean())


def _regressed(matrix: sp.csr_matrix, other: FloatArray, own: FloatArray) -> FloatArray:
    seen = (matrix.data > 0).astype(np.float32)
    with one_blas_thread():
        base = other.T @ other * np.float32(_UNOBSERVED_WEIGHT)
    # A ridge in proportion to the mean eigenvalue keeps directions nobody uses from exploding.
    ridge = max(float(np.trace(base)) / len(base) * 0.1, 1e-6)
    x, _ = RowProblem(matrix, other, ridge, seen, seen, base).solve()
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    target = float(np.linalg.norm(own, axis=1).mean())
    return np.where(lengths > 0, x * (target / np.maximum(lengths, 1e-30)), 0).astype(np.float32)
