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

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recsys.csr import kept_entries
from recsys.kernels import copied
from recsys.lazy import sp
from recsys.models.common import Rows, Side
from recsys.models.factors import Factors, Solved

if TYPE_CHECKING:  # it would import SciPy
    RatingsOf = Callable[[Rows], sp.csr_matrix]

Copies = dict[str, npt.NDArray[Any]]

_TOGETHER = 1 << 12  # rows solved together: their ratings are copied, and need not all be at once


@dataclass(frozen=True)
class Changed:
    """The rows to solve, and their counted ratings."""

    users: Rows
    """(n,) increasing rows of the users with new ratings, and of all who rated one of `items`."""
    rated: npt.NDArray[np.bool_]
    """(n,) which of them have ratings that count."""
    ratings: RatingsOf
    """From rows of users (m,) to their ratings (m, n_items)."""
    items: Rows
    """(m,) increasing rows of all items that had no part in the training and have ratings now."""
    raters: sp.csr_matrix
    """(m, n_users)"""


def resolved(factors: Factors, changed: Changed, before: Factors) -> Factors:
    """The factors, over the same users and items, with the changed rows solved again.

    Args:
        factors: their arrays are overwritten, but for those that `before` has, too.
        changed: what to solve.
        before: factors that stay as they are.

    Raises:
        DataError: a rating does not suit the model.
        FitError: a row has no finite solution.
    """
    factors = _marked(factors, changed)
    old = _arrays(before)
    own = {name: array for name, array in _arrays(factors).items() if array is not old.get(name)}
    if not len(changed.items):
        return _solved(factors, "users", changed.users, changed.ratings, own)
    late = np.zeros(len(factors.items), bool)
    late[changed.items] = True

    def of_the_training(users: Rows) -> sp.csr_matrix:
        ratings = changed.ratings(users)
        return kept_entries(ratings, ~late[ratings.indices])

    def of_late(items: Rows) -> sp.csr_matrix:
        return changed.raters[np.searchsorted(changed.items, items)]

    factors = _solved(factors, "users", changed.users, of_the_training, own)
    factors = _solved(factors, "items", changed.items, of_late, own)
    if not factors.spec.users_need_items:
        return factors
    return _solved(factors, "users", np.unique(changed.raters.indices), changed.ratings, own)


def _arrays(factors: Factors) -> dict[str, npt.NDArray[Any]]:
    tables = {
        f"{side}_{what}": getattr(factors, f"{side}_{what}")
        for side in ("user", "item")
        for what in ("bias", "factors")
    }
    return tables | {f"state.{name}": array for name, array in factors.state.items()}


def _marked(factors: Factors, changed: Changed) -> Factors:
    # Items that joined are no part of other users' problems; users with ratings are one of items'.
    state = dict(factors.state)
    if not len(changed.items) and "user_described" not in state:
        return factors
    if len(changed.items):
        described = np.zeros(len(factors.items), np.uint8)
        described |= state.get("item_described", described)
        described[changed.items] = 1
        state["item_described"] = described
    if "user_described" in state:
        state["user_described"] = state["user_described"].copy()
        state["user_described"][changed.users[changed.rated]] = 0
    return replace(factors, state=state)


def _solved(factors: Factors, side: Side, at: Rows, ratings_of: RatingsOf, own: Copies) -> Factors:
    kind = side[:-1]
    described = factors.state.get(f"{kind}_described")
    tables: dict[str, npt.NDArray[Any]] = {}
    state = dict(factors.state)
    for first in range(0, len(at), _TOGETHER):
        rows = at[first : first + _TOGETHER]
        ratings = ratings_of(rows)
        if described is not None:  # without ratings, what features say of somebody stays
            keep = (np.diff(ratings.indptr) > 0) | (described[rows] == 0)
            rows, ratings = rows[keep], ratings if keep.all() else ratings[keep]
        if not len(rows):
            continue
        found = _solution(factors, side, ratings)
        for name, new in (("bias", found.embeddings.bias), ("factors", found.embeddings.factors)):
            name = f"{kind}_{name}"
            tables[name] = _to_change(own, name, getattr(factors, name))
            tables[name][rows] = new
        for name, new in found.state.items():
            state[name] = _to_change(own, f"state.{name}", factors.state[name])
            state[name][rows] = new
    changed: dict[str, Any] = dict(tables)
    return replace(factors, **changed, state=state) if tables else factors


def _solution(factors: Factors, side: Side, ratings: sp.csr_matrix) -> Solved:
    # Rows without ratings by the items or users apart are solved as in the training.
    apart = factors.state.get(f"{'item' if side == 'users' else 'user'}_described")
    if apart is not None and not apart[ratings.indices].any():
        return factors.spec.solved(factors.learned, ratings[:, apart == 0], side)
    return factors.spec.solved(factors, ratings, side)


def _to_change(own: Copies, name: str, table: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if name not in own:
        own[name] = copied(table)
    own[name].flags.writeable = True  # it was frozen with the factors of the step before
    return own[name]
