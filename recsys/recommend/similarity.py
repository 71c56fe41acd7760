"""Similarity of items, or of users: angles, dot products and distances of their factors."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from recsys.arguments import require_one_of
from recsys.errors import ArgumentError, ModelError
from recsys.models.common import FloatArray, Rows
from recsys.recommend.index import ExactIndex, Index
from recsys.visible import brief

Metric = Literal["cosine", "dot", "adjusted-cosine", "damped", "euclidean", "l1"]
METRICS: tuple[Metric, ...] = ("cosine", "dot", "adjusted-cosine", "damped", "euclidean", "l1")

_DISTANCES = ("euclidean", "l1")


class Similarity:
    """Searches a table of vectors for those most similar to one.

    Of a query u and a row v:

    - `cosine`: ⟨u,v⟩ / ‖u‖‖v‖, the directions, between −1 and 1.
    - `dot`: ⟨u,v⟩, which favours long vectors, as popular items have them.
    - `adjusted-cosine`: cosine of u − m and v − m, m the mean of the table: what all rows share
      does not count. For items, the mean of a user's scores is taken from each of them, as
      Sarwar, Karypis, Konstan, Riedl 2001 do with ratings.
    - `damped`: ⟨u,v⟩ / ‖v‖^alpha, between dot (0) and the order of cosine (1).
    - `euclidean`, `l1`: −‖u − v‖ and −‖u − v‖₁, negated distances, so that higher is more similar.

    The table is scaled and packed once per metric, on the first search.
    """

    def __init__(self, table: FloatArray) -> None:
        self._table = table
        self._indexes: dict[tuple[Metric, float], Index] = {}

    def use(self, metric: Metric, index: Index) -> None:
        """Searches with this index from now on where that metric is asked for."""
        self._indexes = self._indexes | {(metric, 0.0): index}

    def of(self, row: int) -> FloatArray:
        """(n,) cosine of a row and each other; of a zero vector and any other it is 0."""
        query = normalized(self._table[[row]])[0]
        lengths = np.where(self._lengths > 0, self._lengths, np.float32(1))
        return np.asarray((self._table @ query) / lengths, np.float32)

    @cached_property
    def _lengths(self) -> FloatArray:
        return np.asarray(np.linalg.norm(self._table, axis=1), np.float32)

    def search(
        self,
        row: int,
        n: int,
        metric: Metric = "cosine",
        alpha: float = 0.5,
        candidates: Rows | None = None,
    ) -> tuple[npt.NDArray[np.int32], FloatArray]:
        """The n rows most similar to `row`, which is left out, best first, with similarities.

        Nothing is similar to a zero vector, which is that of a row without ratings.

        Args:
            row: what to compare with.
            n: how many.
            metric: how.
            alpha: of `damped`.
            candidates: increasing rows to choose from; None for all.

        Raises:
            ArgumentError: there is no such metric, or alpha is not between 0 and 1.
            ModelError: the model has no factors to compare.
        """
        left_out = np.array([row])
        return self.near(self._table[row], n, metric, alpha, left_out, candidates)

    def near(
        self,
        query: FloatArray,
        n: int,
        metric: Metric = "cosine",
        alpha: float = 0.5,
        excluded: Rows | None = None,
        candidates: Rows | None = None,
    ) -> tuple[npt.NDArray[np.int32], FloatArray]:
        """The n rows most similar to a vector (f,), best first, with similarities; see `search`.

        Args:
            query: what to compare with.
            n: how many.
            metric: how.
            alpha: of `damped`.
            excluded: increasing rows that are left out.
            candidates: increasing rows to choose from; None for all.
        """
        check_metric(metric, alpha)
        table = self._table
        left_out = np.zeros(0, np.int64) if excluded is None else excluded
        if not table.shape[1]:
            raise ModelError("this model has no factors to compare; train a factorization")
        if not query.any():
            return np.array([], np.int32), np.array([], np.float32)
        if metric in _DISTANCES:
            scores = likeness(query[None], table, metric)[0]
            order = np.argsort(-scores, kind="stable")
            allowed = np.zeros(len(table), bool)
            allowed[slice(None) if candidates is None else candidates] = True
            allowed[left_out] = False
            order = order[allowed[order]][:n]
            return order.astype(np.int32), scores[order].astype(np.float32)
        queries = _scaled(query[None], table, metric)
        found, scores = self._index(metric, alpha).search(
            queries,
            min(n, len(table)),
            (np.array([0, len(left_out)]), left_out),
            candidates,
            n_threads=1,
        )
        there = found[0] >= 0
        return found[0][there], scores[0][there]

    def _index(self, metric: Metric, alpha: float) -> Index:
        key = metric, alpha if metric == "damped" else 0.0
        found = self._indexes.get(key)
        if found is None:
            found = ExactIndex(_scaled_table(self._table, metric, alpha))
            # Of the many values that alpha may take, only the latest stays.
            kept = {k: v for k, v in self._indexes.items() if k[0] != metric}
            self._indexes = kept | {key: found}
        return found


def likeness(
    queries: FloatArray, table: FloatArray, metric: Metric = "cosine", alpha: float = 0.5
) -> FloatArray:
    """Similarity (m, n) of each query (m, f) to each row of `table` (n, f); see `Similarity`."""
    check_metric(metric, alpha)
    if metric in _DISTANCES:
        order = 2 if metric == "euclidean" else 1
        distances = [np.linalg.norm(table - query, ord=order, axis=1) for query in queries]
        return -np.asarray(distances, np.float32).reshape(len(queries), len(table))
    scaled = _scaled(queries, table, metric)
    return np.asarray(scaled @ _scaled_table(table, metric, alpha).T, np.float32)


def check_metric(metric: str, alpha: float) -> None:
    """Raises ArgumentError for an unknown metric and for an alpha out of range."""
    require_one_of("metric", metric, METRICS)
    if not isinstance(alpha, int | float | np.number) or not 0 <= alpha <= 1:
        raise ArgumentError(f"alpha must lie between 0 and 1, not {brief(alpha)}")


def normalized(table: FloatArray) -> FloatArray:
    """Rows scaled to length 1; zero rows stay zero."""
    return _damped(table, 1.0)


def _damped(table: FloatArray, alpha: float) -> FloatArray:
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    return np.asarray(table / np.where(lengths > 0, lengths, 1) ** alpha, np.float32)


def _scaled(queries: FloatArray, table: FloatArray, metric: Metric) -> FloatArray:
    # The side of the queries in the dot product that the metric is.
    if metric == "cosine":
        return normalized(queries)
    return normalized(queries - _mean(table)) if metric == "adjusted-cosine" else queries


def _scaled_table(table: FloatArray, metric: Metric, alpha: float) -> FloatArray:
    # The side of the table.
    if metric == "cosine":
        return normalized(table)
    if metric == "adjusted-cosine":
        return normalized(table - _mean(table))
    return _damped(table, alpha) if metric == "damped" else table


def _mean(table: FloatArray) -> FloatArray:
    mean: FloatArray = table.mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean
