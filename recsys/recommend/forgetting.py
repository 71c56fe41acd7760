"""A model without some of its users."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from recsys.errors import ModelError
from recsys.ids import IdIndex
from recsys.lazy import sp
from recsys.recommend.items import ItemTable
from recsys.recommend.ranking import Counts

if TYPE_CHECKING:
    from recsys.recommend.parts import ModelParts

M = TypeVar("M", bound="ModelParts")


def without_users(model: M, users: Sequence[Any]) -> M:
    """The model without the factors, the ratings and the row of some users, who may be unknown.

    What the items have learned from them stays in the factors of the items until the next training.

    Raises:
        ModelError: nobody is left.
    """
    index = model.fitted.users
    found = index.find(users) if len(users) else np.zeros(0, np.int64)
    gone = found[found >= 0]
    if not len(gone):
        return model
    keep = np.ones(len(index), bool)
    keep[gone] = False
    rows = np.flatnonzero(keep)
    if not len(rows):
        raise ModelError("every user of this model must be forgotten; train another one")
    counts = model.counts
    table = ItemTable.without_columns(len(rows))
    if model.people.columns:
        table = ItemTable.of(model.user_table.iloc[rows].reset_index(drop=True))
    return replace(
        model,
        factors=model.factors.over(IdIndex(index.ids[rows], index.kind), model.fitted.items),
        item_table=model.items,
        user_table=table,
        history=None if model.history is None else sp.csr_matrix(model.history[rows]),
        saved_counts=None if counts is None else Counts(counts.users[rows], counts.items),
    )
