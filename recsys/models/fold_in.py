"""Fold-in: embeddings of users and items that were not in the training, the other side fixed.

Every model poses the row problem of a new row as it did for a training row in its last half step;
`Factorization.fold_in_users` and `fold_in_items` say with which base, weights, targets and ridge.
This module checks what goes in and what comes out.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from recsys.errors import ArgumentError, DataError, FitError
from recsys.ids import IdIndex
from recsys.models.factors import Embeddings, Factors


def fold_in_users(factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
    """Embeddings of new users, given their ratings (n, n_items) in item rows.

    For models with `spec.folds_in_exactly`, a training user's ratings give back their stored
    embedding. A user without ratings gets zeros.

    Raises:
        ArgumentError: the ratings do not have a column for each item.
        DataError: a rating is not finite.
        FitError: a user has no finite solution.
    """
    return _checked(factors.spec.fold_in_users(factors, _checked_rows(matrix, factors.items)))


def fold_in_items(factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
    """Embeddings of new items, given their ratings (n, n_users) in user rows."""
    return _checked(factors.spec.fold_in_items(factors, _checked_rows(matrix, factors.users)))


def _checked_rows(matrix: sp.csr_matrix, index: IdIndex) -> sp.csr_matrix:
    matrix = sp.csr_matrix(matrix, dtype=np.float32)
    if matrix.shape[1] != len(index):
        raise ArgumentError(f"the ratings must have {len(index)} columns, not {matrix.shape[1]}")
    if not np.isfinite(matrix.data).all():
        raise DataError("a rating to fold in is not finite")
    return matrix


def _checked(found: Embeddings) -> Embeddings:
    bad = ~(np.isfinite(found.factors).all(axis=1) & np.isfinite(found.bias))
    if bad.any():
        raise FitError(f"row {int(bad.argmax())} has no finite solution; raise the regularization")
    return found
