"""Likeness of items, or of users: angles, dot products and distances between their factors."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from recsys import kernels
from recsys.errors import ArgumentError, ModelError
from recsys.models.spec import FloatArray

Metric = Literal["cosine", "dot", "adjusted-cosine", "damped", "euclidean", "l1"]
METRICS: tuple[Metric, ...] = ("cosine", "dot", "adjusted-cosine", "damped", "euclidean", "l1")

_DISTANCES = ("euclidean", "l1")


def most_similar(
    table: FloatArray,
    query: FloatArray,
    n: int,
    metric: Metric = "cosine",
    leave_out: int = -1,
    alpha: float = 0.5,
) -> tuple[npt.NDArray[np.int32], FloatArray]:
    """Rows of `table` (n_rows, f) most similar to `query` (f,), best first, with similarities.

    Of a query u and a row v:

    - `cosine`: ⟨u,v⟩ / ‖u‖‖v‖, the directions, between −1 and 1.
    - `dot`: ⟨u,v⟩, which favours long vectors, as popular items have them.
    - `adjusted-cosine`: cosine of u − m and v − m, m the mean of the table: what all have in common
      does not count. For items, the mean of a user's scores is taken from each of them, as
      Sarwar, Karypis, Konstan, Riedl 2001 do with ratings.
    - `damped`: ⟨u,v⟩ / ‖v‖^alpha, between dot (0) and the order of cosine (1).
    - `euclidean`, `l1`: −‖u − v‖ and −‖u − v‖₁, distances with a minus: higher is more alike.

    To a zero vector, of a row without ratings, nothing is similar. Row `leave_out` is not returned.

    Raises:
        ValueError: the metric is none, or alpha is not between 0 and 1.
        ModelError: the model has no factors to compare.
    """
    check_metric(metric, alpha)
    if not table.shape[1]:
        raise ModelError("this model has no factors to compare; train a factorization")
    if not query.any():
        return np.array([], np.int32), np.array([], np.float32)
    if metric in _DISTANCES:
        scores = likeness(query[None], table, metric)[0]
        if leave_out >= 0:
            scores[leave_out] = -np.inf
        order = np.argsort(-scores, kind="stable")[: min(n, len(table) - (leave_out >= 0))]
        return order.astype(np.int32), scores[order].astype(np.float32)
    queries, rows = _scaled(query[None], table, metric, alpha)
    excluded = np.array([leave_out] if leave_out >= 0 else [], np.int32)
    found, scores = kernels.top_k(
        queries,
        rows,
        min(n, len(table)),
        excluded=(np.array([0, len(excluded)], np.int64), excluded),
        n_threads=1,
    )
    there = found[0] >= 0
    return found[0][there], scores[0][there]


def likeness(
    queries: FloatArray, table: FloatArray, metric: Metric = "cosine", alpha: float = 0.5
) -> FloatArray:
    """Similarity (m, n) of each query (m, f) to each row of `table` (n, f); see `most_similar`."""
    check_metric(metric, alpha)
    if metric in _DISTANCES:
        order = 2 if metric == "euclidean" else 1
        distances = [np.linalg.norm(table - query, ord=order, axis=1) for query in queries]
        return -np.asarray(distances, np.float32).reshape(len(queries), len(table))
    of_queries, of_table = _scaled(queries, table, metric, alpha)
    return np.asarray(of_queries @ of_table.T, np.float32)


def check_metric(metric: str, alpha: float) -> None:
    """Raises ValueError for what is no metric, or no alpha."""
    if metric not in METRICS:
        raise ArgumentError(f"metric must be one of {', '.join(METRICS)}, not {metric!r}")
    if not isinstance(alpha, int | float | np.number) or not 0 <= alpha <= 1:
        raise ArgumentError(f"alpha must lie between 0 and 1, not {alpha!r}")


def normalized(table: FloatArray) -> FloatArray:
    """Rows scaled to length 1; zero rows stay zero."""
    return _damped(table, 1.0)


def _damped(table: FloatArray, alpha: float) -> FloatArray:
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    return np.asarray(table / np.where(lengths > 0, lengths, 1) ** alpha, np.float32)


def _scaled(
    queries: FloatArray, table: FloatArray, metric: Metric, alpha: float
) -> tuple[FloatArray, FloatArray]:
    # What the metric is the dot product of.
    if metric == "cosine":
        return normalized(queries), normalized(table)
    if metric == "adjusted-cosine":
        mean = table.mean(axis=0, dtype=np.float64).astype(np.float32)
        return normalized(queries - mean), normalized(table - mean)
    return queries, _damped(table, alpha) if metric == "damped" else table
