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
    from recsys.recommend.parts import ModelParts

M = TypeVar("M", bound="ModelParts")


def with_described(model: M, side: Side, table: Any) -> M:
    """The model with more items or users; see `Recommender.with_items`."""
    # Answers need none of this, and so no pandas.
    from recsys.ratings.arrow_tables import as_frame
    from recsys.ratings.item_tables import normalized, tidied, with_years
    from recsys.ratings.unrated import joined
    from recsys.ratings.user_tables import normalized_users

    kind = side[:-1]
    if side not in model.features or model.counts is None:
        raise ModelError(
            f"this model has no features of its {side}; train it with features=True (on the "
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
    index, whole = joined(own, old, more)
    if index is own:
        raise ArgumentError(f"{kind} ids of this model are whole numbers, not {shown(ids[0])}")
    return _over(model, side, index, ItemTable.of(whole))


def _over(model: M, side: Side, index: IdIndex, table: ItemTable) -> M:
    # The model over a larger index of one side, whose new rows come from the table.
    assert model.counts is not None
    old: IdIndex = getattr(model.fitted, side)
    moved = index.rows(old.ids)
    counts = np.zeros(len(index), np.int64)
    counts[moved] = getattr(model.counts, side)
    new = np.setdiff1d(np.arange(len(index)), moved)
    users, items = (model.fitted.users, index) if side == "items" else (index, model.fitted.items)
    rows = model.features[side].rows(table.frame.iloc[new])
    fitted = with_rows(model.factors.over(users, items), side, new, rows, np.flatnonzero(counts))
    item_table, user_table = (table, model.people) if side == "items" else (model.items, table)
    return replace(
        model,
        factors=fitted,
        item_table=item_table,
        user_table=user_table,
        history=None if model.history is None else _placed(model.history, side, moved, len(index)),
        saved_counts=model.counts._replace(**{side: counts}),
    )


def _placed(history: sp.csr_matrix, side: Side, moved: Rows, n: int) -> sp.csr_matrix:
    # The history over a larger index; indexes increase, so entries stay in order.
    if side == "items":
        parts = history.data, moved[history.indices].astype(np.int32), history.indptr
        return sp.csr_matrix(parts, shape=(history.shape[0], n))
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
    )
