"""Truncated singular value decompositions of the rating matrix."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.csr import with_values
from recsys.errors import ArgumentError, DataError, FitError
from recsys.models.common import FloatArray, OnEpoch, Progress
from recsys.models.factors import Embeddings, Factorization, Factors
from recsys.models.row_problem import RowProblem
from recsys.models.spec import PeakMemory
from recsys.settings import hyper
from recsys.threads import one_blas_thread

if TYPE_CHECKING:
    from recsys.ratings.ratings import Ratings

_DENSE_BELOW = 1_000_000  # entries of a matrix small enough for LAPACK's full decomposition


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
    peak_memory: ClassVar[PeakMemory] = PeakMemory(29, 5.8, 70)

    n_factors: int = hyper(
        50, low=1, high=4096, typical=(10, 300), log=True, symbol="f",
        meaning="Rank of the approximation, below both sides of the matrix.",
    )  # fmt: skip

    def _fit(self, ratings: Ratings, on_epoch: OnEpoch | None, *_: Any) -> Factors:
        started = time.perf_counter()
        user_scale, item_scale = self._scales(ratings.matrix)
        matrix = _scaled(ratings.matrix, user_scale, item_scale)
        v, singular_values = truncated_svd(matrix, self.n_factors)
        loss = float(
            np.square(matrix.data, dtype=np.float64).sum() - np.square(singular_values).sum()
        )
        progress = Progress(1, 1, max(loss, 0.0), time.perf_counter() - started)
        if on_epoch is not None:
            on_epoch(progress)
        scales = {"user_scale": user_scale, "item_scale": item_scale}
        return Factors.of(
            self,
            ratings,
            np.asarray(matrix @ v),
            v,
            log=(progress,),
            state={name: scale for name, scale in scales.items() if scale is not None},
        )

    def fold_in_users(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """Their (scaled) ratings times V, which is the least-squares solution: VᵀV = I."""
        own, _ = self._scales(matrix)
        scaled = _scaled(matrix, own, factors.state.get("item_scale"))
        x = np.asarray(scaled @ factors.item_factors)
        return Embeddings(np.zeros(len(x), np.float32), x)

    def contributions(self, factors: Factors, matrix: sp.csr_matrix) -> npt.NDArray[np.float64]:
        """Each (scaled) rating times its row of V."""
        own, _ = self._scales(matrix)
        scaled = _scaled(matrix, own, factors.state.get("item_scale"))
        return scaled.data[:, None] * factors.item_factors[scaled.indices].astype(np.float64)

    def fold_in_items(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """Least squares against the user factors."""
        own, _ = self._scales(matrix)
        targets = _scaled(matrix, own, factors.state.get("user_scale"))
        x = factors.user_factors
        with one_blas_thread():
            gram = x.T @ x
        weights = np.zeros_like(targets.data)
        y, _ = RowProblem(targets, x, 0.0, weights, targets.data, gram).solve()
        return Embeddings(np.zeros(len(y), np.float32), y)

    def _scales(self, matrix: sp.csr_matrix) -> tuple[FloatArray | None, FloatArray | None]:
        # What rows and columns are multiplied by before the decomposition.
        return None, None


@dataclass(frozen=True)
class NormalizedSVD(PureSVD):
    """Truncated SVD of D_u^-½ R D_i^-½, D the row and column sums of R.

    Dividing by the square root of an item's and a user's total takes the weight of popular items
    and active users out of the leading factors. The result is the normalized adjacency matrix of
    the bipartite graph, whose singular vectors are its smoothest signals. Ratings must not be
    negative.

    User factors are D_u^-½ R D_i^-½ V, item factors V. Fold-in as for `PureSVD`, with the new row
    normalized by its own sum and by the training sums of the other side, which are kept in
    `Factors.state` as `user_scale` and `item_scale`.
    """

    name: ClassVar[str] = "normalized-svd"
    state_names: ClassVar[tuple[str, ...]] = ("user_scale", "item_scale")

    def _scales(self, matrix: sp.csr_matrix) -> tuple[FloatArray | None, FloatArray | None]:
        if matrix.nnz and matrix.data.min() < 0:
            raise DataError(
                f"{self.name} needs ratings that are not negative, but one is "
                f"{matrix.data.min():g}; implicit-als takes such ratings as dislikes"
            )
        return _inverse_root(matrix.sum(axis=1)), _inverse_root(matrix.sum(axis=0))


def truncated_svd(matrix: sp.csr_matrix, rank: int) -> tuple[FloatArray, npt.NDArray[np.float64]]:
    """The `rank` leading right singular vectors (n_columns, rank) and values, largest first.

    Signs are fixed: the largest entry of each vector is positive.

    Raises:
        ArgumentError: `rank` exceeds the smaller side.
        FitError: no convergence.
    """
    smaller = min(matrix.shape)
    if rank > smaller:
        raise ArgumentError(
            f"n_factors must be at most {smaller}, the smaller side of the "
            f"{matrix.shape[0]} x {matrix.shape[1]} matrix, not {rank}; set it lower"
        )
    with one_blas_thread():
        if matrix.shape[0] * matrix.shape[1] <= _DENSE_BELOW or rank > smaller // 2:
            dense = matrix.toarray().astype(np.float64)
            try:
                _, values, vt = np.linalg.svd(dense, full_matrices=False)
            except np.linalg.LinAlgError as error:
                raise FitError(f"the decomposition failed: {error}; check the ratings") from None
        else:
            # Imported here so that loading a model for queries does not import ARPACK.
            from scipy.sparse.linalg import ArpackError, svds

            # Without a start of ours, ARPACK draws another one each time.
            start = np.random.default_rng(0).standard_normal(smaller)
            try:
                _, values, vt = svds(matrix.astype(np.float64), k=rank, v0=start)
            except ArpackError as error:
                raise FitError(f"the decomposition failed: {error}; lower n_factors") from None
    order = np.argsort(-values, kind="stable")[:rank]
    v = vt[order].T.copy()
    v[np.bincount(matrix.indices, minlength=matrix.shape[1]) == 0] = 0  # exactly, not nearly
    signs = np.sign(v[np.abs(v).argmax(axis=0), np.arange(v.shape[1])])
    return np.ascontiguousarray(v * np.where(signs == 0, 1, signs), np.float32), values[order]


def _inverse_root(sums: npt.ArrayLike) -> FloatArray:
    totals = np.asarray(sums, np.float64).ravel()
    return np.where(totals > 0, 1 / np.sqrt(np.maximum(totals, 1e-300)), 0).astype(np.float32)


def _scaled(
    matrix: sp.csr_matrix, row_scale: FloatArray | None, column_scale: FloatArray | None
) -> sp.csr_matrix:
    if row_scale is None or column_scale is None:
        return matrix
    data = matrix.data * np.repeat(row_scale, np.diff(matrix.indptr))
    data *= column_scale[matrix.indices]
    return with_values(matrix, data)
