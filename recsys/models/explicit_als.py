"""Alternating least squares for explicit ratings, with biases."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.models.factors import Factors
from recsys.models.implicit_als import require_finite
from recsys.models.row_problem import RowProblem
from recsys.models.spec import FloatArray, OnEpoch, Progress, Side, SideName, Spec, initial_factors
from recsys.ratings.ratings import Ratings


@dataclass(frozen=True)
class ExplicitALS(Spec):
    """Regularized squared error on the observed ratings alone, solved side by side in turn.

    With μ the mean rating, b the biases, x_u and y_i the factors, #u and #i the numbers of ratings:

        L = Σ_S (r − μ − b_u − b_i − x_u·y_i)² + λ Σ_u #u (‖x_u‖² + b_u²) + λ Σ_i #i (‖y_i‖² + b_i²)

    (Zhou, Wilkinson, Schreiber, Pan 2008, "Large-Scale Parallel Collaborative Filtering for the
    Netflix Prize", with biases.) A bias is one more coordinate of the row problem: the user's row
    is (x_u, b_u) against (y_i, 1), with r − μ − b_i as target.

    Users are solved last, exactly, so that folding in a training user gives back their stored
    factors; new items are folded in the same way, users fixed. A row without ratings gets zeros:
    its prediction is the mean plus the other side's bias. The loss told to `on_epoch` is L.
    """

    name: ClassVar[str] = "explicit-als"
    predicts_ratings: ClassVar[bool] = True
    working_memory: ClassVar[tuple[float, float, float]] = (20, 2.8, 70)

    n_factors: int = 50
    """f, width of the factors. Typical 10 to 200."""
    regularization: float = 0.08
    """λ, L2 strength, multiplied by the number of ratings of the row. Typical 0.02 to 0.2."""
    n_epochs: int = 15
    """Epochs at most; each solves all items, then all users. Typical 10 to 30."""
    tolerance: float = 0.0
    """Stop when an epoch lowers the loss by a smaller share than this. 0 runs all epochs."""
    cg_steps: int = 2
    """Conjugate-gradient steps a row and half epoch, from the last epoch's factors; 0 solves every
    row exactly. Typical 2."""
    relaxation: float = 1.4
    """ω, how far a half step goes from the last epoch's factors: 1 to the solution, more beyond it,
    which saves epochs (see ImplicitALS). Above 0, at most 1.95; typical 1.2 to 1.5."""
    seed: int = 0
    """Of the initial factors, N(0, (0.1/√f)²)."""

    def __post_init__(self) -> None:
        self._check("n_factors", 1, 4096, whole=True)
        self._check("regularization", 0, above=True)
        self._check("n_epochs", 1, whole=True)
        self._check("tolerance", 0, 1)
        self._check("cg_steps", 0, 1000, whole=True)
        self._check("relaxation", 0, 1.95, above=True)
        self._check("seed", 0, whole=True)

    def fit(self, ratings: Ratings, on_epoch: OnEpoch | None = None) -> Factors:
        """The biases and factors that minimize L on `ratings`.

        Raises:
            FitError: a user or an item has no finite solution.
        """
        rows = ratings.matrix
        columns = rows.T.tocsr()
        mean = float(rows.data.mean(dtype=np.float64))
        item_ridge, user_ridge = self._ridge(columns), self._ridge(rows)
        rng = np.random.default_rng(self.seed)
        # The last column of each table is the bias.
        x = np.pad(initial_factors(rng, ratings.n_users, self.n_factors), ((0, 0), (0, 1)))
        y = np.pad(initial_factors(rng, ratings.n_items, self.n_factors), ((0, 0), (0, 1)))
        log: list[Progress] = []
        started = time.perf_counter()
        previous = np.inf
        for epoch in range(1, self.n_epochs + 1):
            last = epoch == self.n_epochs
            relaxation = 1.0 if epoch == 1 or last else self.relaxation
            y, energy, _ = self._solve(columns, x, mean, y, relaxation)
            require_finite(energy, ratings.items, self.regularization)
            start = None if last else x
            x, energy, constant = self._solve(rows, y, mean, start, relaxation)
            require_finite(energy, ratings.users, self.regularization)
            of_items = np.einsum("i,if,if->", item_ridge, y, y, dtype=np.float64)
            loss = constant + float(energy.sum()) + float(of_items)
            of_users = np.einsum("i,if,if->", user_ridge, x, x, dtype=np.float64)
            penalty = float(of_items) + float(of_users)
            parts = {"fit": loss - penalty, "regularization": penalty}
            log.append(Progress(epoch, self.n_epochs, loss, time.perf_counter() - started, parts))
            if on_epoch is not None:
                on_epoch(log[-1])
            if self.tolerance and not last and previous - loss < self.tolerance * abs(previous):
                x, _, _ = self._solve(rows, y, mean, None)
                break
            previous = loss
        return Factors(
            users=ratings.users,
            items=ratings.items,
            mean=mean,
            user_bias=np.ascontiguousarray(x[:, -1]),
            item_bias=np.ascontiguousarray(y[:, -1]),
            user_factors=np.ascontiguousarray(x[:, :-1]),
            item_factors=np.ascontiguousarray(y[:, :-1]),
            spec=self,
            log=tuple(log),
        )

    def fold_in_users(self, factors: Factors, matrix: sp.csr_matrix) -> Side:
        """The last half step of training, for rows that were not in it."""
        return self._fold_in(matrix, factors.item_factors, factors.item_bias, factors.mean)

    def fold_in_items(self, factors: Factors, matrix: sp.csr_matrix) -> Side:
        """The normal equations of an item, with the users as they are."""
        return self._fold_in(matrix, factors.user_factors, factors.user_bias, factors.mean)

    def problem_of(self, factors: Factors, matrix: sp.csr_matrix, side: SideName) -> RowProblem:
        """One half step of training; the last coordinate is the bias."""
        if side == "users":
            return self._problem(matrix, factors.item_factors, factors.item_bias, factors.mean)
        return self._problem(matrix, factors.user_factors, factors.user_bias, factors.mean)

    def _fold_in(
        self, matrix: sp.csr_matrix, other: FloatArray, other_bias: FloatArray, mean: float
    ) -> Side:
        x, _ = self._problem(matrix, other, other_bias, mean).solve()
        return Side(np.ascontiguousarray(x[:, -1]), np.ascontiguousarray(x[:, :-1]))

    def _ridge(self, matrix: sp.csr_matrix) -> FloatArray:
        return (self.regularization * np.diff(matrix.indptr)).astype(np.float32)

    def _problem(
        self, matrix: sp.csr_matrix, other: FloatArray, other_bias: FloatArray, mean: float
    ) -> RowProblem:
        # Against a column of ones stands the bias, which is one more coordinate.
        targets = matrix.data - np.float32(mean)
        targets -= other_bias[matrix.indices]
        against = np.column_stack([other, np.ones(len(other), np.float32)])
        return RowProblem(matrix, against, self._ridge(matrix), None, targets)

    def _solve(
        self,
        matrix: sp.csr_matrix,
        other: FloatArray,
        mean: float,
        start: FloatArray | None,
        relaxation: float = 1.0,
    ) -> tuple[FloatArray, npt.NDArray[np.float64], float]:
        # Solutions (n, f + 1) with the bias last, their energies, and the sum of squared targets.
        # Without a start they are what fold-in finds.
        problem = self._problem(matrix, other[:, :-1], other[:, -1], mean)
        steps = 0 if start is None else self.cg_steps
        x, energy = problem.solve(start, steps, relaxation=relaxation)
        return x, energy, float(np.square(np.asarray(problem.targets)).sum(dtype=np.float64))
