"""Item-based nearest neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import scipy.sparse as sp

from recsys.models.item_weights import ItemModel, ItemWeights
from recsys.models.spec import PeakMemory
from recsys.settings import hyper

if TYPE_CHECKING:
    from recsys.ratings.ratings import Ratings

_BLOCK = 512  # items compared with all others together


@dataclass(frozen=True)
class ItemKNN(ItemModel):
    """An item's score: the summed cosine similarity to the user's items, nearest neighbours only.

        s_ij = Σ_u r_ui r_uj / (‖r_i‖ ‖r_j‖ + shrinkage),  score_uj = Σ_i r_ui s_ij

    over the `n_neighbours` items j most similar to each i (Deshpande, Karypis 2004, "Item-Based
    Top-N Recommendation Algorithms").
    """

    name: ClassVar[str] = "item-knn"
    peak_memory: ClassVar[PeakMemory] = PeakMemory(32, 0)

    n_neighbours: int = hyper(
        50, low=1, typical=(20, 200), log=True, meaning="Similar items kept per item."
    )
    shrinkage: float = hyper(
        10.0, low=0, typical=(0, 100),
        meaning="Added to the denominator, so that few common users do not make items similar.",
    )  # fmt: skip

    def _fit(self, ratings: Ratings, *_: Any) -> ItemWeights:
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
        weights = sp.csr_matrix(sp.vstack(blocks, format="csr"))
        return ItemWeights(ratings.users, ratings.items, weights, self)

    def training_memory(self, n_users: int, n_items: int, n_ratings: int) -> int:
        """Bytes that `fit` allocates at most: blocks of dense similarities, and those kept."""
        blocks = 8 * 4 * min(_BLOCK, n_items) * n_items
        kept = 2 * 8 * n_items * min(self.n_neighbours, n_items)
        return super().training_memory(n_users, n_items, n_ratings) + blocks + kept
