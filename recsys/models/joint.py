"""Features in the training: a further user for each feature of items, an item for each of users.

A feature of items becomes a user who has feedback on the items that have it, a feature of users an
item with feedback of those who have it. So a factorization learns what a feature is worth together
with everything else; the factors of people with few ratings depend more on their features.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from recsys.csr import frozen_csr
from recsys.errors import DataError
from recsys.ids import IdIndex
from recsys.lazy import sp
from recsys.models.common import Side
from recsys.models.from_features import codings_of, table_of
from recsys.ratings.ratings import Ratings

_LAST = "\U0010ffff"  # sorts after the beginning of any id
_LARGEST = np.iinfo(np.int64).max


def joined(ratings: Ratings, weight: float) -> Ratings:
    """Ratings with the features of items as further users, and those of users as further items.

    The further ones come last in both indexes. A feature of value v is feedback of `weight` · v.
    Products of two features are left out: they gained nothing on MovieLens 1M.

    Args:
        ratings: counted ratings, with tables of items and users.
        weight: above 0.

    Raises:
        DataError: nothing of use is known of the items and users.
    """
    known: dict[Side, sp.csr_matrix] = {}
    for side, coding in codings_of(ratings, True).items():
        features = replace(coding, pairs=()).coded(table_of(ratings, side))
        features.eliminate_zeros()
        known[side] = features * np.float32(weight)
    of_users = known.get("users", _none(ratings.n_users))
    of_items = known.get("items", _none(ratings.n_items))
    nothing = _none(of_items.shape[1], of_users.shape[1])
    # From CSR to CSR, SciPy needs no more than the results.
    above = sp.hstack([ratings.matrix, of_users], format="csr")
    below = sp.hstack([of_items.T.tocsr(), nothing], format="csr")
    matrix = sp.csr_matrix(sp.vstack([above, below], format="csr"), dtype=np.float32)
    matrix.sort_indices()
    users = _longer(ratings.users, of_items.shape[1])
    items = _longer(ratings.items, of_users.shape[1])
    table = ratings.item_table.reindex(index=range(len(items)), columns=[])
    return Ratings(users, items, frozen_csr(matrix), None, table)


def _none(n_rows: int, n_columns: int = 0) -> sp.csr_matrix:
    return sp.csr_matrix(np.zeros((n_rows, n_columns), np.float32))


def _longer(index: IdIndex, n: int) -> IdIndex:
    # With n more ids, after all others.
    if not index.is_integer:
        more = np.array([f"{_LAST}{i:06d}" for i in range(n)], object)
    else:
        last = int(index.ids[-1])
        if last > _LARGEST - n:
            raise DataError(f"{index.kind} id {last} leaves no room for ids of features")
        more = last + 1 + np.arange(n)
    return IdIndex(np.concatenate([index.ids, more]), index.kind) if n else index
