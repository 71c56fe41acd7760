"""`StoreReader`: the questions that a ratings store answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Engine, Select, bindparam, func, select

from recsys.ids import IdIndex
from recsys.ratings.databases import shown, version_of
from recsys.store.database import late, outcomes, traffic
from recsys.store.database.engine import durability, reading
from recsys.store.database.kinds import Kinds, Side
from recsys.store.database.near import NearReader
from recsys.store.database.records import Given, Id, Late, Lists, OnRows, StoredItem, ignored
from recsys.store.database.schema import counters, items, ratings, tombstones, users

if TYPE_CHECKING:
    import pandas as pd

    from recsys.ratings.ratings import Ratings

_GIVEN = select(ratings.c.item_id, ratings.c.rating, ratings.c.time)
_GIVEN = _GIVEN.where(ratings.c.user_id == bindparam("user")).order_by(ratings.c.item_id)
_MARK = select(func.max(ratings.c.seq), func.count()).where(ratings.c.user_id == bindparam("user"))
_KNOWN = select(users.c.id).where(users.c.id == bindparam("user"))
_PEOPLE = select(func.count(), func.max(users.c.added)).select_from(users)
_SEQ = select(counters.c.value).where(counters.c.name == "seq")


class StoreReader:
    """What can be asked of a store. Nothing here writes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kinds = Kinds()
        self._near = NearReader(engine) if self.is_local else None

    def __str__(self) -> str:
        return shown(self._engine.url)

    def __repr__(self) -> str:
        return f"RatingsStore({str(self)!r})"

    @property
    def is_local(self) -> bool:
        """Whether it is a file of this machine, not a server."""
        return self._engine.dialect.name == "sqlite"

    @property
    def seq(self) -> int:
        """The number of the latest change of ratings, items or people; 0 in a new store."""
        with reading(self._engine) as connection:
            return int(connection.execute(_SEQ).scalar_one())

    def given(self, user: object) -> Given | None:
        """A user's ratings; None if the store does not know the user."""
        text = self._user(user)
        if text is None:
            return None
        rows = self._rows(_GIVEN, text)
        if not rows and not self._rows(_KNOWN, text):
            return None
        columns = list(zip(*rows, strict=True)) or [(), (), ()]
        return Given(
            self._kinds.array(columns[0], "item"),
            np.array(columns[1], dtype=np.float32),
            np.array(columns[2], dtype=np.float64),
        )

    def mark(self, user: object) -> tuple[int, int] | None:
        """The number of a person's latest rating, and how many they have; None without any.

        Two that are equal stand for the same ratings: a change writes them under a larger number,
        and those from before can only go.
        """
        text = self._user(user)
        if text is None:
            return None
        ((latest, n),) = self._rows(_MARK, text)
        return None if latest is None else (int(latest), int(n))

    def _user(self, user: object) -> str | None:
        # The id as text; None if the store cannot have it.
        if not self._kinds.all_known:
            with reading(self._engine) as connection:
                self._kinds.load(connection)
        return self._kinds.find(user, "user")

    def _rows(self, asked: Select[*tuple[Any, ...]], user: str) -> Sequence[Any]:
        # What is asked about one person. A service asks this for every list.
        if self._near is not None:
            found = self._near.rows(asked, user)
            if found is not None:
                return found
        with reading(self._engine) as connection:
            return connection.execute(asked, {"user": user}).all()

    def item(self, item: object) -> StoredItem | None:
        """The stored attributes of an item; None if the store does not know it."""
        with reading(self._engine) as connection:
            self._kinds.load(connection)
            text = self._kinds.find(item, "item")
            row = connection.execute(select(items).where(items.c.id == text)).first()
        if row is None:
            return None
        return StoredItem(self._kinds.ids([row.id], "item")[0], row.title, row.attributes or {})

    def user(self, user: object) -> Mapping[str, Any] | None:
        """The attributes of a user; None if the store does not know the user."""
        with reading(self._engine) as connection:
            self._kinds.load(connection)
            text = self._kinds.find(user, "user")
            row = connection.execute(select(users).where(users.c.id == text)).first()
        return None if row is None else row.attributes or {}

    def user_ids(self, after: object = None, limit: int = 100) -> list[Id]:
        """Ids of people in order of their text, beginning after one of them."""
        return self._page(users.c.id, "user", after, limit)

    @property
    def people_mark(self) -> tuple[int, float]:
        """How many people there are, and when the latest came; equal for the same people."""
        with reading(self._engine) as connection:
            n, latest = connection.execute(_PEOPLE).one()
        return int(n), float(latest or 0)

    def item_ids(self, after: object = None, limit: int = 100) -> list[Id]:
        """Ids of items in order of their text, beginning after one of them."""
        return self._page(items.c.id, "item", after, limit)

    def _page(self, column: Any, side: Side, after: object, limit: int) -> list[Id]:
        with reading(self._engine) as connection:
            self._kinds.load(connection)
            asked = select(column).order_by(column).limit(limit)
            if after is not None:
                asked = asked.where(column > self._kinds.text(after, side))
            return self._kinds.ids(connection.execute(asked).scalars(), side)

    def about(self) -> dict[str, Any]:
        """Where the store is, what it contains, and whether acknowledged writes are on disk."""
        with reading(self._engine, snapshot=True) as connection:
            self._kinds.load(connection)
            return {
                "store": str(self),
                "version": version_of(connection),
                **self.counts(),
                "ids": self._kinds.to_dict(),
                "seq": self.seq,
                "durable": durability(connection),
            }

    def is_sound(self) -> bool:
        """Whether SQLite finds its file undamaged; PostgreSQL checks this itself."""
        with reading(self._engine) as connection:
            if connection.dialect.name != "sqlite":
                return True
            return connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"

    def counts(self) -> dict[str, int]:
        """How many users, items and ratings there are. Takes long in a large store."""
        with reading(self._engine) as connection:
            return {
                table.name: int(
                    connection.execute(select(func.count()).select_from(table)).scalar_one()
                )
                for table in (users, items, ratings)
            }

    def ratings(self, since: int | None = None, until: int | None = None) -> Ratings:
        """The ratings with what is known of users and items, as `read_ratings` returns them.

        Those without a value are left out, unless none has one.

        Args:
            since: only those that changed after this number; 0 leaves out those that were adopted
                from the history of a model.
            until: only those that did not change after this number, so that a training can name
                what it has seen.

        Raises:
            DataError: there are none.
        """
        from recsys.ratings.readers import read
        from recsys.ratings.source import Source

        limits = [f"seq {sign} {number:d}" for sign, number in ((">", since), ("<=", until))
                  if number is not None]  # fmt: skip
        where = f" WHERE {' AND '.join(limits)}" if limits else ""
        query = f"SELECT user_id, item_id, rating, time FROM ratings{where}"
        url = self._engine.url.render_as_string(hide_password=False)
        return read(Source(url, missing=[], query=query))

    def export(self, folder: Path, to: str = "csv", on_rows: OnRows = ignored) -> list[Path]:
        """Writes ratings, items and users to files in a folder, and returns them.

        Args:
            folder: where to; it is made if it is not there.
            to: csv or parquet.
            on_rows: called with how many ratings have been written so far.

        Raises:
            OSError: a file cannot be written.
        """
        from recsys.store.database.dump import write_files

        with reading(self._engine, snapshot=True) as connection:
            self._kinds.load(connection)
            return write_files(connection, self._kinds, folder, to, on_rows)

    def late_items(self, known: IdIndex) -> Late:
        """Items that are not in the index of a model, with their attributes and ratings."""
        with reading(self._engine, snapshot=True) as connection:
            self._kinds.load(connection)
            return late.late_items(connection, self._kinds, known)

    def items_since(self, seq: int) -> list[Id]:
        """Items that were added, described or rated after the change with this number."""
        with reading(self._engine) as connection:
            self._kinds.load(connection)
            return late.items_since(connection, self._kinds, seq)

    def forgotten(self) -> list[Id]:
        """The users that previously trained models must drop."""
        with reading(self._engine) as connection:
            self._kinds.load(connection)
            found = connection.execute(select(tombstones.c.user_id)).scalars().all()
            return self._kinds.ids(found, "user")

    def rated_since(self, since: float) -> pd.DataFrame:
        """What people who were served lists since a time rated since then: user, item, time."""
        with reading(self._engine) as connection:
            self._kinds.load(connection)
            return outcomes.rated_since(connection, self._kinds, since)

    def lists(self, since: float = 0.0) -> Lists:
        """Lists that were served since a time (seconds since 1970), and the feedback on them."""
        with reading(self._engine, snapshot=True) as connection:
            self._kinds.load(connection)
            return traffic.lists_since(connection, self._kinds, since)
