"""Alternating least squares for implicit feedback (iALS)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import scipy.sparse as sp

from recsys import kernels
from recsys.csr import with_ones
from recsys.ids import IdIndex
from recsys.models.als import (
    AlternatingModel,
    cg_steps_field,
    n_epochs_field,
    relaxation_field,
    seed_field,
    tolerance_field,
)
from recsys.models.alternating import State, Step, require_finite
from recsys.models.common import FloatArray, Side
from recsys.models.factors import Embeddings, Factors
from recsys.models.row_problem import RowProblem
from recsys.models.spec import PeakMemory
from recsys.settings import hyper

if TYPE_CHECKING:
    from recsys.ratings.ratings import Ratings


@dataclass(frozen=True)
class ImplicitALS(AlternatingModel):
    """Weighted least squares on "seen" against "not seen", solved for one side after the other.

    With S the observed pairs, r the feedback (`ratings.matrix`; 1 where there are no values),
    c = |r|, p = 1 where r > 0 and otherwise 0, x_u and y_i the factors, #u and #i the numbers of
    ratings, |U| and |I| of users and items:

        L = Σ_S c (x_u·y_i − p)² + α₀ Σ_all (x_u·y_i)²
            + λ (Σ_u (#u + α₀|I|)^ν ‖x_u‖² + Σ_i (#i + α₀|U|)^ν ‖y_i‖²)

    (Hu, Koren, Volinsky 2008, "Collaborative Filtering for Implicit Feedback Datasets"; frequency-
    scaled regularization: Rendle, Krichene, Zhang, Koren 2021, "Revisiting the Performance of iALS
    on Item Recommendation Benchmarks").

    A negative r is a dislike: preference 0 with confidence |r|. A stored 0 is like no feedback,
    except that it counts in #u and #i.

    **The classic form.** With `alpha` given, confidence is α₀ + alpha·|r| on observed pairs and α₀
    on all others, as Hu, Koren and Volinsky wrote it for α₀ = 1 and r ≥ 0:

        L = Σ_S (α₀ + alpha·|r|)(x_u·y_i − p)² + α₀ Σ_not-S (x_u·y_i)² + the same regularization

    `ImplicitALS(alpha=40, unobserved_weight=1, frequency_exponent=0)` is their objective, and that
    of `implicit.als.AlternatingLeastSquares` on a matrix of values 1 + alpha·r; its dislikes are
    values −1 − alpha·|r|.

    Users are solved last, exactly, so that folding in a training user gives back their stored
    factors. New items are folded in the same way, users fixed. A row without ratings gets zeros.
    The loss that `on_epoch` receives is L, computed from the solver's residuals without another
    pass over the data.

    **Over-relaxation.** Alternating least squares is a block Gauss-Seidel iteration, which
    successive over-relaxation speeds up (Young 1954): x ← x + ω (solution − x). L is a parabola
    along that line and no higher beyond the solution than at the start as long as ω < 2, so the
    loss never rises. The first and the last epoch go to the solution itself.
    """

    name: ClassVar[str] = "implicit-als"
    peak_memory: ClassVar[PeakMemory] = PeakMemory(12, 2.1, 70)

    n_factors: int = hyper(
        64,
        low=1,
        high=4096,
        typical=(16, 512),
        log=True,
        symbol="f",
        meaning="Width of the factors.",
    )
    regularization: float = hyper(
        0.01, low=0, typical=(0.001, 0.1), log=True, symbol="λ",
        meaning="L2 strength, times (ratings + α₀ · size of the other side)^ν. Typical 0.01 to 100 "
        "at ν = 0.",
    )  # fmt: skip
    unobserved_weight: float = hyper(
        1.0, low=0, typical=(0.01, 1), log=True, symbol="α₀",
        meaning="Weight of the pairs not observed, against c on those observed.",
    )  # fmt: skip
    frequency_exponent: float = hyper(
        1.0, low=0, high=2, typical=(0, 1), symbol="ν",
        meaning="How regularization grows with the number of ratings: 1 in proportion, 0 not at "
        "all.",
    )  # fmt: skip
    alpha: float | None = hyper(
        None, low=0, above=True, typical=(1, 100), log=True, symbol="alpha",
        meaning="Confidence per unit of feedback in the classic form; none for the form with "
        "weight c.",
    )  # fmt: skip
    n_epochs: int = n_epochs_field(16, (8, 30))
    tolerance: float = tolerance_field()
    cg_steps: int = cg_steps_field("With a large alpha or little regularization use 3 to 5.")
    relaxation: float = relaxation_field((1.3, 1.5))
    seed: int = seed_field()

    def objective(self, ratings: Ratings) -> ImplicitObjective:
        """L on `ratings`."""
        return ImplicitObjective(self, ratings.matrix, ratings.users, ratings.items)

    def training_memory(self, n_users: int, n_items: int, n_ratings: int) -> int:
        """Bytes that `fit` allocates at most, the parts of the Gram matrix included."""
        parts = kernels.gramian_memory(max(n_users, n_items), self.n_factors)
        return super().training_memory(n_users, n_items, n_ratings) + parts

    def fold_in_users(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """The last half step of training, for rows that were not in it."""
        return self._fold_in(matrix, factors.item_factors)

    def fold_in_items(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """The normal equations of an item, with the users as they are."""
        return self._fold_in(matrix, factors.user_factors)

    def problem_of(self, factors: Factors, matrix: sp.csr_matrix, side: Side) -> RowProblem:
        """One half step of training: B = α₀ YᵀY, w = c, t = c p."""
        return self.row_problem(
            matrix, factors.item_factors if side == "users" else factors.user_factors
        )

    def row_problem(self, matrix: sp.csr_matrix, other: FloatArray) -> RowProblem:
        """The equations of the rows of `matrix` (n, n_other), the other side's factors fixed."""
        weights, targets = self.weights_and_targets(matrix)
        base = (kernels.gramian(other) * self.unobserved_weight).astype(np.float32)
        # Trained item factors lie along the axes of their Gram matrix: no need to turn them again.
        base = np.diagonal(base) if kernels.is_diagonal(base) else base
        return RowProblem(matrix, other, self.ridge(matrix), weights, targets, base)

    def weights_and_targets(
        self, matrix: sp.csr_matrix
    ) -> tuple[FloatArray | None, FloatArray | float]:
        """W and t of the entries; None and 1 for a matrix of truth values."""
        if self.alpha is None:
            if matrix.dtype == np.bool_:  # there is nothing but ones
                return None, 1.0
            weights = targets = matrix.data
        else:
            weights = matrix.data.astype(np.float32) * np.float32(self.alpha)
            targets = weights + np.float32(self.unobserved_weight)
        if matrix.nnz and matrix.data.min() <= 0:
            weights, targets = np.abs(weights), np.where(matrix.data > 0, targets, np.float32(0))
        return weights, targets

    def ridge(self, matrix: sp.csr_matrix) -> FloatArray:
        """(n,) λ (# + α₀ · other side)^ν of the rows of a matrix."""
        counts = np.diff(matrix.indptr) + self.unobserved_weight * matrix.shape[1]
        return (self.regularization * counts**self.frequency_exponent).astype(np.float32)

    def _fold_in(self, matrix: sp.csr_matrix, other: FloatArray) -> Embeddings:
        x, _ = self.row_problem(matrix, other).solve()
        return Embeddings(np.zeros(len(x), np.float32), x)

    def _factors(self, ratings: Ratings, state: State) -> Factors:
        return Factors.of(self, ratings, state.users, state.items, log=state.log)


class ImplicitObjective:
    """L of `ImplicitALS` on one set of ratings."""

    def __init__(
        self, spec: ImplicitALS, matrix: sp.csr_matrix, users: IdIndex, items: IdIndex
    ) -> None:
        self.spec = spec
        rows = _without_values(matrix)
        self._matrix: dict[Side, sp.csr_matrix] = {"users": rows, "items": rows.T.tocsr()}
        self._index: dict[Side, IdIndex] = {"users": users, "items": items}
        self._ridge = {side: spec.ridge(own) for side, own in self._matrix.items()}
        targets = spec.weights_and_targets(rows)[1]
        self._constant = float(np.broadcast_to(targets, (rows.nnz,)).sum(dtype=np.float64))

    def half_step(
        self, side: Side, state: State, *, relaxation: float = 1.0, exact: bool = False
    ) -> tuple[State, Step]:
        """Solves one side in place; see `Objective.half_step`.

        Both tables are first turned into the axes in which the base is diagonal, and stay there: a
        rotation changes no score.
        """
        own, other = state.users, state.items
        if side == "items":
            own, other = other, own
        if exact:
            step = self._exact(side, own, other)
        else:
            step = self._approximate(side, own, other, relaxation)
        require_finite(step.energy, self._index[side], self.spec.regularization)
        return state, step

    def loss(self, state: State, step: Step) -> tuple[float, dict[str, float]]:
        """L after the half step of the users, and its terms."""
        x, base = state.users, step.base
        of_items = float(kernels.sums_of_squares(state.items, self._ridge["items"])[0].sum())
        loss = self._constant + float(step.energy.sum()) + of_items
        # L = fit on S + α₀ Σ_all (x·y)² + regularization. The second term is Σ_u xᵀBx with B the
        # base of the users' problems, a sum of squares where B is diagonal.
        of_users, squares = kernels.sums_of_squares(x, self._ridge["users"])
        unobserved = base @ squares if base.ndim == 1 else np.vdot(base, kernels.gramian(x))
        regularization = of_items + float(of_users.sum())
        parts = {
            "fit": loss - float(unobserved) - regularization,
            "unobserved": float(unobserved),
            "regularization": regularization,
        }
        return loss, parts

    def _approximate(
        self, side: Side, own: FloatArray, other: FloatArray, relaxation: float
    ) -> Step:
        diagonal = self._turn_to_axes(other, own)
        weights, targets = self.spec.weights_and_targets(self._matrix[side])
        base = np.maximum(diagonal, 0)  # of a Gram matrix; below zero is rounding
        problem = RowProblem(self._matrix[side], other, self._ridge[side], weights, targets, base)
        _, energy = problem.solve(
            own, self.spec.cg_steps, overwrite_start=True, relaxation=relaxation
        )
        return Step(energy, base)

    def _exact(self, side: Side, own: FloatArray, other: FloatArray) -> Step:
        # To the bit what fold-in finds.
        self._turn_to_axes(other)
        problem = self.spec.row_problem(self._matrix[side], other)
        own[:], energy = problem.solve()
        return Step(energy, np.asarray(problem.base, np.float64))

    def _turn_to_axes(self, other: FloatArray, *tables: FloatArray) -> FloatArray:
        # Turns all tables in place so that the base of `other` is diagonal; returns that diagonal.
        base = kernels.gramian(other) * self.spec.unobserved_weight
        diagonal, axes = kernels.diagonalized(base)
        for table in (other, *tables):
            kernels.turn(table, axes)
        return diagonal


def _without_values(matrix: sp.csr_matrix) -> sp.csr_matrix:
    # Where every value is 1 the solver needs none of them, which saves memory in both matrices.
    return with_ones(matrix, bool) if (matrix.data == 1).all() else matrix
