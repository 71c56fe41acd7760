"""EASE: a linear autoencoder in closed form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from recsys.csr import positive, with_ones
from recsys.errors import FitError
from recsys.lazy import sp
from recsys.memory import free_memory
from recsys.models.item_weights import ItemModel, ItemWeights
from recsys.models.spec import PeakMemory
from recsys.settings import hyper

if TYPE_CHECKING:
    from recsys.ratings.ratings import Ratings


_BLOCK = 256  # items whose weights are computed together


@dataclass(frozen=True)
class EASE(ItemModel):
    """Each item predicted from all others by ridge regression, in closed form.

        minimize ‖X − XB‖² + λ‖B‖²  with diag(B) = 0:   P = (XᵀX + λI)⁻¹,  B = I − P diag(1/P_jj)

    (Steck 2019, "Embarrassingly Shallow Autoencoders for Sparse Data"). X is 1 wherever there is
    feedback above 0, whatever its value, as in the paper.

    With `amplification` a > 1, XᵀX gives way to the kernel k_ij = √(g_ii g_jj) c_ij^a, where g are
    its entries and c the cosines of the items, so that distant items count less (case
    amplification: Breese, Heckerman, Kadie 1998). A score is still the ridge regression of the
    user's row on the other items, with that kernel.

    The matrix that is inverted has a row for each item, 16 bytes per entry. Without amplification
    it has a row for each user where they are fewer, by P = (I − Xᵀ(XXᵀ + λI)⁻¹X)/λ. `n_neighbours`
    keeps the largest weights of each item; without it all are kept, 16 bytes per pair of items. A
    fit that needs more than the free memory raises FitError.
    """

    name: ClassVar[str] = "ease"
    ignores_values: ClassVar[bool] = True
    peak_memory: ClassVar[PeakMemory] = PeakMemory(32, 0)

    regularization: float = hyper(
        500.0, low=0, above=True, typical=(10, 1000), log=True, symbol="λ",
        meaning="L2 strength, in users; less for few users.",
    )  # fmt: skip
    n_neighbours: int | None = hyper(
        None, low=1, typical=(50, 1000), log=True,
        meaning="Weights kept for each item, the largest ones whatever their sign; none keeps all.",
    )  # fmt: skip
    amplification: float = hyper(
        1.0, low=1, high=8, typical=(1, 2), symbol="a",
        meaning="Power of the cosine of two items in XᵀX. 1 is EASE as published; with more, "
        "distant items count less.",
    )  # fmt: skip

    def _fit(self, ratings: Ratings, *_: Any) -> ItemWeights:
        needed, free = self._bytes(ratings.n_users, ratings.n_items), free_memory()
        if free is not None and needed > free:
            raise FitError(
                f"ease needs {needed / 1e9:.1f} GB for {ratings.n_users:,} users and "
                f"{ratings.n_items:,} items, and {free / 1e9:.1f} GB are free; {self._remedy}"
            )
        items = with_ones(positive(ratings.matrix), np.float64).T.tocsr()
        # The blocks and the inverse are gone before the copy that the transpose is.
        transposed = sp.vstack(list(self._blocks(items)), format="csr")
        return ItemWeights(ratings.users, ratings.items, sp.csr_matrix(transposed.T), self)

    def _blocks(self, items: sp.csr_matrix) -> Iterator[sp.csr_matrix]:
        # Rows of Bᵀ, from X transposed.
        fewer_users = self._fewer(items.shape[1], items.shape[0])
        inverse = self._inverse(items.T.tocsr() if fewer_users else items)
        for start in range(0, items.shape[0], _BLOCK):
            block = items[start : start + _BLOCK]
            if fewer_users:
                p = -(items @ np.asarray(block @ inverse).T).T
                p[np.arange(len(p)), np.arange(start, start + len(p))] += 1
            else:
                p = inverse[start : start + _BLOCK]
            yield self._rows(p, start)

    def _inverse(self, rows: sp.csr_matrix) -> npt.NDArray[np.float64]:
        # (XXᵀ + λI)⁻¹ for the rows x.
        import scipy.linalg  # which takes longer to import than most queries take to answer

        # LAPACK takes the transpose without a copy, and it is the same matrix; order="F" makes one.
        gram = (rows @ rows.T).toarray().T
        if self.amplification > 1:
            self._amplify(gram)
        gram[np.diag_indices(len(gram))] += self.regularization
        factor, failed = scipy.linalg.lapack.dpotrf(gram, lower=True, clean=False, overwrite_a=True)
        if not failed:
            inverse, failed = scipy.linalg.lapack.dpotri(factor, lower=True, overwrite_c=True)
        if failed:
            raise FitError(
                "the items' equations have no unique solution; raise regularization (now "
                f"{self.regularization:g})"
            )
        for start in range(0, len(inverse), _BLOCK):  # LAPACK gives the lower half
            stop = start + _BLOCK
            inverse[:start, start:stop] = inverse[start:stop, :start].T
            square = inverse[start:stop, start:stop]
            square[...] = np.tril(square) + np.tril(square, -1).T
        return np.asarray(inverse)

    def _amplify(self, gram: npt.NDArray[np.float64]) -> None:
        # In place, a block of columns at a time. An item without users has a length of 0.
        lengths = np.maximum(np.sqrt(gram.diagonal()), 1)
        for start in range(0, len(gram), _BLOCK):
            block = gram[:, start : start + _BLOCK]
            cosines = block / lengths[:, None] / lengths[start : start + _BLOCK]
            block *= cosines ** (self.amplification - 1)

    def _fewer(self, n_users: int, n_items: int) -> bool:
        # Whether the matrix of users is inverted, the smaller one. It knows no amplification.
        return self.amplification == 1 and n_users < n_items

    def _rows(self, p: npt.NDArray[np.float64], start: int) -> sp.csr_matrix:
        # Rows of Bᵀ from rows of P, as it is symmetric.
        own = np.arange(len(p)), np.arange(start, start + len(p))
        weights = (-p / p[own][:, None]).astype(np.float32)
        weights[own] = 0
        if self.n_neighbours is not None and self.n_neighbours < p.shape[1]:
            last = p.shape[1] - self.n_neighbours
            sizes = np.abs(weights)
            weights[sizes < np.partition(sizes, last, axis=1)[:, last, None]] = 0
        return sp.csr_matrix(weights)

    @property
    def _remedy(self) -> str:
        fewer = "keep the users or items with more ratings"
        return fewer if self.n_neighbours else f"set n_neighbours, such as 500, or {fewer}"

    def training_memory(self, n_users: int, n_items: int, n_ratings: int) -> int:
        """Bytes that `fit` allocates at most: the matrix it inverts outweighs all else."""
        return super().training_memory(n_users, n_items, n_ratings) + self._bytes(n_users, n_items)

    def _bytes(self, n_users: int, n_items: int) -> int:
        # First the sparse Gram matrix and the dense one, then the inverse, the weights and a block
        # of rows, then the weights and a copy.
        kept = n_items * (n_items if self.n_neighbours is None else min(self.n_neighbours, n_items))
        square = (n_users if self._fewer(n_users, n_items) else n_items) ** 2
        return max(20 * square, 8 * square + 8 * kept + 32 * _BLOCK * n_items, 16 * kept)
