"""Calibration: lists with the genre mix of what the person liked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from recsys.recommend.rerank.reranker import Pool, Reranker, Vector, greedy

_OF_TASTE = 0.01  # share of the taste in the list's mix, as in the metric


@dataclass(frozen=True)
class Calibrated(Reranker):
    """Takes next the item with the largest (1 − s)·mean relevance − s·divergence of the list.

    The divergence is Kullback and Leibler's, of the genre shares of the list from those of the
    person's history, as the metric `calibration` measures it; s is the strength (Steck 2018,
    "Calibrated Recommendations"). Without genres in the history the list stays as it is.
    """

    name: ClassVar[str] = "calibrated"
    needs: ClassVar[tuple[str, ...]] = ("genres", "taste")

    def order(self, pool: Pool, k: int) -> npt.NDArray[np.int64]:
        """See `Reranker.order`."""
        taste, genres = pool.taste, pool.genres
        assert taste is not None
        assert genres is not None
        m = len(pool.relevance)
        if not taste.any():
            return np.arange(min(k, m))
        liked = taste > 0

        def gains(chosen: list[int]) -> Vector:
            sums = genres[chosen].sum(axis=0) + genres
            total = sums.sum(axis=1, keepdims=True)
            listed = np.divide(sums, total, out=np.zeros_like(sums), where=total > 0)
            mixed = (1 - _OF_TASTE) * listed[:, liked] + _OF_TASTE * taste[liked]
            divergence = (taste[liked] * np.log(taste[liked] / mixed)).sum(axis=1)
            relevance = (pool.relevance[chosen].sum() + pool.relevance) / (len(chosen) + 1)
            return np.asarray((1 - self.strength) * relevance - self.strength * divergence)

        return greedy(gains, m, k)
