"""Lists that were served, and what people did with them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pandas as pd
from sqlalchemy import Connection, select

from recsys.errors import ArgumentError, UnknownIdError
from recsys.ids import shown
from recsys.store.database.changes import checked_time, checked_value
from recsys.store.database.kinds import Kinds, text_of
from recsys.store.database.records import ACTIONS, Id, Lists, Served
from recsys.store.database.schema import feedback, served
from recsys.store.database.upsert import insert_new, upsert


def keep_served(connection: Connection, lists: Sequence[Served]) -> None:
    """Keeps lists that were served; one that is there already stays as it is."""
    rows = [
        {
            "id": one.id,
            "time": time.time() if one.time is None else checked_time(one.time),
            "user_id": None if one.user is None else text_of(one.user, "user"),
            "model": one.model,
            "arm": one.arm,
            "items": [text_of(item, "item") for item in one.items],
        }
        for one in lists
    ]
    if rows:
        connection.execute(insert_new(connection, served), rows)


def keep_feedback(
    connection: Connection,
    served_id: str,
    item: Id,
    action: str,
    value: float | None,
    when: float | None,
) -> None:
    """Keeps what a person did with an item of a list; doing the same again replaces it.

    Raises:
        ArgumentError: there is no such action.
        UnknownIdError: there is no such list, or the item is not on it.
    """
    if action not in ACTIONS:
        raise ArgumentError(f"action must be one of {', '.join(ACTIONS)}, not {action!r}")
    listed = connection.execute(select(served.c["items"]).where(served.c.id == served_id)).scalar()
    if listed is None:
        raise UnknownIdError(f"no list {shown(served_id)} was served")
    text = text_of(item, "item")
    if text not in listed:
        raise UnknownIdError(f"item {shown(item)} is not on list {shown(served_id)}")
    row = {
        "served_id": served_id,
        "item_id": text,
        "action": action,
        "value": checked_value(value, item),
        "time": time.time() if when is None else checked_time(when),
    }
    connection.execute(upsert(connection, feedback, "value", "time"), row)


def lists_since(connection: Connection, kinds: Kinds, since: float) -> Lists:
    """The lists that were served since a time, and the feedback on them."""
    asked = select(served).where(served.c.time >= since).order_by(served.c.time, served.c.id)
    rows = [row._mapping for row in connection.execute(asked)]
    lists: dict[str, list[Any]] = {
        "id": [row["id"] for row in rows],
        "time": [row["time"] for row in rows],
        "user": [_typed(kinds, row["user_id"]) for row in rows],
        "model": [row["model"] for row in rows],
        "arm": [row["arm"] for row in rows],
        "items": [kinds.ids(row["items"], "item") for row in rows],
    }
    joined = select(feedback).join(served, served.c.id == feedback.c.served_id)
    joined = joined.where(served.c.time >= since).order_by(feedback.c.time, feedback.c.served_id)
    acts = connection.execute(joined).all()
    done: dict[str, list[Any]] = {
        "id": [act.served_id for act in acts],
        "item": kinds.ids([act.item_id for act in acts], "item"),
        "action": [act.action for act in acts],
        "value": [act.value for act in acts],
        "time": [act.time for act in acts],
    }
    return Lists(_frame(lists), _frame(done))


def _typed(kinds: Kinds, user: str | None) -> Any:
    return None if user is None else kinds.ids([user], "user")[0]


def _frame(columns: dict[str, list[Any]]) -> pd.DataFrame:
    # Users may be missing: their integers must not become fractions.
    numbers = ("time", "value")
    return pd.DataFrame(
        {
            name: pd.Series(values, dtype="float64" if name in numbers else "object")
            for name, values in columns.items()
        }
    )
