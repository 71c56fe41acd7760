"""Alternating least squares for explicit ratings, with biases."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from recsys import kernels
from recsys.errors import ArgumentError
from recsys.ids import IdIndex
from recsys.lazy import sp
from recsys.models.als import (
    AlternatingModel,
    cg_steps_field,
    n_epochs_field,
    relaxation_field,
    seed_field,
    tolerance_field,
)
from recsys.models.alternating import State, Step, require_finite
from recsys.models.arrays import check_above_zero
from recsys.models.common import FloatArray, Side
from recsys.models.factors import Embeddings, Factors, Solved
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

    **Implicit features.** Who rated what is informative regardless of the rating. With
    `implicit_weight` w above 0, the factors must also predict which pairs are observed, with
    separate factors z and v for the other side:

        L + w (Σ_all (σs − x_u·z_i)² + Σ_all (σs − y_i·v_u)²)
          + λσ (Σ_i #i ‖z_i‖² + Σ_u #u ‖v_u‖²),   s = 1 for the observed pairs, otherwise 0

    (Cortes 2018, "Cold-start recommendations in Collective Matrix Factorization", as the package
    cmfrec does it.) An epoch solves v, y, z, x in turn. z is solved before x, so that the row
    problem of a user, whom x folds in, has z as it is: w ZᵀZ is its base, and w σ Σ z_i over the
    user's items is added to its right side. `Factors.state` keeps z as `item_links` and v as
    `user_links`.

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
        meaning="L2 strength per unit of rating variance, times the number of ratings of the row.",
    )  # fmt: skip
    implicit_weight: float = hyper(
        0.0, low=0, typical=(0.5, 2), symbol="w",
        meaning="Weight of the term that separates seen from unseen items, relative to 1 for the "
        "ratings; 0 for none.",
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

    def solved(self, factors: Factors, matrix: sp.csr_matrix, side: Side) -> Solved:
        """With the links of the rows, where there are implicit features."""
        found = super().solved(factors, matrix, side)
        if not self.implicit_weight:
            return found
        other = factors.item_factors if side == "users" else factors.user_factors
        links = self.links(matrix, other, _scale_of(factors))
        return found._replace(state={f"{side[:-1]}_links": links})

    def problem_of(self, factors: Factors, matrix: sp.csr_matrix, side: Side) -> RowProblem:
        """One half step of training; the last coordinate is the bias."""
        if side == "users":
            other, bias, links = factors.item_factors, factors.item_bias, "item_links"
        else:
            other, bias, links = factors.user_factors, factors.user_bias, "user_links"
        linked = factors.state[links] if self.implicit_weight else None
        return self.row_problem(matrix, other, bias, factors.mean, _scale_of(factors), linked)

    def row_problem(
        self,
        matrix: sp.csr_matrix,
        other: FloatArray,
        other_bias: FloatArray,
        mean: float,
        scale: float = 1.0,
        links: FloatArray | None = None,
    ) -> RowProblem:
        """The equations of the rows of `matrix` (n, n_other), the other side fixed.

        `links` (n_other, f) are z for users and v for items, where there are implicit features.
        """
        # The bias is one more coordinate, against a column of √σ.
        targets = matrix.data - np.float32(mean)
        targets -= other_bias[matrix.indices]
        against = np.column_stack([other, np.full(len(other), _root(scale))])
        base = base_rhs = None
        if links is not None:
            bias = ((0, 0), (0, 1))  # says nothing about seen or not seen
            base_rhs = np.pad(self.sums(matrix, links, scale), bias)
            base = np.pad(self._gram(links), (0, 1))
        return RowProblem(matrix, against, self.ridge(matrix, scale), None, targets, base, base_rhs)

    def sums(self, matrix: sp.csr_matrix, table: FloatArray, scale: float) -> FloatArray:
        """(n, f) w σ Σ over the entries of a row of the rows of `table`."""
        # Solved with nothing but 1 on the diagonal, which is that sum, in parallel.
        return self._seen(matrix, table, 1.0, scale, None)

    def links(self, matrix: sp.csr_matrix, other: FloatArray, scale: float) -> FloatArray:
        """(n, f) z of items or v of users, the rows of `matrix`, given the other side."""
        return self._seen(matrix, other, self.ridge(matrix, scale), scale, self._gram(other))

    def _gram(self, table: FloatArray) -> FloatArray:
        return kernels.float32(self.implicit_weight * kernels.gramian(table))

    def _seen(
        self,
        matrix: sp.csr_matrix,
        table: FloatArray,
        ridge: npt.ArrayLike,
        scale: float,
        base: FloatArray | None,
    ) -> FloatArray:
        target, nothing = self.implicit_weight * scale, np.zeros(matrix.nnz, np.float32)
        return RowProblem(matrix, kernels.float32(table), ridge, nothing, target, base).solve()[0]

    def ridge(self, matrix: sp.csr_matrix, scale: float = 1.0) -> FloatArray:
        """(n,) λσ # of the rows of a matrix."""
        return (self.regularization * scale * np.diff(matrix.indptr)).astype(np.float32)

    def initial(self, ratings: Ratings) -> State:
        """The state before the first epoch; the random start is in the unit of the factors."""
        state = super().initial(ratings)
        for table in (state.users, state.items):
            table *= _root(scale_of(ratings.matrix))
        if not self.implicit_weight:
            return state
        links = ((0, 0), (0, self.n_factors))
        return replace(state, users=np.pad(state.users, links), items=np.pad(state.items, links))

    @property
    def table_width(self) -> int:
        """Factors, bias and, with implicit features, links."""
        return self.n_factors * (2 if self.implicit_weight else 1) + 1

    def training_memory(self, n_users: int, n_items: int, n_ratings: int) -> int:
        """Bytes that `fit` allocates at most, those of implicit features included."""
        needed = super().training_memory(n_users, n_items, n_ratings)
        if self.implicit_weight:
            needed += 8 * n_ratings + 12 * self.n_factors * (n_users + n_items)
        return needed

    def state_shapes(self, factors: Factors) -> Mapping[str, tuple[int, ...]]:
        """Those of the scale and the links.

        Raises:
            ArgumentError: there are none although the model has implicit features, or the scale is
                not above 0.
        """
        check_above_zero(factors.state, "scale")
        links: dict[str, tuple[int, ...]] = {
            f"{side}_links": (n, self.n_factors)
            for side, n in (("user", len(factors.users)), ("item", len(factors.items)))
        }
        if self.implicit_weight and not links.keys() <= factors.state.keys():
            raise ArgumentError(f"{self.name} with implicit features needs {', '.join(links)}")
        return links | {"scale": (1,)}

    def _warm(self, state: State, warm: Factors, ratings: Ratings) -> None:
        root = _root(scale_of(ratings.matrix))
        user_bias, item_bias = warm.user_bias / root, warm.item_bias / root
        super()._warm(state, replace(warm, user_bias=user_bias, item_bias=item_bias), ratings)

    def _fold_in(self, factors: Factors, matrix: sp.csr_matrix, side: Side) -> Embeddings:
        x, _ = self.problem_of(factors, matrix, side).solve()
        return Embeddings(x[:, -1] * _root(_scale_of(factors)), np.ascontiguousarray(x[:, :-1]))

    def _factors(self, ratings: Ratings, state: State) -> Factors:
        x, y, width = state.users, state.items, self.n_factors
        scale = scale_of(ratings.matrix)
        kept = {"scale": np.array([scale])}
        if self.implicit_weight:
            kept["user_links"] = kernels.float32(x[:, width + 1 :])
            kept["item_links"] = kernels.float32(y[:, width + 1 :])
        return Factors.of(
            self,
            ratings,
            x[:, :width],
            y[:, :width],
            mean=mean_rating(ratings.matrix),
            user_bias=x[:, width] * _root(scale),
            item_bias=y[:, width] * _root(scale),
            log=state.log,
            state=kept,
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
        own, other, width = state.users, state.items, self.spec.n_factors
        other_side: Side = "items"
        if side == "items":
            own, other, other_side = other, own, "users"
        links = None
        if self.spec.implicit_weight:
            links = self.spec.links(self._matrix[other_side], own[:, :width], self._scale)
        bias = other[:, width] * _root(self._scale)
        problem = self.spec.row_problem(
            self._matrix[side], other[:, :width], bias, self._mean, self._scale, links
        )
        start, steps = (None, 0) if exact else (own[:, : width + 1], self.spec.cg_steps)
        solved, energy = problem.solve(start, steps, relaxation=relaxation)
        require_finite(energy, self._index[side], self.spec.regularization)
        constant = float(np.square(np.asarray(problem.targets)).sum(dtype=np.float64))
        if links is not None:
            # Where there is a right side per row, the solver does not leave such rows at zero.
            unrated = np.diff(self._matrix[side].indptr) == 0
            solved[unrated] = energy[unrated] = 0
            solved = np.hstack([solved, own[:, width + 1 :]])
            other = np.hstack([other[:, : width + 1], links])
        users, items = (solved, other) if side == "users" else (other, solved)
        return replace(state, users=users, items=items), Step(energy, constant=constant)

    def loss(self, state: State, step: Step) -> tuple[float, dict[str, float]]:
        """L after the half step of the users, and its terms."""
        width = self.spec.n_factors + 1
        of_users = self._penalty("users", state.users[:, :width])
        of_items = self._penalty("items", state.items[:, :width])
        fit = step.constant + float(step.energy.sum()) - of_users
        parts = {"fit": fit, "regularization": of_users + of_items}
        if self.spec.implicit_weight:
            of_users, energy = self._implicit("users", state.users, state.items)
            of_items, _ = self._implicit("items", state.items, state.users)
            parts["fit"] -= energy  # that of the users has it
            parts["implicit"] = of_users + of_items
            parts["regularization"] += self._penalty("users", state.users[:, width:])
            parts["regularization"] += self._penalty("items", state.items[:, width:])
        return sum(parts.values()), parts

    def _implicit(self, side: Side, own: FloatArray, other: FloatArray) -> tuple[float, float]:
        # w Σ_all (σs − x·z)², and the same without w Σ (σs)².
        width = self.spec.n_factors
        x, links = own[:, :width], kernels.float32(other[:, width + 1 :])
        expected = self.spec.sums(self._matrix[side], links, self._scale)
        squares = np.vdot(kernels.gramian(x), kernels.gramian(links))
        energy = self.spec.implicit_weight * float(squares)
        energy -= 2 * float(np.einsum("nf,nf->", x, expected, dtype=np.float64))
        seen = self.spec.implicit_weight * self._scale**2 * self._matrix[side].nnz
        return seen + energy, energy

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
