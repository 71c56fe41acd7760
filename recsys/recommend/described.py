"""Items and users that come after the training, known by their features alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from recsys.errors import ArgumentError, ModelError
from recsys.ids import IdIndex, shown
from recsys.lazy import sp
from recsys.models.common import Rows, Side
from recsys.models.from_features import SIDES, with_rows
from recsys.recommend.items import ItemTable
from recsys.recommend.ranking import Counts

if TYPE_CHECKING:
    import pandas as pd

    from recsys.recommend.parts import ModelParts

M = TypeVar("M", bound="ModelParts")


def with_described(model: M, side: Side, table: Any) -> M:
    """The model with more items or users; see `Recommender.with_items`."""
    # Answers need none of this, and so no pandas.
    from recsys.ratings.arrow_tables import as_frame
    from recsys.ratings.item_tables import normalized, tidied, with_years
    from recsys.ratings.user_tables import normalized_users

    kind = side[:-1]
    if side not in model.features or model.counts is None:
        raise ModelError(
            f"this model has no features for its {side}; train it with features=True (on the "
            "command line --features all)"
        )
    frame = as_frame(table, side).copy()
    known = with_years(normalized(frame)) if side == "items" else normalized_users(frame)
    more, ids = tidied(known, kind, f"the new {side}")
    own: IdIndex = getattr(model.fitted, side)
    there = np.flatnonzero(own.find(ids) >= 0)
    if len(there):
        raise ArgumentError(f"{kind} {shown(ids[there[0]])} is already in the model")
    old = model.item_table if side == "items" else model.user_table
    more = more[[column for column in old.columns if column in more.columns]]
    more.insert(0, kind, ids)
    return with_more(model, side, more)


def with_more(model: M, side: Side, more: pd.DataFrame) -> M:
    """The model with more items or users, who have no ratings yet.

    Args:
        model: the model.
        side: whether items or users.
        more: their ids in the column `item` or `user`, and the columns of the model's table.

    Raises:
        ArgumentError: the ids are text, and those of the model are whole numbers.
    """
    from recsys.ratings.unrated import joined

    old = model.item_table if side == "items" else model.user_table
    own: IdIndex = getattr(model.fitted, side)
    index, table = joined(own, old, more)
    if index is own:
        first = shown(more[own.kind].iloc[0])
        raise ArgumentError(f"{own.kind} ids of this model are whole numbers, not {first}")
    assert model.counts is not None
    moved, items = index.rows(own.ids), side == "items"
    counts, new = np.zeros(len(index), np.int64), np.ones(len(index), bool)
    counts[moved], new[moved] = getattr(model.counts, side), False
    late = moved[model.late_items] if items else model.late_items
    users, things = (model.fitted.users, index) if items else (index, model.fitted.items)
    fitted = model.factors.over(users, things)
    if side in model.features:
        rated = np.flatnonzero(counts)
        learned_from = np.setdiff1d(rated, late) if items else rated
        rows = model.features[side].rows(table[new])
        fitted = with_rows(fitted, side, np.flatnonzero(new), rows, learned_from)
    return replace(
        model,
        factors=fitted,
        item_table=ItemTable.of(table) if items else model.items,
        user_table=model.people if items else ItemTable.of(table),
        history=None if model.history is None else _placed(model.history, side, moved, len(index)),
        saved_counts=model.counts._replace(**{side: counts}),
        late_items=late,
    )


def _placed(history: sp.csr_matrix, side: Side, moved: Rows, n: int) -> sp.csr_matrix:
    # The history over a larger index; indexes increase, so entries stay in order.
    if side == "items":
        indices = history.indices
        if moved[-1] != len(moved) - 1:  # otherwise all new ones come last
            indices = moved.astype(np.int32)[indices]
        return sp.csr_matrix((history.data, indices, history.indptr), (history.shape[0], n))
    lengths = np.zeros(n, np.int64)
    lengths[moved] = np.diff(history.indptr)
    parts = history.data, history.indices, np.concatenate([[0], np.cumsum(lengths)])
    return sp.csr_matrix(parts, shape=(n, history.shape[1]))


def learned_only(model: M) -> M:
    """The model without the items and users that it knows by their features alone."""
    keep = {side: ~model.from_features(side) for side in SIDES}
    if all(kept.all() for kept in keep.values()):
        return model
    rows, columns = np.flatnonzero(keep["users"]), np.flatnonzero(keep["items"])
    users, items = (
        IdIndex(index.ids[kept], index.kind)
        for index, kept in ((model.fitted.users, rows), (model.fitted.items, columns))
    )
    assert model.counts is not None  # where something is known by features alone
    return replace(
        model,
        factors=model.factors.over(users, items),
        item_table=model.item_table.iloc[columns].reset_index(drop=True),
        user_table=model.user_table.iloc[rows].reset_index(drop=True),
        history=None if model.history is None else sp.csr_matrix(model.history[rows][:, columns]),
        saved_counts=Counts(model.counts.users[rows], model.counts.items[columns]),
        late_items=np.searchsorted(columns, model.late_items),  # all of them have ratings
    )
