"""Held-out evaluation: what a model that saw the training part says of the test part."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from recsys.evaluation import metrics
from recsys.models.factors import Factors
from recsys.ratings.splits import Split
from recsys.recommend.top_k import top_items, users_of

_BLOCK = 8192  # users ranked together


def ranking_metrics(factors: Factors, split: Split, k: int = 10) -> pd.DataFrame:
    """NDCG and recall at k of each user with test ratings, ranking all items they had not rated.

    Returns:
        Columns user, `ndcg@k`, `recall@k`; a row per user with at least one test rating.
    """
    users = np.flatnonzero(np.diff(split.test.matrix.indptr))
    parts = [
        _ranked(factors, split, users[start : start + _BLOCK], k)
        for start in range(0, len(users), _BLOCK)
    ]
    return pd.concat(parts, ignore_index=True)


def _ranked(factors: Factors, split: Split, users: npt.NDArray[np.integer], k: int) -> pd.DataFrame:
    test = split.test.matrix[users]
    items, _ = top_items(factors, users_of(factors, users), k, excluded=split.train.matrix[users])
    hits = contains(test, items)
    n_relevant = np.diff(test.indptr)
    return pd.DataFrame(
        {
            "user": split.test.users.ids[users],
            f"ndcg@{k}": metrics.ndcg(hits, n_relevant),
            f"recall@{k}": metrics.recall(hits, n_relevant),
        }
    )


def contains(matrix: sp.csr_matrix, items: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """Whether each item (n, k) is an entry of its row of a sorted CSR matrix; −1 never is."""
    n_columns = matrix.shape[1]
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    entries = rows * n_columns + matrix.indices  # increasing, as the matrix is sorted
    asked = np.arange(len(items))[:, None] * n_columns + items
    if not len(entries):
        return np.zeros(items.shape, bool)
    at = np.searchsorted(entries, asked).clip(max=len(entries) - 1)
    found: npt.NDArray[np.bool_] = (entries[at] == asked) & (items >= 0)
    return found


def held_out_rmse(factors: Factors, split: Split) -> float:
    """RMSE over the test ratings."""
    rows = np.repeat(np.arange(split.test.n_users), np.diff(split.test.matrix.indptr))
    predicted = factors.predict_rows(rows, split.test.matrix.indices)
    return metrics.rmse(predicted, split.test.matrix.data)
