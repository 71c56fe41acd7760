"""EASE: a linear autoencoder in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import scipy.sparse as sp

from recsys.csr import positive, with_ones
from recsys.errors import FitError
from recsys.memory import free_memory
from recsys.models.item_weights import ItemModel, ItemWeights
from recsys.models.spec import PeakMemory
from recsys.settings import hyper

if TYPE_CHECKING:
    from recsys.ratings.ratings import Ratings


@dataclass(frozen=True)
class EASE(ItemModel):
    """Each item predicted from all others by ridge regression, in closed form.

        minimize ‖X − XB‖² + λ‖B‖²  with diag(B) = 0:   P = (XᵀX + λI)⁻¹,  B = I − P diag(1/P_jj)

    (Steck 2019, "Embarrassingly Shallow Autoencoders for Sparse Data"). X is 1 wherever there is
    feedback above 0, whatever its value, as in the paper. Needs the dense items × items
    matrix, 16 bytes per entry; a fit for which that is more than the free memory raises FitError.
    """

    name: ClassVar[str] = "ease"
    ignores_values: ClassVar[bool] = True
    peak_memory: ClassVar[PeakMemory] = PeakMemory(16, 0)

    regularization: float = hyper(
        500.0, low=0, above=True, typical=(50, 1000), log=True, symbol="λ",
        meaning="L2 strength, in users; less for few users.",
    )  # fmt: skip

    def _fit(self, ratings: Ratings, *_: Any) -> ItemWeights:
        import scipy.linalg  # which takes longer to import than most queries take to answer

        n = ratings.n_items
        needed, free = _square(n), free_memory()
        if free is not None and needed > free:
            raise FitError(
                f"ease needs {needed / 1e9:.1f} GB for {n:,} items, and {free / 1e9:.1f} GB are "
                "free; keep the items with more ratings"
            )
        matrix = with_ones(positive(ratings.matrix), np.float64)
        gram = (matrix.T @ matrix).toarray()
        gram[np.diag_indices(n)] += self.regularization
        try:
            factor = scipy.linalg.cho_factor(gram, lower=True, overwrite_a=True, check_finite=False)
        except np.linalg.LinAlgError:
            raise FitError(
                "the items' equations have no unique solution; raise regularization (now "
                f"{self.regularization:g})"
            ) from None
        inverse = scipy.linalg.cho_solve(factor, np.eye(n), overwrite_b=True, check_finite=False)
        weights = (-inverse / np.diag(inverse)).astype(np.float32)
        weights[np.diag_indices(n)] = 0
        return ItemWeights(ratings.users, ratings.items, sp.csr_matrix(weights), self)

    def training_memory(self, n_users: int, n_items: int, n_ratings: int) -> int:
        """Bytes that `fit` allocates at most: the matrix of items outweighs all else."""
        return super().training_memory(n_users, n_items, n_ratings) + 2 * _square(n_items)


def _square(n_items: int) -> int:
    # The Gram matrix and its inverse in double precision.
    return 16 * n_items * n_items
