"""What `ImplicitALS` minimizes: its half steps and its loss."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from recsys import kernels
from recsys.csr import with_ones
from recsys.ids import IdIndex
from recsys.lazy import sp
from recsys.models.alternating import State, Step, require_finite
from recsys.models.common import FloatArray, Side
from recsys.models.row_problem import RowProblem

WIDE, LARGE = 96, 1 << 21
"""From this width and this many numbers on, an approximate half step reads a table in 16 bits."""

Terms = tuple[FloatArray, FloatArray | None, FloatArray | float]


def is_halved(n: int, width: int) -> bool:
    """Whether approximate half steps read a table (n, width) of the other side in 16 bits."""
    return width >= WIDE and n * width >= LARGE


class Equations(Protocol):
    """What the half steps and the loss ask of `ImplicitALS`; its methods say what they return."""

    @property
    def regularization(self) -> float:
        """λ."""

    @property
    def unobserved_weight(self) -> float:
        """α₀."""

    @property
    def cg_steps(self) -> int:
        """Steps of a half step that is not exact."""

    def unobserved(self, counts: npt.NDArray[np.integer]) -> FloatArray | None:
        """(n_items,) w."""

    def base(
        self, other: FloatArray, side: Side, unobserved: FloatArray | None
    ) -> npt.NDArray[np.float64]:
        """(f, f) B."""

    def ridge(self, matrix: sp.csr_matrix, unobserved: FloatArray | None) -> FloatArray:
        """(n,) of the rows of a matrix."""

    def terms(self, matrix: sp.csr_matrix, side: Side, unobserved: FloatArray | None) -> Terms:
        """Ridge, w and t."""

    def row_problem(
        self, matrix: sp.csr_matrix, other: FloatArray, side: Side, unobserved: FloatArray | None
    ) -> RowProblem:
        """The equations of the rows."""


class ImplicitObjective:
    """L of `ImplicitALS` on one set of ratings."""

    def __init__(
        self, spec: Equations, matrix: sp.csr_matrix, users: IdIndex, items: IdIndex
    ) -> None:
        self.spec = spec
        rows = _without_values(matrix)
        by_item = rows.T.tocsr()
        self._matrix: dict[Side, sp.csr_matrix] = {"users": rows, "items": by_item}
        self._index: dict[Side, IdIndex] = {"users": users, "items": items}
        self._unobserved = spec.unobserved(np.diff(by_item.indptr))
        of_users, _, targets = spec.terms(rows, "users", self._unobserved)
        self._ridge = {"users": of_users, "items": spec.ridge(by_item, self._unobserved)}
        self._memory: kernels.Halves | None = None
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
        # L = fit on S + α₀ Σ_all w (x·y)² + regularization. The second term is Σ_u xᵀBx with B the
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
        matrix, diagonal = self._matrix[side], self._turn_to_axes(side, other, own)
        halves = None
        if self.spec.cg_steps and is_halved(*other.shape):
            halves, diagonal = self._halved(side, other, diagonal)
        base = np.maximum(diagonal, 0)  # of a Gram matrix; below zero is rounding
        terms = self.spec.terms(matrix, side, self._unobserved)
        problem = RowProblem(matrix, other, *terms, base, halves=halves)
        _, energy = problem.solve(
            own, self.spec.cg_steps, overwrite_start=True, relaxation=relaxation
        )
        return Step(energy, base)

    def _halved(
        self, side: Side, other: FloatArray, diagonal: FloatArray
    ) -> tuple[kernels.Halves, FloatArray]:
        # Rounds the table itself, and the base with it: the loss is that of the new numbers.
        if self._memory is None:  # new memory costs more time than what goes into it
            self._memory = kernels.empty_halves(max(self._matrix[side].shape), other.shape[1])
        weights = self._unobserved if side == "users" else None
        halves, changes = kernels.halved(other, weights, out=self._memory)
        return halves, kernels.float32(diagonal + self.spec.unobserved_weight * changes)

    def _exact(self, side: Side, own: FloatArray, other: FloatArray) -> Step:
        # To the bit what fold-in finds.
        self._turn_to_axes(side, other)
        problem = self.spec.row_problem(self._matrix[side], other, side, self._unobserved)
        own[:], energy = problem.solve()
        return Step(energy, np.asarray(problem.base, np.float64))

    def _turn_to_axes(self, side: Side, other: FloatArray, *tables: FloatArray) -> FloatArray:
        # Turns all tables in place so that the base of `side` is diagonal; returns that diagonal.
        base = self.spec.base(other, side, self._unobserved)
        diagonal, axes = kernels.diagonalized(base)
        for table in (other, *tables):
            kernels.turn(table, axes)
        return diagonal


def _without_values(matrix: sp.csr_matrix) -> sp.csr_matrix:
    # Where every value is 1 the solver needs none of them, which saves memory in both matrices.
    return with_ones(matrix, bool) if (matrix.data == 1).all() else matrix
