"""Factors that Apache Spark has trained: what their objective is, and how people fold in."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from recsys import kernels
from recsys.csr import entry_rows
from recsys.errors import ArgumentError
from recsys.lazy import sp
from recsys.models.common import FloatArray, Side
from recsys.models.factors import Embeddings, Factorization, Factors
from recsys.models.row_problem import RowProblem
from recsys.models.spec import PeakMemory
from recsys.settings import hyper

if TYPE_CHECKING:
    from recsys.ratings.ratings import Ratings


@dataclass(frozen=True)
class SparkALS(Factorization):
    """What both forms have in common."""

    peak_memory: ClassVar[PeakMemory] = PeakMemory(20, 3)

    n_factors: int = hyper(
        64, low=1, high=4096, typical=(16, 256), log=True, symbol="f",
        meaning="Width of the factors; Spark's rank.",
    )  # fmt: skip
    regularization: float = hyper(
        0.1, low=0, typical=(0.001, 1), log=True, symbol="λ",
        meaning="L2 strength, times the number of ratings; Spark's regParam.",
    )  # fmt: skip
    n_epochs: int = hyper(
        10, low=1, typical=(5, 20), meaning="Number of epochs; Spark's maxIter."
    )  # fmt: skip
    seed: int = hyper(0, low=0, meaning="Seed for Spark's random start.")

    def _fit(self, ratings: Ratings, *_: Any) -> Factors:
        raise ArgumentError(
            f"{self.name} is trained by Spark: recsys train --engine spark, or on_spark of "
            "recsys.spark.training"
        )

    def fold_in_users(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """The row problem of Spark's users; no bias."""
        return self._fold_in(factors, matrix, "users")

    def fold_in_items(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """The row problem of Spark's items; no bias."""
        return self._fold_in(factors, matrix, "items")

    def _fold_in(self, factors: Factors, matrix: sp.csr_matrix, side: Side) -> Embeddings:
        x, _ = self.problem_of(factors, matrix, side).solve()
        return Embeddings(np.zeros(len(x), np.float32), x)

    def problem_of(self, factors: Factors, matrix: sp.csr_matrix, side: Side) -> RowProblem:
        """The least-squares problem of one side; see the class docstring."""
        return self.problem(
            factors.item_factors if side == "users" else factors.user_factors, matrix
        )

    @abstractmethod
    def problem(self, other: FloatArray, matrix: sp.csr_matrix) -> RowProblem:
        """The problem of the rows of `matrix` (n, n_other), given the factors of the other side."""

    def _ridge(self, counts: np.ndarray) -> FloatArray:
        return (self.regularization * counts).astype(np.float32)


@dataclass(frozen=True)
class SparkImplicitALS(SparkALS):
    """Implicit ALS as `pyspark.ml.recommendation.ALS` computes it, with `implicitPrefs`.

    With S the observed pairs, r the feedback, p = 1 where r > 0 and otherwise 0, x_u and y_i the
    factors, #u and #i the numbers of ratings *above 0*:

        L = Σ_all (1 + alpha·|r|)(x_u·y_i − p)² + λ (Σ_u #u ‖x_u‖² + Σ_i #i ‖y_i‖²)

    (Hu, Koren, Volinsky 2008, with the weights of Zhou et al. 2008.) Every pair has weight 1, so
    there is no α₀; `ImplicitALS(alpha=..., unobserved_weight=1)` has the same first sum, and a
    regularization that grows with the size of the other side, too. Spark trains the factors, and
    users are solved once more, exactly, so that folding in a training user gives back their
    factors. Without Spark, `fit` raises ArgumentError.
    """

    name: ClassVar[str] = "spark-implicit-als"

    alpha: float = hyper(
        1.0, low=0, typical=(0.1, 100), log=True, symbol="alpha",
        meaning="Confidence per unit of feedback.",
    )  # fmt: skip

    def problem(self, other: FloatArray, matrix: sp.csr_matrix) -> RowProblem:
        """(YᵀY + Σ_S alpha·|r| y yᵀ + λ #u) x = Σ_{r > 0} (1 + alpha·r) y."""
        weights = (self.alpha * np.abs(matrix.data)).astype(np.float32)
        liked = matrix.data > 0
        counts = np.bincount(entry_rows(matrix)[liked], minlength=matrix.shape[0])
        targets = np.where(liked, 1 + weights, 0).astype(np.float32)
        base = kernels.gramian(other).astype(np.float32)
        return RowProblem(matrix, other, self._ridge(counts), weights, targets, base)


@dataclass(frozen=True)
class SparkExplicitALS(SparkALS):
    """Explicit ALS as `pyspark.ml.recommendation.ALS` computes it, for predicted ratings.

    With S the ratings, #u and #i their numbers:

        L = Σ_S (r − x_u·y_i)² + λ (Σ_u #u ‖x_u‖² + Σ_i #i ‖y_i‖²)

    (Zhou et al. 2008.) There is neither a mean nor a bias: `ExplicitALS` has them, and predicts
    better. Spark trains the factors, and users are solved once more, exactly. Without Spark, `fit`
    raises ArgumentError.
    """

    name: ClassVar[str] = "spark-explicit-als"
    predicts_ratings: ClassVar[bool] = True

    def problem(self, other: FloatArray, matrix: sp.csr_matrix) -> RowProblem:
        """(Σ_S y yᵀ + λ #u) x = Σ_S r y."""
        targets = np.asarray(matrix.data, np.float32)
        return RowProblem(matrix, other, self._ridge(np.diff(matrix.indptr)), None, targets)
