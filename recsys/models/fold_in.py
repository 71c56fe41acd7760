"""Fold-in: factors of users and items that were not in the training, the other side fixed.

Every model poses the row problem `(base + Σ w·y·yᵀ + ridge·I) x = Σ t·y` for a new row just as it
did for a training row in its last half step; `Spec.fold_in_users` and `fold_in_items` say with
which base, weights, targets and ridge. Here stands what is common: checking what comes in and out.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from recsys.errors import ArgumentError, DataError, FitError
from recsys.ids import IdIndex
from recsys.models.factors import Factors
from recsys.models.spec import Side


def fold_in_users(factors: Factors, matrix: sp.csr_matrix) -> Side:
    """Biases and factors of new users, given their ratings (n, n_items) in item rows.

    For models with `spec.folds_in_exactly`, a training user's ratings give back their stored
    factors. A user without ratings gets zeros.

    Raises:
        DataError: a rating is not finite.
        FitError: a user has no finite solution.
    """
    return _checked(factors.spec.fold_in_users(factors, _checked_rows(matrix, factors.items)))


def fold_in_items(factors: Factors, matrix: sp.csr_matrix) -> Side:
    """Biases and factors of new items, given their ratings (n, n_users) in user rows."""
    return _checked(factors.spec.fold_in_items(factors, _checked_rows(matrix, factors.users)))


def _checked_rows(matrix: sp.csr_matrix, index: IdIndex) -> sp.csr_matrix:
    matrix = sp.csr_matrix(matrix, dtype=np.float32)
    if matrix.shape[1] != len(index):
        raise ArgumentError(f"the ratings must have {len(index)} columns, not {matrix.shape[1]}")
    if not np.isfinite(matrix.data).all():
        raise DataError("a rating to fold in is not finite")
    return matrix


def _checked(side: Side) -> Side:
    bad = ~(np.isfinite(side.factors).all(axis=1) & np.isfinite(side.bias))
    if bad.any():
        raise FitError(f"row {int(bad.argmax())} has no finite solution; raise the regularization")
    return side
