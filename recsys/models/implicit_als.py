"""Alternating least squares for implicit feedback (iALS)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import numpy.typing as npt

from recsys import kernels
from recsys.csr import entry_rows
from recsys.errors import ArgumentError
from recsys.lazy import sp
from recsys.models.als import (
    AlternatingModel,
    cg_steps_field,
    n_epochs_field,
    relaxation_field,
    seed_field,
    tolerance_field,
)
from recsys.models.alternating import State
from recsys.models.common import FloatArray, Side
from recsys.models.factors import Embeddings, Factors, Solved
from recsys.models.implicit_objective import ImplicitObjective, is_halved
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

        L = Σ_S c (x_u·y_i − p)² + α₀ Σ_all w_i (x_u·y_i)²
            + λ (Σ_u (#u + α₀|I|)^ν ‖x_u‖² + Σ_i (#i + α₀ w_i |U|)^ν ‖y_i‖²)

        w_i = max(#i, 1)^ρ / mean of that over the items

    (Hu, Koren, Volinsky 2008, "Collaborative Filtering for Implicit Feedback Datasets"; frequency-
    scaled regularization: Rendle, Krichene, Zhang, Koren 2021, "Revisiting the Performance of iALS
    on Item Recommendation Benchmarks"; w_i: He, Zhang, Kan, Chua 2016, "Fast Matrix Factorization
    for Online Recommendation with Implicit Feedback"). At ρ = 0 every w_i is 1. With ρ > 0, an
    unobserved pair weighs more for a popular item than for a rare one, which lowers the scores of
    popular items; with ρ < 0 it weighs less. Regularization grows with the sum of the weights of a
    row. If ρ is not 0, `Factors.state` keeps w_i as `item_unobserved` and the mean as
    `popularity_mean`.

    A negative r is a dislike: preference 0 with confidence |r|. A stored 0 is like no feedback,
    except that it counts in #u and #i.

    **The classic form.** With `alpha` given, confidence is α₀ w_i + alpha·|r| on observed pairs and
    α₀ w_i on all others, as Hu, Koren and Volinsky wrote it for α₀ = w_i = 1 and r ≥ 0:

        L = Σ_S (α₀ w_i + alpha·|r|)(x_u·y_i − p)² + α₀ Σ_not-S w_i (x_u·y_i)²
            + the same regularization

    `ImplicitALS(alpha=40, unobserved_weight=1, frequency_exponent=0)` is their objective, and that
    of `implicit.als.AlternatingLeastSquares` on a matrix of values 1 + alpha·r; its dislikes are
    values −1 − alpha·|r|.

    **Features.** With `feature_weight` φ above 0, training also uses user and item features: an
    item feature with values v becomes an additional user with feedback φ v on the items, and a user
    feature an additional item (Singh, Gordon 2008, "Relational Learning via Collective Matrix
    Factorization", with one loss for all relations). They count in L, #u, #i, |U| and |I| like all
    others, and are left out of the result.

    Users are solved last, exactly, so that folding in a training user gives back their stored
    factors; with features it uses their ratings alone, and `folds_in_exactly` is False. New items
    are folded in the same way, users fixed. A row without ratings gets zeros. The half steps before
    that read large tables of 96 factors and more in 16 bits. The loss that `on_epoch` receives is
    L, computed from the solver's residuals without another pass over the data.

    **Over-relaxation.** Alternating least squares is a block Gauss-Seidel iteration, which
    successive over-relaxation accelerates (Young 1954): x ← x + ω (solution − x). L is a parabola
    along that line and no higher beyond the solution than at the start as long as ω < 2, so the
    loss never rises. The first and the last epoch go to the solution itself.
    """

    name: ClassVar[str] = "implicit-als"
    peak_memory: ClassVar[PeakMemory] = PeakMemory(9.8, 2.1, 70, before=12)

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
        meaning="Weight of the unobserved pairs, relative to c for the observed ones.",
    )  # fmt: skip
    frequency_exponent: float = hyper(
        1.0, low=0, high=2, typical=(0, 1), symbol="ν",
        meaning="How regularization grows with the number of ratings: 1 proportionally, 0 not at "
        "all.",
    )  # fmt: skip
    popularity_exponent: float = hyper(
        0.0, low=-0.9, high=2, typical=(-0.5, 1), symbol="ρ",
        meaning="How the weight of an unobserved pair grows with the item's number of ratings; "
        "above 0 lowers the scores of popular items, below 0 raises them.",
    )  # fmt: skip
    alpha: float | None = hyper(
        None, low=0, above=True, typical=(1, 100), log=True, symbol="alpha",
        meaning="Confidence per unit of feedback in the classic form; none uses the weight c.",
    )  # fmt: skip
    feature_weight: float = hyper(
        0.0, low=0, typical=(1, 10), tuned=False, symbol="φ",
        meaning="Weight of user and item features in training; 0 ignores them.",
    )  # fmt: skip
    n_epochs: int = n_epochs_field(16, (8, 30))
    tolerance: float = tolerance_field()
    cg_steps: int = cg_steps_field("With a large alpha or little regularization, use 3 to 5.")
    relaxation: float = relaxation_field((1.3, 1.5))
    seed: int = seed_field()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.feature_weight:  # somebody new is known by their ratings alone
            object.__setattr__(self, "folds_in_exactly", False)

    def _whole(self, ratings: Ratings) -> Ratings:
        # With features as further users and items, where they are in the training.
        if not self.feature_weight:
            return ratings
        from recsys.models.joint import joined

        return joined(ratings, self.feature_weight)

    def objective(self, ratings: Ratings) -> ImplicitObjective:
        """L on `ratings`."""
        return ImplicitObjective(self, ratings.matrix, ratings.users, ratings.items)

    def training_memory(self, n_users: int, n_items: int, n_ratings: int) -> int:
        """Bytes that `fit` allocates at most, parts of the Gram matrix and halves included."""
        n = max(n_users, n_items)
        parts = kernels.gramian_memory(n, self.n_factors)
        if is_halved(n, self.n_factors):
            parts += kernels.halves_memory(n, self.n_factors)
        if self.popularity_exponent:  # weights of the entries, and item factors times a root
            parts += 16 * n_ratings + 4 * self.n_factors * n_items
        if self.feature_weight:  # two matrices that have the ratings and a little more
            parts += 16 * n_ratings
        return super().training_memory(n_users, n_items, n_ratings) + parts

    def state_shapes(self, factors: Factors) -> Mapping[str, tuple[int, ...]]:
        """Those of what weighs the unobserved pairs.

        Raises:
            ArgumentError: they are missing although ρ is not 0.
        """
        shapes = {"item_unobserved": (len(factors.items),), "popularity_mean": (1,)}
        if self.popularity_exponent and not shapes.keys() <= factors.state.keys():
            raise ArgumentError(
                f"{self.name} with a popularity_exponent needs the state {', '.join(shapes)}"
            )
        return shapes

    def fold_in_users(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """The last half step of training, for rows that were not in it."""
        return self._fold_in(factors, matrix, "users")

    def fold_in_items(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """The normal equations of an item, with the users as they are."""
        return self._fold_in(factors, matrix, "items")

    def solved(self, factors: Factors, matrix: sp.csr_matrix, side: Side) -> Solved:
        """With w of items."""
        found = super().solved(factors, matrix, side)
        if side == "users" or not self.popularity_exponent:
            return found
        unobserved = self._unobserved_of_new(factors, matrix)
        return found._replace(state={"item_unobserved": unobserved})

    def problem_of(self, factors: Factors, matrix: sp.csr_matrix, side: Side) -> RowProblem:
        """One half step of training; see `row_problem`."""
        if side == "users":
            other, unobserved = factors.item_factors, unobserved_of(factors)
        else:
            other, unobserved = factors.user_factors, self._unobserved_of_new(factors, matrix)
        # The same for everybody, and most of the work of folding in one person.
        kept = factors.kept.get((self, side))
        if kept is None:
            base = self._solver_base(other, side, unobserved)
            typical = kernels.typical_square(other) if base.ndim == 1 else None
            kept = factors.kept[self, side] = base, typical
        base, typical = kept
        terms = self.terms(matrix, side, unobserved)
        return RowProblem(matrix, other, *terms, base, typical=typical)

    def _unobserved_of_new(self, factors: Factors, matrix: sp.csr_matrix) -> Any:
        # w of items that were not in the training, the rows of `matrix`; None where every w is 1.
        mean = factors.state["popularity_mean"][0] if self.popularity_exponent else 1.0
        return self.unobserved(np.diff(matrix.indptr), mean)

    def row_problem(
        self,
        matrix: sp.csr_matrix,
        other: FloatArray,
        side: Side,
        unobserved: FloatArray | None = None,
    ) -> RowProblem:
        """The equations of the rows of `matrix` (n, n_other), the other side's factors fixed.

        Of users B = α₀ Σ w_i y_i y_iᵀ; of items, each divided by its w_i, B = α₀ XᵀX.

        Args:
            matrix: feedback of the rows, users × items for the side "users".
            other: (n_other, f) the other side's factors.
            side: which side the rows are.
            unobserved: (n_items,) w; None for all 1.
        """
        base = self._solver_base(other, side, unobserved)
        return RowProblem(matrix, other, *self.terms(matrix, side, unobserved), base)

    def _solver_base(
        self, other: FloatArray, side: Side, unobserved: FloatArray | None
    ) -> FloatArray:
        base = self.base(other, side, unobserved).astype(np.float32)
        # Trained item factors lie along the axes of this matrix: no need to turn them again.
        return np.diagonal(base) if kernels.is_diagonal(base) else base

    def base(
        self, other: FloatArray, side: Side, unobserved: FloatArray | None
    ) -> npt.NDArray[np.float64]:
        """(f, f) B; see `row_problem`."""
        if unobserved is not None and side == "users":
            other = other * np.sqrt(unobserved)[:, None]
        return kernels.gramian(other) * self.unobserved_weight

    def terms(
        self, matrix: sp.csr_matrix, side: Side, unobserved: FloatArray | None
    ) -> tuple[FloatArray, FloatArray | None, FloatArray | float]:
        """Ridge, w and t of the equations; see `row_problem`."""
        ridge = self.ridge(matrix, unobserved if side == "items" else None)
        if unobserved is None or (side == "users" and self.alpha is None):
            return ridge, *self.weights_and_targets(matrix)
        of_entries = unobserved[entry_rows(matrix) if side == "items" else matrix.indices]
        weights, targets = self.weights_and_targets(matrix, of_entries)
        if side == "items":
            # Divided by w_i, so that all rows have the same base.
            weights = (np.float32(1) if weights is None else weights) / of_entries
            targets, ridge = targets / of_entries, ridge / unobserved
        return ridge, weights, targets

    def weights_and_targets(
        self, matrix: sp.csr_matrix, unobserved: FloatArray | float = 1.0
    ) -> tuple[FloatArray | None, FloatArray | float]:
        """Confidence beyond that of an unobserved pair, and confidence times preference.

        None and 1 for a matrix of truth values.

        Args:
            matrix: feedback.
            unobserved: (nnz,) w of the item of each entry, or one number for all.
        """
        if self.alpha is None:
            if matrix.dtype == np.bool_:  # there is nothing but ones
                return None, 1.0
            weights = targets = matrix.data
        else:
            weights = matrix.data.astype(np.float32) * np.float32(self.alpha)
            targets = weights + np.float32(self.unobserved_weight) * np.float32(unobserved)
        if matrix.nnz and matrix.data.min() <= 0:
            weights, targets = np.abs(weights), np.where(matrix.data > 0, targets, np.float32(0))
        return weights, targets

    def ridge(self, matrix: sp.csr_matrix, unobserved: FloatArray | None = None) -> FloatArray:
        """(n,) λ (# + α₀ w · other side)^ν of the rows of a matrix; w is 1 where it is None."""
        others = self.unobserved_weight * matrix.shape[1]
        counts = matrix.indptr[1:] - matrix.indptr[:-1]
        counts = counts + (others if unobserved is None else others * unobserved)
        return (self.regularization * counts**self.frequency_exponent).astype(np.float32)

    def popularity(self, counts: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.float64]:
        """(n_items,) max(#i, 1)^ρ of items with so many ratings."""
        return np.asarray(np.maximum(counts, 1.0) ** self.popularity_exponent)

    def unobserved(
        self, counts: npt.NDArray[np.integer[Any]], mean: float | None = None
    ) -> FloatArray | None:
        """(n_items,) w of items with so many ratings; None where every w is 1.

        `mean` is that of the popularity of the training items; None if these are those.
        """
        if not self.popularity_exponent:
            return None
        popularity = self.popularity(counts)
        return kernels.float32(popularity / (popularity.mean() if mean is None else mean))

    def _fold_in(self, factors: Factors, matrix: sp.csr_matrix, side: Side) -> Embeddings:
        x, _ = self.problem_of(factors, matrix, side).solve()
        return Embeddings(np.zeros(len(x), np.float32), x)

    def _factors(self, ratings: Ratings, state: State) -> Factors:
        kept: dict[str, npt.NDArray[Any]] = {}
        if self.popularity_exponent:
            counts = np.bincount(ratings.matrix.indices, minlength=ratings.n_items)
            kept["item_unobserved"] = cast("FloatArray", self.unobserved(counts))
            kept["popularity_mean"] = np.array([self.popularity(counts).mean()])
        return Factors.of(self, ratings, state.users, state.items, log=state.log, state=kept)


def unobserved_of(factors: Factors) -> FloatArray | None:
    """(n_items,) w, the weights of unobserved pairs in units of α₀; None where all are 1."""
    return factors.state.get("item_unobserved")
