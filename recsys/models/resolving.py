"""Factors whose rows are solved again because ratings have joined.

The items of the training stay as they are: everybody's factors were solved against them. From them
follow, in this order,

1. the users who have new ratings or have rated an item that joined after the training, by what they
   rated of the training's items;
2. the items that joined, from these users and all others;
3. the users who have rated such an item, by all that they rated.

So the result depends on the training and on all ratings there are now, not on how many updates
brought them, and folding in a user returns their stored factors, as after a training.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.csr import kept_entries, with_ones
from recsys.lazy import sp
from recsys.models.common import Rows, Side
from recsys.models.factors import Factors


@dataclass(frozen=True)
class Changed:
    """The rows to solve, and their counted ratings."""

    users: Rows
    """(n,) increasing rows of the users with new ratings, and of all who rated one of `items`."""
    ratings: sp.csr_matrix
    """(n, n_items)"""
    items: Rows
    """(m,) increasing rows of all items that had no part in the training and have ratings now."""
    raters: sp.csr_matrix
    """(m, n_users)"""


def resolved(factors: Factors, changed: Changed) -> Factors:
    """The factors, over the same users and items, with the changed rows solved again.

    Raises:
        DataError: a rating does not suit the model.
        FitError: a row has no finite solution.
    """
    factors = _marked(factors, changed)
    if not len(changed.items):
        return _solved(factors, "users", changed.users, changed.ratings)
    late = np.zeros(len(factors.items), bool)
    late[changed.items] = True
    entries = kept_entries(changed.ratings, ~late[changed.ratings.indices])
    factors = _solved(factors, "users", changed.users, entries)
    factors = _solved(factors, "items", changed.items, changed.raters)
    if not factors.spec.users_need_items:
        return factors
    rated_late = np.flatnonzero(with_ones(changed.ratings, np.int64) @ late)
    return _solved(factors, "users", changed.users[rated_late], changed.ratings[rated_late])


def _marked(factors: Factors, changed: Changed) -> Factors:
    # Items that joined are no part of other users' problems; users with ratings are one of items'.
    state = dict(factors.state)
    if len(changed.items):
        described = np.zeros(len(factors.items), np.uint8)
        described |= state.get("item_described", described)
        described[changed.items] = 1
        state["item_described"] = described
    if "user_described" in state:
        state["user_described"] = state["user_described"].copy()
        state["user_described"][changed.users[np.diff(changed.ratings.indptr) > 0]] = 0
    return replace(factors, state=state)


def _solved(factors: Factors, side: Side, at: Rows, ratings: sp.csr_matrix) -> Factors:
    # Without ratings, what features say of somebody stays.
    own, other = side[:-1], "item" if side == "users" else "user"
    if f"{own}_described" in factors.state:
        keep = (np.diff(ratings.indptr) > 0) | (factors.state[f"{own}_described"][at] == 0)
        at, ratings = at[keep], ratings[keep]
    if not len(at):
        return factors
    by, apart = factors, factors.state.get(f"{other}_described")
    if apart is not None and not apart[ratings.indices].any():
        by, ratings = factors.learned, ratings[:, apart == 0]
    found = factors.spec.solved(by, ratings, side)
    rows = {"bias": found.embeddings.bias, "factors": found.embeddings.factors}
    changed: dict[str, Any] = {
        f"{own}_{name}": _with_rows(getattr(factors, f"{own}_{name}"), at, new)
        for name, new in rows.items()
    }
    state = {name: _with_rows(factors.state[name], at, new) for name, new in found.state.items()}
    return replace(factors, **changed, state=dict(factors.state) | state)


def _with_rows(table: npt.NDArray[Any], at: Rows, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    changed = table.copy()
    changed[at] = rows
    return changed
