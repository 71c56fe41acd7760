"""A discount for popular items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from recsys.recommend.rerank.reranker import Pool, Reranker


@dataclass(frozen=True)
class LessPopular(Reranker):
    """Orders by (1 − s)·relevance − s·popularity.

    Popularity is log(1 + number of ratings), from 0 to 1 for the most rated item; s is the
    strength.
    """

    name: ClassVar[str] = "less-popular"
    needs: ClassVar[tuple[str, ...]] = ("popularity",)

    def order(self, pool: Pool, k: int) -> npt.NDArray[np.int64]:
        """See `Reranker.order`."""
        assert pool.popularity is not None
        worth = (1 - self.strength) * pool.relevance - self.strength * pool.popularity
        return np.argsort(-worth, kind="stable")[:k]
