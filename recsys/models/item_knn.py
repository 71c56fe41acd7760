"""Item-based nearest neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from recsys.csr import entry_rows, kept_entries, largest_of_rows, positive
from recsys.kernels.dense import in_blocks
from recsys.lazy import sp
from recsys.models.item_weights import ItemModel, ItemWeights
from recsys.models.spec import PeakMemory
from recsys.settings import hyper
from recsys.threads import default_threads

if TYPE_CHECKING:
    from recsys.ratings.ratings import Ratings

_BLOCK = 256  # items compared with all others together


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
        50, low=1, typical=(20, 200), log=True, meaning="Number of similar items kept per item."
    )
    shrinkage: float = hyper(
        10.0, low=0, typical=(0, 100),
        meaning="Added to the denominator, so that items with few common users are not similar.",
    )  # fmt: skip

    def _fit(self, ratings: Ratings, *_: Any) -> ItemWeights:
        n = ratings.n_items
        items = sp.csr_matrix(ratings.matrix.T, dtype=np.float64)
        users = items.T.tocsr()
        lengths = np.sqrt(np.asarray(items.multiply(items).sum(axis=1)).ravel())
        blocks: dict[int, sp.csr_matrix] = {}

        def block(start: int) -> None:
            blocks[start] = self._alike(items[start : start + _BLOCK], users, lengths, start)

        in_blocks(block, range(0, n, _BLOCK))
        stacked = sp.vstack([blocks[start] for start in sorted(blocks)], format="csr")
        return ItemWeights(ratings.users, ratings.items, sp.csr_matrix(stacked), self)

    def _alike(
        self,
        block: sp.csr_matrix,
        users: sp.csr_matrix,
        lengths: npt.NDArray[np.float64],
        start: int,
    ) -> sp.csr_matrix:
        # Of each item of a block, the similarity to its nearest neighbours. Only items with a
        # user in common have one.
        alike = sp.csr_matrix(block @ users)
        rows = entry_rows(alike) + start
        below = lengths[rows] * lengths[alike.indices] + self.shrinkage
        np.divide(alike.data, below, out=alike.data, where=below > 0)
        own = kept_entries(alike, (rows != alike.indices) & (alike.data != 0))
        if self.n_neighbours < users.shape[1]:
            # Items without a similarity come before those with a negative one.
            own = largest_of_rows(positive(own), self.n_neighbours)
        own.sort_indices()
        return own.astype(np.float32)

    def training_memory(self, n_users: int, n_items: int, n_ratings: int) -> int:
        """Bytes that `fit` allocates at most: blocks of dense similarities, and those kept."""
        blocks = default_threads() * 40 * min(_BLOCK, n_items) * n_items
        kept = 2 * 8 * n_items * min(self.n_neighbours, n_items)
        return super().training_memory(n_users, n_items, n_ratings) + blocks + kept
