"""`Reranking`: a way to re-rank, with what it needs to know of the items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recsys.lazy import sp
from recsys.recommend.index import Found
from recsys.recommend.rerank.catalog import Catalog
from recsys.recommend.rerank.reranker import Reranker


@dataclass(frozen=True, eq=False)
class Reranking:
    """Makes lists of k items from longer ones."""

    way: Reranker
    catalog: Catalog

    def wanted(self, k: int) -> int:
        """How many items to choose k from."""
        return max(k, self.way.pool)

    def lists(self, found: Found, history: sp.csr_matrix | None, k: int) -> Found:
        """Item rows (n, k) and their scores, chosen from longer lists (n, m).

        Args:
            found: rows and scores, best first; −1 and NaN where a list ends.
            history: (n, n_items) CSR, counted feedback of the people; None where nothing is known.
            k: length of the lists.
        """
        rows, scores = found
        n = len(rows)
        items, values = np.full((n, k), -1, np.int32), np.full((n, k), np.nan, np.float32)
        tastes = None
        if "taste" in self.way.needs:
            tastes = self.catalog.taste(history) if history is not None else np.zeros((n, 1))
        for one in range(n):
            there = np.flatnonzero(rows[one] >= 0)
            own, mine = rows[one, there], scores[one, there]
            taste = None if tastes is None else tastes[one]
            order = self.way.order(self.catalog.pool(self.way, own, mine, taste), k)
            items[one, : len(order)], values[one, : len(order)] = own[order], mine[order]
        return items, values
