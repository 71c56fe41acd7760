"""Likeness of items, or of users, as the angle between their factors."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from recsys import kernels
from recsys.errors import ModelError
from recsys.models.spec import FloatArray

Metric = Literal["cosine", "dot"]
METRICS: tuple[Metric, ...] = ("cosine", "dot")


def most_similar(
    table: FloatArray, query: FloatArray, n: int, metric: Metric = "cosine", leave_out: int = -1
) -> tuple[npt.NDArray[np.int32], FloatArray]:
    """Rows of `table` (n_rows, f) most similar to `query` (f,), best first, with similarities.

    `cosine` compares directions and lies between −1 and 1; `dot` favours long vectors, which
    popular items have. To a zero vector, of a row without ratings, nothing is similar. Row
    `leave_out` is not returned.

    Raises:
        ValueError: the metric is none.
        ModelError: the model has no factors to compare.
    """
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}, not {metric!r}")
    if not table.shape[1]:
        raise ModelError("this model has no factors to compare; train a factorization")
    if metric == "cosine":
        table, query = normalized(table), normalized(query[None])[0]
    if not query.any():
        return np.array([], np.int32), np.array([], np.float32)
    excluded = np.array([leave_out] if leave_out >= 0 else [], np.int32)
    rows, scores = kernels.top_k(
        query[None],
        table,
        min(n, len(table)),
        excluded=(np.array([0, len(excluded)], np.int64), excluded),
        n_threads=1,
    )
    found = rows[0] >= 0
    return rows[0][found], scores[0][found]


def normalized(table: FloatArray) -> FloatArray:
    """Rows scaled to length 1; zero rows stay zero."""
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    return np.asarray(table / np.where(lengths > 0, lengths, 1), np.float32)
