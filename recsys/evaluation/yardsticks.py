"""Models without factors that a factorization should be held against: EASE and item-kNN."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import scipy.linalg
import scipy.sparse as sp

from recsys.errors import FitError
from recsys.models.spec import FloatArray, OnEpoch, Settings
from recsys.ratings.ratings import Ratings

_BLOCK = 512  # items compared with all others together


@dataclass(frozen=True)
class EASE(Settings):
    """Each item predicted from all others by ridge regression, in closed form.

        minimize ‖X − XB‖² + λ‖B‖²  with diag(B) = 0:   P = (XᵀX + λI)⁻¹,  B = I − P diag(1/P_jj)

    (Steck 2019, "Embarrassingly Shallow Autoencoders for Sparse Data"). X is 1 wherever there is
    feedback, whatever its value, as in the paper. Needs the dense items × items matrix, 16 bytes
    an entry.
    """

    name: ClassVar[str] = "ease"

    regularization: float = 500.0
    """λ, L2 strength, in users. Typical 50 to 1000, less for few users."""

    def __post_init__(self) -> None:
        self._check("regularization", 0, above=True)

    def fit(self, ratings: Ratings, on_epoch: OnEpoch | None = None) -> ItemWeights:
        """The weights B. There is no epoch, so `on_epoch` hears nothing.

        Raises:
            FitError: the matrix of items does not fit into memory.
        """
        n = ratings.n_items
        needed, there = 16 * n * n, _memory()
        if needed > there:
            raise FitError(
                f"ease needs {needed / 1e9:.1f} GB for {n:,} items, and this machine has "
                f"{there / 1e9:.1f} GB; keep the items with more ratings"
            )
        matrix = _ones(ratings.matrix).astype(np.float64)
        gram = (matrix.T @ matrix).toarray()
        gram[np.diag_indices(n)] += self.regularization
        factor = scipy.linalg.cho_factor(gram, lower=True, overwrite_a=True, check_finite=False)
        inverse = scipy.linalg.cho_solve(factor, np.eye(n), overwrite_b=True, check_finite=False)
        weights = (-inverse / np.diag(inverse)).astype(np.float32)
        weights[np.diag_indices(n)] = 0
        return ItemWeights(weights, of_ones=True)


@dataclass(frozen=True)
class ItemKNN(Settings):
    """An item's score: the summed cosine similarity to the user's items, nearest neighbours only.

        s_ij = Σ_u r_ui r_uj / (‖r_i‖ ‖r_j‖ + shrinkage),  score_uj = Σ_i r_ui s_ij

    over the `n_neighbours` items j most similar to each i (Deshpande, Karypis 2004, "Item-Based
    Top-N Recommendation Algorithms").
    """

    name: ClassVar[str] = "item-knn"

    n_neighbours: int = 50
    """Similar items kept per item. Typical 20 to 200."""
    shrinkage: float = 10.0
    """Added to the denominator: few common users do not make items alike. Typical 0 to 100."""

    def __post_init__(self) -> None:
        self._check("n_neighbours", 1, whole=True)
        self._check("shrinkage", 0)

    def fit(self, ratings: Ratings, on_epoch: OnEpoch | None = None) -> ItemWeights:
        """The similarities, sparse. There is no epoch, so `on_epoch` hears nothing."""
        matrix = ratings.matrix.tocsc()
        lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=0), np.float64).ravel())
        n = ratings.n_items
        blocks = []
        for start in range(0, n, _BLOCK):
            stop = min(start + _BLOCK, n)
            alike = np.asarray((matrix[:, start:stop].T @ matrix).toarray(), np.float64)
            below = lengths[start:stop, None] * lengths + self.shrinkage
            alike = np.divide(alike, below, out=np.zeros_like(alike), where=below > 0)
            alike[np.arange(stop - start), np.arange(start, stop)] = 0
            if self.n_neighbours < n:
                least = -np.partition(-alike, self.n_neighbours - 1, axis=1)
                alike[alike < least[:, self.n_neighbours - 1 : self.n_neighbours]] = 0
            blocks.append(sp.csr_matrix(alike.astype(np.float32)))
        return ItemWeights(sp.vstack(blocks, format="csr"))


@dataclass(frozen=True, eq=False)
class ItemWeights:
    """A `Scorer` that scores by the user's history times item-to-item weights."""

    weights: FloatArray | sp.csr_matrix
    """(n_items, n_items)."""
    of_ones: bool = False
    """The history counts as ones."""

    def scores(self, users: npt.NDArray[np.integer], history: sp.csr_matrix) -> FloatArray:
        """History times weights (n, n_items)."""
        scores = (_ones(history) if self.of_ones else history) @ self.weights
        return np.asarray(scores.toarray() if sp.issparse(scores) else scores, np.float32)


YARDSTICKS: dict[str, type[EASE | ItemKNN]] = {EASE.name: EASE, ItemKNN.name: ItemKNN}


def _ones(matrix: sp.csr_matrix) -> sp.csr_matrix:
    parts = np.ones(matrix.nnz, np.float32), matrix.indices, matrix.indptr
    return sp.csr_matrix(parts, shape=matrix.shape)


def _memory() -> float:
    # Bytes of memory of the machine; without bound where it does not say.
    try:
        return float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return float("inf")
