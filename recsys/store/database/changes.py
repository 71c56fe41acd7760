"""Changes of ratings, people and items, each in a transaction with a number."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, select, update

from recsys.errors import ArgumentError
from recsys.ratings.columns import LARGEST
from recsys.store.database.engine import writing
from recsys.store.database.kinds import Kinds, Side, text_of
from recsys.store.database.records import Id, UserRating
from recsys.store.database.schema import counters, items, ratings, tombstones, users
from recsys.store.database.upsert import insert_new, upsert

_BEFORE = 0  # the `seq` of ratings that a model had before they came to the store


@dataclass(frozen=True)
class Change:
    """A transaction that writes, and the number of what it writes."""

    connection: Connection
    seq: int
    kinds: Kinds
    now: float

    def undo(self) -> None:
        """Ends the transaction without a trace, and with it its number."""
        transaction = self.connection.get_transaction()
        if transaction is not None:
            transaction.rollback()

    def texts(self, ids: Sequence[object], side: Side) -> list[str]:
        """Ids as text; the first write of a side decides whether they are integers."""
        if self.kinds.is_integer(side) is None:
            integer = not any(isinstance(one, str) for one in ids)
            for one in ids:
                text_of(one, side)
            self.kinds.decide(self.connection, side, integer)
        return [self.kinds.text(one, side) for one in ids]

    def know_users(self, texts: Iterable[str]) -> int:
        """Keeps that these people are known; returns how many were not."""
        rows = [{"id": one, "added": self.now} for one in sorted(set(texts))]
        return self._added(users, rows)

    def know_items(self, texts: Iterable[str]) -> int:
        """Keeps that there are these items; returns how many there were not."""
        rows = [{"id": one, "added": self.now, "seq": self.seq} for one in sorted(set(texts))]
        return self._added(items, rows)

    def _added(self, table: Table, rows: list[dict[str, Any]]) -> int:
        if not rows:
            return 0
        statement = insert_new(self.connection, table)
        return self.connection.execute(statement, rows).rowcount

    def rate(self, given: Sequence[UserRating], known_before: bool = False) -> int:
        """Writes ratings; of several of one person and item, the last counts.

        Args:
            given: who rated what.
            known_before: whether they come from the history of a model.

        Raises:
            ArgumentError: an id, a value or a time is none.
        """
        if not given:
            return 0
        people = self.texts([one.user for one in given], "user")
        rated = self.texts([one.item for one in given], "item")
        seq = _BEFORE if known_before else self.seq
        rows = {
            (user, item): {
                "user_id": user,
                "item_id": item,
                "rating": checked_value(one.value, one.item),
                "time": self._time(one, known_before),
                "seq": seq,
            }
            for user, item, one in zip(people, rated, given, strict=True)
        }
        self.know_items(rated)
        statement = upsert(self.connection, ratings, "rating", "time", "seq")
        self.connection.execute(statement, list(rows.values()))
        return len(rows)

    def _time(self, one: UserRating, known_before: bool) -> float | None:
        if one.time is None:
            return None if known_before else self.now
        return checked_time(one.time)

    def unrate(self, user: str, item: str) -> int:
        """Removes a rating; 1 if there was one, else 0."""
        which = (ratings.c.user_id == user) & (ratings.c.item_id == item)
        return self.connection.execute(delete(ratings).where(which)).rowcount

    def describe_item(self, item: str, title: str | None, attributes: Mapping[str, Any]) -> None:
        """Writes what an item is."""
        row = {"id": item, "title": title, "attributes": dict(attributes) or None}
        statement = upsert(self.connection, items, "title", "attributes", "seq")
        self.connection.execute(statement, row | {"added": self.now, "seq": self.seq})

    def describe_user(self, user: str, attributes: Mapping[str, Any]) -> None:
        """Writes what is known of a person."""
        row = {"id": user, "attributes": dict(attributes) or None, "added": self.now}
        self.connection.execute(upsert(self.connection, users, "attributes"), row)

    def was_forgotten(self, user: str) -> bool:
        """Whether there is a tombstone for a person."""
        asked = select(tombstones.c.user_id).where(tombstones.c.user_id == user)
        return self.connection.execute(asked).first() is not None


@contextmanager
def changing(engine: Engine, kinds: Kinds) -> Iterator[Change]:
    """A transaction with a number of its own, which is on the disk when the block has ended.

    Changes are numbered in the order in which they are committed: each waits for the one before.
    """
    counted = update(counters).where(counters.c.name == "seq").values(value=counters.c.value + 1)
    try:
        with writing(engine) as connection:
            seq = int(connection.execute(counted.returning(counters.c.value)).scalar_one())
            kinds.load(connection)
            yield Change(connection, seq, kinds, time.time())
    except BaseException:
        kinds.forget()
        raise


def checked_value(value: float | None, item: Id) -> float | None:
    """A rating as a number, or None.

    Raises:
        ArgumentError: it is not finite.
    """
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ArgumentError(f"the rating of item {item!r} is {value!r}, not a number") from None
    if not abs(number) <= LARGEST:
        raise ArgumentError(f"the rating of item {item!r} is {value!r}, not a finite number")
    return number


def checked_time(value: float) -> float:
    """A time in seconds since 1970.

    Raises:
        ArgumentError: it is none.
    """
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not abs(seconds) < 1e13:
        raise ArgumentError(f"time must be seconds since 1970, not {value!r}")
    return seconds
