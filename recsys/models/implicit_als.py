"""Alternating least squares for implicit feedback (iALS)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys import kernels
from recsys.errors import DataError, FitError
from recsys.ids import IdIndex
from recsys.models.factors import Factors
from recsys.models.row_problem import RowProblem
from recsys.models.spec import (
    FloatArray,
    OnEpoch,
    Progress,
    Side,
    SideName,
    Spec,
    initial_factors,
)
from recsys.ratings.ratings import Ratings


@dataclass(frozen=True)
class ImplicitALS(Spec):
    """Weighted least squares on "seen" against "not seen", solved side by side in turn.

    With S the observed pairs, c the feedback (`ratings.matrix`; 1 where there are no values), x_u
    and y_i the factors, #u and #i the numbers of ratings, |U| and |I| of users and items:

        L = Σ_S c (x_u·y_i − 1)² + α₀ Σ_all (x_u·y_i)²
            + λ (Σ_u (#u + α₀|I|)^ν ‖x_u‖² + Σ_i (#i + α₀|U|)^ν ‖y_i‖²)

    (Hu, Koren, Volinsky 2008, "Collaborative Filtering for Implicit Feedback Datasets"; frequency-
    scaled regularization: Rendle, Krichene, Zhang, Koren 2021, "Revisiting the Performance of iALS
    on Item Recommendation Benchmarks").

    **The classic form.** With `alpha` given, confidence is c = α₀ + alpha·r on observed pairs and
    α₀ on all others, as Hu, Koren and Volinsky wrote it for α₀ = 1:

        L = Σ_S (α₀ + alpha·r)(x_u·y_i − 1)² + α₀ Σ_not-S (x_u·y_i)² + the same regularization

    `ImplicitALS(alpha=40, unobserved_weight=1, frequency_exponent=0)` is their objective, and that
    of `implicit.als.AlternatingLeastSquares` on a matrix of values 1 + alpha·r.

    Users are solved last, exactly, so that folding in a training user gives back their stored
    factors. New items are folded in the same way, users fixed. A row without ratings gets zeros.
    The loss told to `on_epoch` is L; it comes from the solver's own residuals, at no extra pass.

    **Over-relaxation.** Alternating least squares is a block Gauss-Seidel iteration, and like it is
    sped up by successive over-relaxation (Young 1954): x ← x + ω (solution − x). L is a parabola
    along that line, no higher beyond the solution than at the start as long as ω < 2, so that the
    loss still never rises. The first and the last epoch go to the solution itself.
    """

    name: ClassVar[str] = "implicit-als"
    working_memory: ClassVar[tuple[float, float, float]] = (12, 2.1, 70)

    n_factors: int = 64
    """f, width of the factors. Typical 16 to 512."""
    regularization: float = 0.01
    """λ, L2 strength, times (ratings + α₀·other side's size)^ν. Typical 0.001 to 0.1 at ν = 1; 0.01
    to 100 at ν = 0."""
    unobserved_weight: float = 1.0
    """α₀, weight of the pairs not observed, against c on those observed. Typical 0.01 to 1."""
    frequency_exponent: float = 1.0
    """ν, how regularization grows with the number of ratings: 1 in proportion, 0 not at all."""
    alpha: float | None = None
    """Confidence per unit of feedback in the classic form; None for the form with weight c."""
    n_epochs: int = 16
    """Epochs at most; each solves all items, then all users. Typical 8 to 30."""
    tolerance: float = 0.0
    """Stop when an epoch lowers the loss by a smaller share than this. 0 runs all epochs."""
    cg_steps: int = 2
    """Conjugate-gradient steps a row and half epoch, from the last epoch's factors; 0 solves every
    row exactly. Typical 2; with a large `alpha` or little regularization 3 to 5."""
    relaxation: float = 1.4
    """ω, how far a half step goes from the last epoch's factors: 1 to the solution, more beyond it,
    which takes about half the epochs. Above 0, at most 1.95; typical 1.3 to 1.5."""
    seed: int = 0
    """Of the initial factors, N(0, (0.1/√f)²)."""

    def __post_init__(self) -> None:
        self._check("n_factors", 1, 4096, whole=True)
        self._check("regularization", 0)
        self._check("unobserved_weight", 0)
        self._check("frequency_exponent", 0, 2)
        if self.alpha is not None:
            self._check("alpha", 0, above=True)
        self._check("n_epochs", 1, whole=True)
        self._check("tolerance", 0, 1)
        self._check("cg_steps", 0, 1000, whole=True)
        self._check("relaxation", 0, 1.95, above=True)
        self._check("seed", 0, whole=True)

    def fit(self, ratings: Ratings, on_epoch: OnEpoch | None = None) -> Factors:
        """The factors that minimize L on `ratings`.

        Raises:
            DataError: a value is negative, which is no confidence.
            FitError: a user or an item has no finite solution.
        """
        _require_no_negative(ratings.matrix)
        rows = _without_values(ratings.matrix)
        columns = rows.T.tocsr()
        item_ridge, user_ridge = self._ridge(columns), self._ridge(rows)
        targets = self._weights_and_targets(rows)[1]
        constant = float(np.broadcast_to(targets, (rows.nnz,)).sum(dtype=np.float64))
        rng = np.random.default_rng(self.seed)
        x = initial_factors(rng, ratings.n_users, self.n_factors)
        y = initial_factors(rng, ratings.n_items, self.n_factors)
        log: list[Progress] = []
        started = time.perf_counter()
        previous, stopped = np.inf, False
        for epoch in range(1, self.n_epochs + 1):
            last = epoch == self.n_epochs
            # The first solution lies far from the random start, and the last is to be a solution.
            relaxation = 1.0 if epoch == 1 or last else self.relaxation
            self._half_step(columns, x, y, item_ridge, ratings.items, relaxation)
            if last:
                energy, base = self._last_half_step(rows, y, x, ratings.users)
            else:
                energy, base = self._half_step(rows, y, x, user_ridge, ratings.users, relaxation)
            of_items = float(kernels.sums_of_squares(y, item_ridge)[0].sum())
            loss = constant + float(energy.sum()) + of_items
            # L = fit on S + α₀ Σ_all (x·y)² + regularization. The second is Σ_u xᵀBx with B the
            # base of the users' problems, a sum of squares where B is diagonal.
            of_users, squares = kernels.sums_of_squares(x, user_ridge)
            unobserved = base @ squares if base.ndim == 1 else np.vdot(base, kernels.gramian(x))
            regularization = of_items + float(of_users.sum())
            parts = {
                "fit": loss - float(unobserved) - regularization,
                "unobserved": float(unobserved),
                "regularization": regularization,
            }
            log.append(Progress(epoch, self.n_epochs, loss, time.perf_counter() - started, parts))
            if on_epoch is not None:
                on_epoch(log[-1])
            stopped = not last and previous - loss < self.tolerance * abs(previous)
            if stopped and self.tolerance:
                self._last_half_step(rows, y, x, ratings.users)
                break
            previous = loss
        return Factors(
            users=ratings.users,
            items=ratings.items,
            mean=0.0,
            user_bias=np.zeros(ratings.n_users, np.float32),
            item_bias=np.zeros(ratings.n_items, np.float32),
            user_factors=x,
            item_factors=y,
            spec=self,
            log=tuple(log),
        )

    def training_memory(self, n_users: int, n_items: int, n_ratings: int) -> int:
        """Bytes that `fit` allocates at most; with them the parts of the Gram matrix."""
        parts = kernels.gramian_memory(max(n_users, n_items), self.n_factors)
        return super().training_memory(n_users, n_items, n_ratings) + parts

    def fold_in_users(self, factors: Factors, matrix: sp.csr_matrix) -> Side:
        """The last half step of training, for rows that were not in it."""
        return self._fold_in(matrix, factors.item_factors)

    def fold_in_items(self, factors: Factors, matrix: sp.csr_matrix) -> Side:
        """The normal equations of an item, with the users as they are."""
        return self._fold_in(matrix, factors.user_factors)

    def problem_of(self, factors: Factors, matrix: sp.csr_matrix, side: SideName) -> RowProblem:
        """One half step of training: B = α₀ YᵀY, w = t = c."""
        other = factors.item_factors if side == "users" else factors.user_factors
        return self._problem(matrix, other)

    def _fold_in(self, matrix: sp.csr_matrix, other: FloatArray) -> Side:
        _require_no_negative(matrix)
        x, _ = self._problem(matrix, other).solve()
        return Side(np.zeros(len(x), np.float32), x)

    def _weights_and_targets(
        self, matrix: sp.csr_matrix
    ) -> tuple[FloatArray | None, FloatArray | float]:
        if self.alpha is None:
            if matrix.dtype == np.bool_:  # there is nothing but ones
                return None, 1.0
            return matrix.data, matrix.data
        weights = matrix.data.astype(np.float32) * np.float32(self.alpha)
        return weights, weights + np.float32(self.unobserved_weight)

    def _ridge(self, matrix: sp.csr_matrix) -> FloatArray:
        counts = np.diff(matrix.indptr) + self.unobserved_weight * matrix.shape[1]
        return (self.regularization * counts**self.frequency_exponent).astype(np.float32)

    def _problem(self, matrix: sp.csr_matrix, other: FloatArray) -> RowProblem:
        weights, targets = self._weights_and_targets(matrix)
        base = (kernels.gramian(other) * self.unobserved_weight).astype(np.float32)
        # Trained item factors lie along the axes of their Gram matrix: no need to turn them again.
        base = np.diagonal(base) if kernels.is_diagonal(base) else base
        return RowProblem(matrix, other, self._ridge(matrix), weights, targets, base)

    def _half_step(
        self,
        matrix: sp.csr_matrix,
        other: FloatArray,
        own: FloatArray,
        ridge: FloatArray,
        index: IdIndex,
        relaxation: float,
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        # Moves one side in place; returns the energies and the base. Both tables are turned into
        # the axes in which the base is diagonal, and stay there: no score changes.
        diagonal = self._turn_to_axes(other, own)
        weights, targets = self._weights_and_targets(matrix)
        base = np.maximum(diagonal, 0)  # of a Gram matrix; what is below is rounding
        problem = RowProblem(matrix, other, ridge, weights, targets, base)
        _, energy = problem.solve(own, self.cg_steps, overwrite_start=True, relaxation=relaxation)
        require_finite(energy, index, self.regularization)
        return energy, base

    def _turn_to_axes(self, other: FloatArray, *tables: FloatArray) -> FloatArray:
        # Turns all tables in place so that the base of `other` is diagonal; returns that diagonal.
        diagonal, axes = kernels.diagonalized(kernels.gramian(other) * self.unobserved_weight)
        for table in (other, *tables):
            kernels.turn(table, axes)
        return diagonal

    def _last_half_step(
        self, matrix: sp.csr_matrix, other: FloatArray, own: FloatArray, index: IdIndex
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        # The same, solved exactly: what fold-in finds, bit by bit.
        self._turn_to_axes(other)
        problem = self._problem(matrix, other)
        own[:], energy = problem.solve()
        require_finite(energy, index, self.regularization)
        return energy, np.asarray(problem.base, np.float64)


def _without_values(matrix: sp.csr_matrix) -> sp.csr_matrix:
    # Where every value is 1 the solver needs none of them, which saves memory in both matrices.
    if not (matrix.data == 1).all():
        return matrix
    return sp.csr_matrix((np.ones(matrix.nnz, bool), matrix.indices, matrix.indptr), matrix.shape)


def _require_no_negative(matrix: sp.csr_matrix) -> None:
    if matrix.nnz and matrix.data.min() < 0:
        raise DataError(
            f"implicit feedback cannot be negative, but a rating is {matrix.data.min():g}"
        )


def require_finite(energy: npt.NDArray[np.float64], index: IdIndex, regularization: float) -> None:
    """Raises FitError that names the first row without a finite solution."""
    bad = ~np.isfinite(energy)
    if bad.any():
        raise FitError(
            f"{index.kind} {index.name(int(bad.argmax()))} (and {int(bad.sum()) - 1} more) has no "
            f"finite solution; raise regularization (now {regularization:g}) or check the "
            "ratings for extreme values"
        )
