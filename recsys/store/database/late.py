"""What came to the store after a model was trained."""

from __future__ import annotations

from typing import Any

import pandas as pd
from sqlalchemy import Connection, bindparam, select, union

from recsys.ids import IdIndex
from recsys.store.database.kinds import Kinds
from recsys.store.database.records import Id, Late, described
from recsys.store.database.schema import items, ratings

_PIECE = 500  # ids in one question, which every database takes

_ITEMS = select(items).where(items.c.id.in_(bindparam("ids", expanding=True)))
_RATINGS = select(ratings).where(ratings.c.item_id.in_(bindparam("ids", expanding=True)))


def late_items(connection: Connection, kinds: Kinds, known: IdIndex) -> Late:
    """Items that are not in an index, with their ratings."""
    there = connection.execute(select(items.c.id).order_by(items.c.id)).scalars().all()
    rows = known.find(kinds.array(there, "item")).tolist()
    new = [one for one, row in zip(there, rows, strict=True) if row < 0]
    about = _rows(connection, _ITEMS, new)
    return Late(
        described(
            "item_id", kinds.ids([row.id for row in about], "item"), [row._mapping for row in about]
        ),
        _rated(_rows(connection, _RATINGS, new), kinds),
    )


def items_since(connection: Connection, kinds: Kinds, seq: int) -> list[Id]:
    """Items that were added, described or rated after a change."""
    rated = select(ratings.c.item_id).where(ratings.c.seq > seq)
    changed = select(items.c.id).where(items.c.seq > seq)
    found = connection.execute(union(changed, rated)).scalars().all()
    return kinds.ids(sorted(found), "item")


def _rows(connection: Connection, asked: Any, ids: list[str]) -> list[Any]:
    return [
        row
        for start in range(0, len(ids), _PIECE)
        for row in connection.execute(asked, {"ids": ids[start : start + _PIECE]})
    ]


def _rated(rows: list[Any], kinds: Kinds) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "user_id": kinds.array([row.user_id for row in rows], "user"),
            "item_id": kinds.array([row.item_id for row in rows], "item"),
            "rating": pd.Series([row.rating for row in rows], dtype="float32"),
            "timestamp": pd.Series([row.time for row in rows], dtype="float64"),
        }
    )
