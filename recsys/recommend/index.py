"""`Index`: the search for the best items, which every ranking and every likeness goes through."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from recsys import kernels
from recsys.csr import entry_rows
from recsys.lazy import sp
from recsys.models.common import FloatArray, Rows
from recsys.models.spec import Fitted

Found = tuple[npt.NDArray[np.int32], FloatArray]
Excluded: TypeAlias = "sp.csr_matrix | tuple[Rows, Rows]"

_SCORES = 1 << 24  # scores formed together: 64 MB


class Index(Protocol):
    """Items, ready to be searched."""

    def search(
        self,
        queries: Any,
        k: int,
        excluded: Excluded | None = None,
        candidates: Rows | None = None,
        n_threads: int | None = None,
    ) -> Found:
        """The k best items of each query, best first, ties by item order.

        Args:
            queries: (n, ...) what the index compares with its items.
            k: length of the lists; more than there are items is allowed.
            excluded: (n, n_items) CSR, or its row starts and columns; its entries, whatever their
                value, are not returned.
            candidates: increasing item rows to choose from; None for all.
            n_threads: None for `default_threads()`.

        Returns:
            Item rows (n, k) int32 and scores (n, k) float32; rows −1 and scores NaN where a list
            ends.
        """


class ExactIndex:
    """Items as vectors; a score is an inner product plus the item's bias.

    The vectors are packed once, on the first search. Memory is a copy of them.
    """

    def __init__(self, vectors: FloatArray, bias: FloatArray | None = None) -> None:
        # Without coordinates the kernel has nothing to multiply; zeros leave the biases.
        width = vectors.shape[1]
        self._vectors = vectors if width else np.zeros((len(vectors), 1), np.float32)
        self._bias = bias
        self._packed: list[tuple[Rows | None, kernels.PackedItems]] = []

    def search(
        self,
        queries: FloatArray,
        k: int,
        excluded: Excluded | None = None,
        candidates: Rows | None = None,
        n_threads: int | None = None,
    ) -> Found:
        """The k best items of each query (n, f); see `Index`."""
        if not queries.shape[1]:
            queries = np.zeros((len(queries), 1), np.float32)
        if excluded is not None and not isinstance(excluded, tuple):
            excluded = excluded.indptr, excluded.indices
        wanted = max(1, min(k, len(self._vectors)))
        items = self._items(candidates, alone=len(queries) == 1)
        rows, scores = kernels.top_k(queries, items, wanted, excluded=excluded, n_threads=n_threads)
        if wanted < k:
            missing = ((0, 0), (0, k - wanted))
            rows = np.pad(rows, missing, constant_values=-1)
            scores = np.pad(scores, missing, constant_values=np.nan)
        return rows, scores

    def _items(self, candidates: Rows | None, alone: bool) -> kernels.PackedItems:
        # All items are kept packed, and the latest candidates, as many as need twice the memory.
        # The second time that a question comes alone they get a screen: for one it does not pay.
        packed = self._packed
        for at, (given, found) in enumerate(packed):
            if given is candidates or (
                given is not None and candidates is not None and np.array_equal(given, candidates)
            ):
                if alone and found.screen is None:
                    found = kernels.screened(found, self._vectors)
                    self._packed = [*packed[:at], (given, found), *packed[at + 1 :]]
                return found
        found = kernels.packed_items(self._vectors, item_bias=self._bias, candidates=candidates)
        kept, room = [(candidates, found)], 2 * len(self._vectors) - len(found.candidates)
        for given, one in packed:
            room -= 0 if given is None else len(one.candidates)
            if given is None or room >= 0:
                kept.append((given, one))
        self._packed = kept  # a new list, because others may be searching in the old one
        return found


class ScoringIndex:
    """The items of a model whose scores are no inner products: all scores are formed."""

    def __init__(self, fitted: Fitted) -> None:
        self._fitted = fitted

    def search(
        self,
        queries: Any,
        k: int,
        excluded: Excluded | None = None,
        candidates: Rows | None = None,
        n_threads: int | None = None,
    ) -> Found:
        """The k best items of people; see `Index`."""
        n, n_items = queries.shape[0], len(self._fitted.items)
        rows, scores = np.full((n, k), -1, np.int32), np.full((n, k), np.nan, np.float32)
        if isinstance(excluded, tuple):
            ones = np.ones(len(excluded[1]), bool)
            excluded = sp.csr_matrix((ones, excluded[1], excluded[0]), shape=(n, n_items))
        step = max(1, _SCORES // max(1, n_items))
        for start in range(0, n, step):
            part = slice(start, start + step)
            block = self._fitted.scores(queries[part])
            if candidates is not None:
                others = np.ones(n_items, bool)
                others[candidates] = False
                block[:, others] = -np.inf
            if excluded is not None:
                out = excluded[part]
                block[entry_rows(out), out.indices] = -np.inf
            rows[part], scores[part] = top_of_scores(block, k)
        return rows, scores


def top_of_scores(scores: FloatArray, k: int) -> Found:
    """Columns (n, k) of the k highest scores, ties by column, and the scores.

    Columns are −1 and scores NaN in place of minus infinity and beyond the last column.

    >>> top_of_scores(np.array([[0.5, 0.9, 0.5, -np.inf]], np.float32), 4)[0]
    array([[ 1,  0,  2, -1]], dtype=int32)
    """
    n, n_columns = scores.shape
    found, values = np.full((n, k), -1, np.int32), np.full((n, k), np.nan, np.float32)
    wanted = min(k, n_columns)
    if not n or not wanted:
        return found, values
    least = -np.partition(-scores, wanted - 1, axis=1)[:, wanted - 1]
    rows, columns = np.nonzero((scores >= least[:, None]) & (scores > -np.inf))
    order = np.lexsort((columns, -scores[rows, columns], rows))
    rows, columns = rows[order], columns[order]
    rank = np.arange(len(rows)) - np.searchsorted(rows, np.arange(n))[rows]
    keep = rank < wanted
    rows, columns, rank = rows[keep], columns[keep], rank[keep]
    found[rows, rank], values[rows, rank] = columns, scores[rows, columns]
    return found, values


def index_of(fitted: Fitted) -> Index:
    """The exact index over the items of a fit."""
    vectors = fitted.item_vectors
    return ScoringIndex(fitted) if vectors is None else ExactIndex(*vectors)
