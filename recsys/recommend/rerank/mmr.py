"""Maximal marginal relevance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from recsys.recommend.rerank.reranker import Pool, Reranker, Vector, greedy


@dataclass(frozen=True)
class MMR(Reranker):
    """Takes next the item with the largest (1 − s)·relevance − s·max cosine to those taken.

    s is the strength (Carbonell, Goldstein 1998, "The Use of MMR, Diversity-Based Reranking"). The
    cosines are of item factors, of an item–item model of its weights.
    """

    name: ClassVar[str] = "mmr"
    needs: ClassVar[tuple[str, ...]] = ("directions",)

    def order(self, pool: Pool, k: int) -> npt.NDArray[np.int64]:
        """See `Reranker.order`."""
        directions = pool.directions
        assert directions is not None
        nearest = np.full(len(pool.relevance), -np.inf)

        def gains(chosen: list[int]) -> Vector:
            nonlocal nearest
            if not chosen:
                return pool.relevance
            nearest = np.maximum(nearest, directions @ directions[chosen[-1]])
            worth: Vector = (1 - self.strength) * pool.relevance - self.strength * nearest
            return worth

        return greedy(gains, len(pool.relevance), k)
