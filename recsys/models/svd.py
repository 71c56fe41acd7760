"""Truncated singular value decompositions of the rating matrix, and filters on them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from recsys.csr import with_values
from recsys.lazy import sp
from recsys.models import truncated_svd
from recsys.models.common import FloatArray, OnEpoch, Progress, Side
from recsys.models.factors import Embeddings, Factorization, Factors, Solved
from recsys.models.row_problem import RowProblem
from recsys.models.spec import PeakMemory
from recsys.settings import hyper
from recsys.threads import one_blas_thread

if TYPE_CHECKING:
    from recsys.ratings.ratings import Ratings

_NOTHING = 1e-3  # a singular value this small beside the largest has no direction in float32


@dataclass(frozen=True)
class PureSVD(Factorization):
    """Truncated SVD of the rating matrix R with zeros where there is no rating.

    R ≈ U Σ Vᵀ; the item factors are V, the user factors R V = U Σ, so that a score is an entry of
    the best approximation of R of rank f (Cremonesi, Koren, Turrin 2010, "Performance of
    Recommender Algorithms on Top-N Recommendation Tasks").

    A new user's factors are their ratings times V; a new item's solve the least-squares problem
    XᵀX y = Xᵀ r against the user factors X, which for a training item gives its row of V. The loss
    that `on_epoch` receives, once, is ‖R − U Σ Vᵀ‖².
    """

    name: ClassVar[str] = "pure-svd"
    peak_memory: ClassVar[PeakMemory] = PeakMemory(4, 1)

    n_factors: int = hyper(
        50, low=1, high=4096, typical=(10, 300), log=True, symbol="f",
        meaning="Rank of the approximation, less than both dimensions of the matrix.",
    )  # fmt: skip

    def _fit(self, ratings: Ratings, on_epoch: OnEpoch | None, *_: Any) -> Factors:
        started = time.perf_counter()
        v, values = truncated_svd.truncated_svd(ratings.matrix, self.n_factors)
        progress = _progress(ratings.matrix, values, started, on_epoch)
        return Factors.of(self, ratings, np.asarray(ratings.matrix @ v), v, log=(progress,))

    def fold_in_users(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """Their ratings times V, which is the least-squares solution: VᵀV = I."""
        x = np.asarray(matrix @ factors.item_factors)
        return Embeddings(np.zeros(len(x), np.float32), x)

    def contributions(self, factors: Factors, matrix: sp.csr_matrix) -> npt.NDArray[np.float64]:
        """Each rating times its row of V."""
        return matrix.data[:, None] * factors.item_factors[matrix.indices].astype(np.float64)

    def fold_in_items(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """Least squares against the user factors."""
        return _least_squares(factors.user_factors, matrix)

    def training_memory(self, n_users: int, n_items: int, n_ratings: int) -> int:
        """Bytes that `fit` allocates at most: the decomposition outweighs the rest."""
        own = super().training_memory(n_users, n_items, n_ratings)
        rank = min(self.n_factors, n_users, n_items)
        return own + truncated_svd.memory((n_users, n_items), n_ratings, rank)


@dataclass(frozen=True)
class NormalizedSVD(PureSVD):
    """A spectral filter on D_u^-½ R D_i^-½ ≈ U Σ Vᵀ, with D_u and D_i the row and column sums of R.

        scores = D_u^-½ R · D_i^-γ V h(Σ) Vᵀ D_i^γ,   h(σ_j) = σ_j^p + α · [j ≤ c]

    The normalized matrix belongs to the bipartite graph of users and items; its leading singular
    vectors are the smoothest signals on the graph. A user's ratings are such a signal; h defines
    how much of each frequency is kept, and γ how much of the removed popularity is put back. The
    two filters of GF-CF (Shen et al. 2021, "How Powerful is Graph Convolution for Recommendation?")
    are p = 2, γ = 0, which is linear, and p = 0, γ = ½, the ideal low-pass; α > 0 adds a low-pass
    of c factors to the power. Ratings below 0 (dislikes) count as 0: they are not edges of the
    graph.

    Item factors are D_i^γ V, user factors the rest of the product. A new user is folded in by the
    same product; a new item by V = R̃ᵀUΣ⁻¹ with R̃ the normalized matrix. What both need is kept in
    `Factors.state`: D_u^-½ as `user_scale`, D_i^-2γ as `item_scale`, h as `filter`, and UΣ⁻¹ as
    `user_basis`; and for users added by an update, whose row of UΣ⁻¹ is that of R̃VΣ⁻²: D_i^-½ as
    `item_root` and Σ⁻² as `inverse`.
    """

    name: ClassVar[str] = "normalized-svd"
    state_names: ClassVar[tuple[str, ...]] = ("user_scale", "item_scale")
    peak_memory: ClassVar[PeakMemory] = PeakMemory(20, 3)

    n_factors: int = hyper(
        128, low=1, high=4096, typical=(32, 1024), log=True, symbol="f",
        meaning="Rank of the approximation, at most that of the matrix. Sparse data need more.",
    )  # fmt: skip
    power: float = hyper(
        0.5, low=0, high=8, typical=(0, 2), symbol="p",
        meaning="Power of the singular values in the filter: 0 is the ideal low-pass, 2 the "
        "linear filter. Larger values smooth more: popular patterns count more.",
    )  # fmt: skip
    item_exponent: float = hyper(
        0.25, low=0, high=1, typical=(0, 0.5), symbol="γ",
        meaning="How much popularity counts: the power of an item's total in the item factors, "
        "and its negative power in the weights of a user's ratings.",
    )  # fmt: skip
    low_pass: float = hyper(
        0.0, low=0, typical=(0, 1), symbol="α",
        meaning="Weight of an ideal low-pass filter of few factors, added to the filter.",
    )  # fmt: skip
    low_pass_factors: int = hyper(
        32,
        low=1,
        typical=(16, 256),
        log=True,
        symbol="c",
        meaning="Number of factors of this low-pass filter.",
    )

    def _fit(self, ratings: Ratings, on_epoch: OnEpoch | None, *_: Any) -> Factors:
        started = time.perf_counter()
        matrix = _likes(ratings.matrix)
        user_scale, item_root = self._roots(matrix)
        normalized = _scaled(matrix, user_scale, item_root)
        rank = min(self.n_factors, *matrix.shape)
        v, values = truncated_svd.truncated_svd(normalized, rank)
        inverse = _power(np.where(values > _NOTHING * values[0], values, 0), -2.0)
        progress = _progress(normalized, values, started, on_epoch)
        popularity = _power(item_root, -2 * self.item_exponent)  # D_i^γ
        item_factors = v * popularity[:, None]
        state = {
            "user_scale": user_scale,
            "item_scale": _power(popularity, -2.0),
            "filter": self._filter(values),
            "user_basis": np.asarray(normalized @ (v * inverse)),
            "item_root": item_root,
            "inverse": inverse,
        }
        users = _filtered(matrix, user_scale, item_factors, state)
        return Factors.of(self, ratings, users, item_factors, log=(progress,), state=state)

    def fold_in_users(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """Their ratings, scaled, times the filter: the product that gave the training users."""
        matrix = _likes(matrix)
        own, _ = self._roots(matrix)
        x = _filtered(matrix, own, factors.item_factors, factors.state)
        return Embeddings(np.zeros(len(x), np.float32), x)

    def contributions(self, factors: Factors, matrix: sp.csr_matrix) -> npt.NDArray[np.float64]:
        """Each rating, scaled, times its item's row of the filter."""
        matrix = _likes(matrix)
        own, _ = self._roots(matrix)
        scaled = _scaled(matrix, own, factors.state["item_scale"])
        plain = super().contributions(factors, scaled)
        return plain * factors.state["filter"] if "filter" in factors.state else plain

    def fold_in_items(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """R̃ᵀUΣ⁻¹ for their columns of R̃, which for a training item is its row of V, times D_i^γ."""
        matrix = _likes(matrix)
        own, _ = self._roots(matrix)
        scaled = _scaled(matrix, own, factors.state["user_scale"])
        if "user_basis" not in factors.state:  # a file of version 0.1, whose users are R̃ V
            return _least_squares(factors.user_factors, scaled)
        y = np.asarray(scaled @ factors.state["user_basis"])
        y *= _power(own, -2 * self.item_exponent)[:, None]
        return Embeddings(np.zeros(len(y), np.float32), y)

    def solved(self, factors: Factors, matrix: sp.csr_matrix, side: Side) -> Solved:
        """With the scales, and of users the rows of UΣ⁻¹."""
        found, state = super().solved(factors, matrix, side), factors.state
        own, _ = self._roots(matrix)
        if side == "items":
            kept = {"item_scale": _power(own, 4 * self.item_exponent), "item_root": own}
        else:
            kept = {"user_scale": own}
            if "item_root" in state:
                v = factors.item_factors * _power(state["item_scale"], 0.5)[:, None]
                normalized = _scaled(matrix, own, state["item_root"])
                kept["user_basis"] = np.asarray(normalized @ (v * state["inverse"]))
        return found._replace(state={name: rows for name, rows in kept.items() if name in state})

    def state_shapes(self, factors: Factors) -> Mapping[str, tuple[int, ...]]:
        """See `Factorization.state_shapes`."""
        return {
            "inverse": (factors.n_factors,),
            "item_root": (len(factors.items),),
            "filter": (factors.n_factors,),
            "user_basis": factors.user_factors.shape,
            "user_scale": (len(factors.users),),
            "item_scale": (len(factors.items),),
        }

    def _filter(self, values: npt.NDArray[np.float64]) -> FloatArray:
        passed = self.low_pass * (np.arange(len(values)) < self.low_pass_factors)
        return np.asarray(values**self.power + passed, np.float32)

    def _roots(self, matrix: sp.csr_matrix) -> tuple[FloatArray, FloatArray]:
        # D_u^-½ and D_i^-½.
        return _inverse_root(matrix.sum(axis=1)), _inverse_root(matrix.sum(axis=0))


def _likes(matrix: sp.csr_matrix) -> sp.csr_matrix:
    # With 0 for dislikes.
    return with_values(matrix, np.maximum(matrix.data, 0))


def _filtered(
    matrix: sp.csr_matrix,
    user_scale: FloatArray,
    item_factors: FloatArray,
    state: Mapping[str, npt.NDArray[Any]],
) -> FloatArray:
    # Files of version 0.1 have no filter: it was 1.
    x = np.asarray(_scaled(matrix, user_scale, state["item_scale"]) @ item_factors)
    return x * state["filter"] if "filter" in state else x


def _progress(
    matrix: sp.csr_matrix,
    values: npt.NDArray[np.float64],
    started: float,
    on_epoch: OnEpoch | None,
) -> Progress:
    # The loss is ‖matrix − U Σ Vᵀ‖².
    loss = float(np.square(matrix.data, dtype=np.float64).sum() - np.square(values).sum())
    progress = Progress(1, 1, max(loss, 0.0), time.perf_counter() - started)
    if on_epoch is not None:
        on_epoch(progress)
    return progress


def _least_squares(table: FloatArray, targets: sp.csr_matrix) -> Embeddings:
    # (XᵀX) y = Xᵀ t for every row t.
    with one_blas_thread():
        gram = table.T @ table
    weights = np.zeros_like(targets.data)
    y, _ = RowProblem(targets, table, 0.0, weights, targets.data, gram).solve()
    return Embeddings(np.zeros(len(y), np.float32), y)


def _power(positive: npt.NDArray[Any], exponent: float) -> FloatArray:
    # Zero stays zero, whatever the power.
    known = positive > 0
    return np.where(known, np.where(known, positive, 1.0) ** exponent, 0).astype(np.float32)


def _inverse_root(sums: npt.ArrayLike) -> FloatArray:
    totals = np.asarray(sums, np.float64).ravel()
    return np.where(totals > 0, 1 / np.sqrt(np.maximum(totals, 1e-300)), 0).astype(np.float32)


def _scaled(matrix: sp.csr_matrix, rows: FloatArray, columns: FloatArray) -> sp.csr_matrix:
    # The entries times their row's and their column's number.
    data = matrix.data * np.repeat(rows, np.diff(matrix.indptr))
    return with_values(matrix, data * columns[matrix.indices])
