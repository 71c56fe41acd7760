"""Alternating least squares for explicit ratings, with biases."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import scipy.sparse as sp

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


_BLOCK = 1 << 20  # entries converted to double precision together


@dataclass(frozen=True)
class ExplicitALS(AlternatingModel):
    """Regularized squared error on the observed ratings, solved for one side after the other.

    With μ the mean rating, σ the standard deviation of the ratings, b the biases, x_u and y_i the
    factors, #u and #i the numbers of ratings:

        L = Σ_S (r − μ − b_u − b_i − x_u·y_i)²
            + λσ (Σ_u #u (‖x_u‖² + b_u²/σ) + Σ_i #i (‖y_i‖² + b_i²/σ))

    (Zhou, Wilkinson, Schreiber, Pan 2008, "Large-Scale Parallel Collaborative Filtering for the
    Netflix Prize", with biases and on standardized ratings: L/σ² is their objective for (r − μ)/σ,
    with factors x/√σ and y/√σ and biases b/σ.) λ is per unit of rating variance, so the result
    does not depend on the unit of the ratings: ratings a·r + c give the predictions a·p + c. Where
    all ratings are equal, σ is 1. `Factors.state` keeps σ as `scale`.

    A bias is one more coordinate of the row problem: the user's row is (x_u, b_u/√σ) against
    (y_i, √σ), with r − μ − b_i as target and λσ #u as ridge.

    Users are solved last, exactly, so that folding in a training user gives back their stored
    factors; new items are folded in the same way, users fixed. A row without ratings gets zeros:
    its prediction is the mean plus the other side's bias. The loss that `on_epoch` receives is L.
    """

    name: ClassVar[str] = "explicit-als"
    predicts_ratings: ClassVar[bool] = True
    has_bias: ClassVar[bool] = True
    peak_memory: ClassVar[PeakMemory] = PeakMemory(20, 2.8, 70)

    n_factors: int = hyper(
        50,
        low=1,
        high=4096,
        typical=(10, 200),
        log=True,
        symbol="f",
        meaning="Width of the factors.",
    )
    regularization: float = hyper(
        0.072, low=0, above=True, typical=(0.02, 0.2), log=True, symbol="λ",
        meaning="L2 strength per unit of rating variance, multiplied by the number of ratings of "
        "the row.",
    )  # fmt: skip
    n_epochs: int = n_epochs_field(15, (10, 30))
    tolerance: float = tolerance_field()
    cg_steps: int = cg_steps_field()
    relaxation: float = relaxation_field((1.2, 1.5))
    seed: int = seed_field()

    def objective(self, ratings: Ratings) -> ExplicitObjective:
        """L on `ratings`."""
        return ExplicitObjective(self, ratings.matrix, ratings.users, ratings.items)

    def fold_in_users(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """The last half step of training, for rows that were not in it."""
        return self._fold_in(factors, matrix, "users")

    def fold_in_items(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """The normal equations of an item, with the users as they are."""
        return self._fold_in(factors, matrix, "items")

    def problem_of(self, factors: Factors, matrix: sp.csr_matrix, side: Side) -> RowProblem:
        """One half step of training; the last coordinate is the bias."""
        if side == "users":
            other, bias = factors.item_factors, factors.item_bias
        else:
            other, bias = factors.user_factors, factors.user_bias
        return self.row_problem(matrix, other, bias, factors.mean, _scale_of(factors))

    def row_problem(
        self,
        matrix: sp.csr_matrix,
        other: FloatArray,
        other_bias: FloatArray,
        mean: float,
        scale: float = 1.0,
    ) -> RowProblem:
        """The equations of the rows of `matrix` (n, n_other), the other side fixed."""
        # The bias is one more coordinate, against a column of √σ.
        targets = matrix.data - np.float32(mean)
        targets -= other_bias[matrix.indices]
        against = np.column_stack([other, np.full(len(other), _root(scale))])
        return RowProblem(matrix, against, self.ridge(matrix, scale), None, targets)

    def ridge(self, matrix: sp.csr_matrix, scale: float = 1.0) -> FloatArray:
        """(n,) λσ # of the rows of a matrix."""
        return (self.regularization * scale * np.diff(matrix.indptr)).astype(np.float32)

    def initial(self, ratings: Ratings) -> State:
        """The state before the first epoch; the random start is in the unit of the factors."""
        state = super().initial(ratings)
        for table in (state.users, state.items):
            table *= _root(scale_of(ratings.matrix))
        return state

    def _warm(self, state: State, warm: Factors, ratings: Ratings) -> None:
        root = _root(scale_of(ratings.matrix))
        user_bias, item_bias = warm.user_bias / root, warm.item_bias / root
        super()._warm(state, replace(warm, user_bias=user_bias, item_bias=item_bias), ratings)

    def _fold_in(self, factors: Factors, matrix: sp.csr_matrix, side: Side) -> Embeddings:
        x, _ = self.problem_of(factors, matrix, side).solve()
        return Embeddings(x[:, -1] * _root(_scale_of(factors)), np.ascontiguousarray(x[:, :-1]))

    def _factors(self, ratings: Ratings, state: State) -> Factors:
        x, y = state.users, state.items
        scale = scale_of(ratings.matrix)
        return Factors.of(
            self,
            ratings,
            x[:, :-1],
            y[:, :-1],
            mean=mean_rating(ratings.matrix),
            user_bias=x[:, -1] * _root(scale),
            item_bias=y[:, -1] * _root(scale),
            log=state.log,
            state={"scale": np.array([scale])},
        )


class ExplicitObjective:
    """L of `ExplicitALS` on one set of ratings."""

    def __init__(
        self, spec: ExplicitALS, matrix: sp.csr_matrix, users: IdIndex, items: IdIndex
    ) -> None:
        self.spec = spec
        self._matrix: dict[Side, sp.csr_matrix] = {"users": matrix, "items": matrix.T.tocsr()}
        self._index: dict[Side, IdIndex] = {"users": users, "items": items}
        self._scale = scale_of(matrix)
        self._ridge = {side: spec.ridge(own, self._scale) for side, own in self._matrix.items()}
        self._mean = mean_rating(matrix)

    def half_step(
        self, side: Side, state: State, *, relaxation: float = 1.0, exact: bool = False
    ) -> tuple[State, Step]:
        """Solves one side; see `Objective.half_step`."""
        own, other = state.users, state.items
        if side == "items":
            own, other = other, own
        bias = other[:, -1] * _root(self._scale)
        problem = self.spec.row_problem(
            self._matrix[side], other[:, :-1], bias, self._mean, self._scale
        )
        start, steps = (None, 0) if exact else (own, self.spec.cg_steps)
        solved, energy = problem.solve(start, steps, relaxation=relaxation)
        require_finite(energy, self._index[side], self.spec.regularization)
        constant = float(np.square(np.asarray(problem.targets)).sum(dtype=np.float64))
        moved = replace(state, users=solved) if side == "users" else replace(state, items=solved)
        return moved, Step(energy, constant=constant)

    def loss(self, state: State, step: Step) -> tuple[float, dict[str, float]]:
        """L after the half step of the users, and its terms."""
        of_items = self._penalty("items", state.items)
        of_users = self._penalty("users", state.users)
        loss = step.constant + float(step.energy.sum()) + of_items
        penalty = of_items + of_users
        return loss, {"fit": loss - penalty, "regularization": penalty}

    def _penalty(self, side: Side, table: FloatArray) -> float:
        ridge: FloatArray = self._ridge[side]
        return float(np.einsum("i,if,if->", ridge, table, table, dtype=np.float64))


def mean_rating(matrix: sp.csr_matrix) -> float:
    """The mean of the entries, summed in double precision."""
    return float(matrix.data.mean(dtype=np.float64))


def scale_of(matrix: sp.csr_matrix) -> float:
    """The standard deviation of the entries; 1 where all are equal."""
    mean, squares = mean_rating(matrix), 0.0
    for start in range(0, matrix.nnz, _BLOCK):
        block = matrix.data[start : start + _BLOCK].astype(np.float64) - mean
        squares += float(block @ block)
    scale = math.sqrt(squares / matrix.nnz)
    # Of equal ratings, rounding may leave a little.
    return scale if scale > 1e-9 * abs(mean) else 1.0


def _scale_of(factors: Factors) -> float:
    # Models of version 0.1.0 were fitted on ratings as they are.
    return float(factors.state["scale"][0]) if "scale" in factors.state else 1.0


def _root(scale: float) -> np.float32:
    return np.float32(math.sqrt(scale))
