"""Determinantal point processes: the most probable list, taken greedily."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from recsys.recommend.rerank.reranker import Pool, Reranker, Vector, greedy

_LEAST = 1e-10  # of a squared distance, below which an item adds nothing but rounding


@dataclass(frozen=True)
class DPP(Reranker):
    """Takes next the item that enlarges most the determinant of the list's kernel matrix.

        L_ij = exp(a r_i) · cos(i, j) · exp(a r_j),   a = (1 − s) / (2 s)

    r is the relevance, s the strength; the logarithm of the determinant is Σ 2a r_i plus that of
    the squared volume spanned by the items' directions (Chen, Zhang, Zhou 2018, "Fast Greedy MAP
    Inference for Determinantal Point Process", whose incremental Cholesky factor this is: exact, in
    O(k² m) for a pool of m). Once no direction is left, the others follow by relevance.
    """

    name: ClassVar[str] = "dpp"
    needs: ClassVar[tuple[str, ...]] = ("directions",)

    def order(self, pool: Pool, k: int) -> npt.NDArray[np.int64]:
        """See `Reranker.order`."""
        directions = pool.directions
        assert directions is not None
        m = len(pool.relevance)
        if self.strength == 0:
            return np.arange(min(k, m))
        slope = (1 - self.strength) / self.strength  # 2a
        rows = np.zeros((min(k, m), m))  # of the Cholesky factor of the cosines
        left = (directions * directions).sum(axis=1)  # squared distances to what is spanned

        def gains(chosen: list[int]) -> Vector:
            if chosen:
                last, before = chosen[-1], len(chosen) - 1
                height = math.sqrt(left[last]) if left[last] > _LEAST else math.inf
                row = directions @ directions[last] - rows[:before, last] @ rows[:before]
                rows[before] = row / height
                np.subtract(left, rows[before] ** 2, out=left)
            volume = np.log(np.maximum(left, _LEAST))
            return np.asarray(slope * pool.relevance + volume)

        return greedy(gains, m, k)
