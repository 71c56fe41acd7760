"""`Catalog`: what re-rankers know of the items, computed once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from recsys.csr import positive, with_ones
from recsys.errors import DataError
from recsys.lazy import sp
from recsys.models.common import FloatArray
from recsys.models.spec import Fitted
from recsys.recommend.filters.columns import Column, ItemColumns
from recsys.recommend.items import ItemTable
from recsys.recommend.rerank.reranker import Matrix, Pool, Reranker, Vector


@dataclass(frozen=True, eq=False)
class Catalog:
    """The items of a fit as re-rankers see them."""

    fitted: Fitted
    items: ItemTable
    counts: Callable[[], npt.NDArray[np.int64]]
    """Gives how many ratings of each item counted; called only where that is needed."""

    def pool(
        self, way: Reranker, rows: npt.NDArray[np.integer], scores: FloatArray, taste: Vector | None
    ) -> Pool:
        """The items in these rows, best first, with what a way needs of them."""
        relevance = scores.astype(np.float64)
        spread = relevance[0] - relevance[-1] if len(relevance) else 0.0
        relevance = (relevance - relevance[-1]) / spread if spread > 0 else relevance * 0
        needs = way.needs
        return Pool(
            relevance,
            self._of(rows) if "directions" in needs else None,
            self.genre_shares[rows] if "genres" in needs else None,
            taste if "taste" in needs else None,
            self.popularity[rows] if "popularity" in needs else None,
        )

    def taste(self, history: sp.csr_matrix) -> Matrix:
        """(n, n_genres) mean genre shares of the counted histories (n, n_items) of people."""
        sums = np.asarray(with_ones(positive(history), np.float64) @ self.genre_shares)
        total = sums.sum(axis=1, keepdims=True)
        shares: Matrix = np.divide(sums, total, out=np.zeros_like(sums), where=total > 0)
        return shares

    @cached_property
    def genre_shares(self) -> Matrix:
        """(n_items, n_genres) 1 over the number of an item's genres, where it has one.

        Raises:
            DataError: the items have no genres.
        """
        if "genres" not in self.items.columns:
            raise DataError("the items have no genres, so a list cannot be calibrated by them")
        column: Column = ItemColumns(self.items)["genres"]
        names = sorted(set().union(*column.parts)) if column.parts else []
        number = {name: i for i, name in enumerate(names)}
        table = np.zeros((len(column.texts) + 1, len(names)))  # the last row: no genres
        for row, parts in enumerate(column.parts):
            for part in parts:
                table[row, number[part]] = 1 / len(parts)
        return table[column.codes]

    @cached_property
    def popularity(self) -> Vector:
        """(n_items,) log(1 + ratings), from 0 to 1.

        Raises:
            ModelError: nobody knows how often the items were rated.
        """
        logarithms = np.log1p(self.counts().astype(np.float64))
        return np.asarray(logarithms / max(float(logarithms.max(initial=0)), 1e-300))

    @cached_property
    def _directions(self) -> FloatArray | sp.csr_matrix:
        return self.fitted.item_directions

    def _of(self, rows: npt.NDArray[np.integer]) -> Matrix:
        table = self._directions
        if isinstance(table, np.ndarray):
            return np.asarray(table[rows], np.float64)
        return np.asarray(table[rows].toarray(), np.float64)
