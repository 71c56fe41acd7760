"""The factors of a training, apart from those of users and items that joined later.

The problem of a new user is that of the training, in which items without ratings had no part. So
they are left out of it, unless the user has rated one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from recsys.csr import with_ones
from recsys.errors import ArgumentError, DataError, FitError
from recsys.ids import IdIndex
from recsys.lazy import sp


def without_described(factors: Any) -> Any:
    """`Factors` without the users and items that had no part in the training."""
    if not {"user_described", "item_described"} & factors.state.keys():
        return factors
    kept = []
    for side, index in (("user", factors.users), ("item", factors.items)):
        described = factors.state.get(f"{side}_described", np.zeros(len(index), np.uint8))
        kept.append(IdIndex(index.ids[described == 0], index.kind))
    return factors.over(*kept)


def folded(
    factors: Any, rows: sp.csr_matrix, fold_in: Callable[[Any, sp.csr_matrix], Any], by: str
) -> Any:
    """The embeddings that `fold_in` finds for rows of ratings.

    Args:
        factors: the `Factors` that rows fold in to.
        rows: (n, n_items) of users, or (n, n_users) of items.
        fold_in: from factors and rows to embeddings.
        by: what the columns are, "item" or "user".
    """
    described = factors.state.get(f"{by}_described")
    if described is None:
        return fold_in(factors, rows)
    touched = with_ones(rows, np.int64) @ described > 0
    if touched.all():
        return fold_in(factors, rows)
    apart = fold_in(factors.learned, rows[~touched][:, described == 0])
    if not touched.any():
        return apart
    others = fold_in(factors, rows[touched])
    back = np.argsort(np.argsort(touched, kind="stable"), kind="stable")
    return type(apart)(
        np.concatenate([apart.bias, others.bias])[back],
        np.concatenate([apart.factors, others.factors])[back],
    )


def problem_of(factors: Any, row: sp.csr_matrix) -> tuple[Any, sp.csr_matrix]:
    """The factors that one user's row (1, n_items) folds in to, and the row over their items."""
    described = factors.state.get("item_described")
    if described is None or described[row.indices].any():
        return factors, row
    return factors.learned, row[:, described == 0]


def checked_rows(matrix: sp.csr_matrix, index: IdIndex) -> sp.csr_matrix:
    """Rows of ratings as float32; they must have a column for each id, and be finite."""
    matrix = matrix.tocsr().astype(np.float32, copy=False)
    if matrix.shape[1] != len(index):
        raise ArgumentError(f"the ratings must have {len(index)} columns, not {matrix.shape[1]}")
    if not np.isfinite(matrix.data).all():
        raise DataError("a rating to fold in is not finite")
    return matrix


def checked(found: Any) -> Any:
    """Embeddings, all of which must be finite."""
    if np.isfinite(found.factors).all() and np.isfinite(found.bias).all():
        return found
    bad = ~(np.isfinite(found.factors).all(axis=1) & np.isfinite(found.bias))
    raise FitError(f"row {int(bad.argmax())} has no finite solution; raise the regularization")
