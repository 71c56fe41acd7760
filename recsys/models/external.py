"""Factors that another program has made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from recsys import kernels
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
class External(Factorization):
    """Defines how users and items are folded in to factors trained elsewhere.

    With y the factors of the other side, fixed, a new row x solves

        min Σ_S (r − μ − b_i − x·y)² + α₀ Σ_all (x·y)² + ridge ‖x‖²

    over its ratings S. With α₀ = 0 that is a regression of ratings, as for factors of explicit
    ratings. With α₀ > 0 it is a regression of "seen" against all pairs: r is 1, μ and b_i do not
    count, as for factors of implicit feedback. `Factors.from_arrays` returns factors with this
    spec. It cannot be trained.
    """

    name: ClassVar[str] = "external"
    folds_in_exactly: ClassVar[bool] = False
    peak_memory: ClassVar[PeakMemory] = PeakMemory(0, 0)

    ridge: float = hyper(
        1.0, low=0, above=True, typical=(0.01, 100), log=True, symbol="ridge",
        meaning="L2 strength of a new row.",
    )  # fmt: skip
    unobserved_weight: float = hyper(
        0.0, low=0, typical=(0.01, 1), log=True, symbol="α₀",
        meaning="Weight of the unobserved pairs, relative to 1 for the observed ones; 0 for "
        "factors of explicit ratings.",
    )  # fmt: skip

    def _fit(self, ratings: Ratings, *_: Any) -> Factors:
        raise ArgumentError(
            "external is for factors trained elsewhere, which Factors.from_arrays takes; choose "
            "another model to train"
        )

    def fold_in_users(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """The regression of each row on the item factors; no bias."""
        return self._fold_in(factors, matrix, "users")

    def fold_in_items(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """The regression of each row on the user factors; no bias."""
        return self._fold_in(factors, matrix, "items")

    def problem_of(self, factors: Factors, matrix: sp.csr_matrix, side: Side) -> RowProblem:
        """The regression of the class docstring."""
        of_users = side == "users"
        other: FloatArray = factors.item_factors if of_users else factors.user_factors
        if self.unobserved_weight:
            seen = (matrix.data > 0).astype(np.float32)
            base = (kernels.gramian(other) * self.unobserved_weight).astype(np.float32)
            return RowProblem(matrix, other, self.ridge, seen, seen, base)
        bias = factors.item_bias if of_users else factors.user_bias
        targets = matrix.data - np.float32(factors.mean) - bias[matrix.indices]
        return RowProblem(matrix, other, self.ridge, None, targets)

    def _fold_in(self, factors: Factors, matrix: sp.csr_matrix, side: Side) -> Embeddings:
        x, _ = self.problem_of(factors, matrix, side).solve()
        return Embeddings(np.zeros(len(x), np.float32), x)
