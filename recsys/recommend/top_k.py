"""The best items for many users at once, by row numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys import kernels
from recsys.models.factors import Factors
from recsys.models.spec import FloatArray, Side


def top_items(
    factors: Factors,
    users: Side,
    k: int,
    *,
    excluded: sp.csr_matrix | tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]] | None = None,
    candidates: npt.NDArray[np.integer] | None = None,
) -> tuple[npt.NDArray[np.int32], FloatArray]:
    """The k best items of each user, best first, ties by item order, with their scores.

    A user with fewer than k items left has items −1 and scores NaN at the end. Memory beyond the
    result is a copy of the item factors.

    Args:
        factors: gives the items.
        users: biases (n,) and factors (n, f) of the users asked about.
        k: how many; more than there are items is allowed.
        excluded: (n, n_items) CSR, or its row starts and sorted columns; its entries, whatever
            their value, are not returned.
        candidates: increasing item rows to choose from; None for all.

    Returns:
        Item rows (n, k) int32 and scores (n, k) float32.
    """
    wanted = min(k, len(factors.items))
    if excluded is not None and not isinstance(excluded, tuple):
        if not excluded.has_sorted_indices:
            excluded = excluded.sorted_indices()
        excluded = excluded.indptr, excluded.indices
    queries = users.factors
    if not factors.n_factors:
        queries = np.zeros((len(users.bias), 1), np.float32)
    items = factors.packed_items if candidates is None else factors.pack_items(candidates)
    rows, scores = kernels.top_k(
        queries,
        items,
        wanted,
        excluded=excluded,
    )
    scores += users.bias[:, None] + np.float32(factors.mean)
    if wanted < k:
        missing = ((0, 0), (0, k - wanted))
        rows = np.pad(rows, missing, constant_values=-1)
        scores = np.pad(scores, missing, constant_values=np.nan)
    return rows, scores


def users_of(factors: Factors, rows: npt.NDArray[np.integer] | slice) -> Side:
    """The stored biases and factors of training users."""
    return Side(factors.user_bias[rows], factors.user_factors[rows])
