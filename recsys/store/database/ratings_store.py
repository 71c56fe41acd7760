"""`RatingsStore`: ratings, items, served lists, models and tokens in SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, inspect

from recsys.errors import StoreError
from recsys.ratings.databases import WAIT_S, address, shown, trouble, version_of
from recsys.store.database import forgetting, idempotency, traffic
from recsys.store.database.changes import Change, changing
from recsys.store.database.engine import connect, reading, use_write_ahead_log, writing
from recsys.store.database.locks import locked
from recsys.store.database.reader import StoreReader
from recsys.store.database.records import (
    Id,
    OnRows,
    Rating,
    Served,
    UserRating,
    Written,
    ignored,
)
from recsys.store.database.schema import VERSION, ratings
from recsys.store.database.tokens import Tokens

if TYPE_CHECKING:
    from recsys.ratings.ratings import Ratings
    from recsys.store.database.shelf import Shelf


class RatingsStore(StoreReader):
    """A store of ratings in a database. Safe for several threads and processes.

    Every method that writes returns once the data are on disk. If the database does not answer, is
    locked or has no space, a method raises StoreUnavailable. Then nothing was written, unless the
    connection was lost during the commit: repeating the request with the same key is safe.

        with RatingsStore.open("sqlite:///ratings.db", create=True) as store:
            store.write(196, [Rating(50, 5.0)])
            store.given(196).items
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.tokens = Tokens(engine)
        """Who may use a service."""

    @cached_property
    def models(self) -> Shelf:
        """The versions of the models that serve, have served, or were refused."""
        from recsys.store.database.shelf import Shelf  # which imports what reads model files

        return Shelf(self._engine)

    @classmethod
    def open(cls, url: str, create: bool = False) -> RatingsStore:
        """The store at `sqlite:///FILE` or `postgresql://USER@HOST/DATABASE`.

        Args:
            url: where it is.
            create: whether to make one where the database is empty, or the SQLite file is missing.

        Raises:
            ArgumentError: the address is none, or a package is missing.
            StoreError: the database holds something else, or a store of another version.
            StoreUnavailable: it cannot be reached.
        """
        where = address(url)
        missing = where.get_backend_name() == "sqlite" and not Path(str(where.database)).exists()
        if missing and not create:
            raise StoreError(f"{shown(where)}: no such store; create one with recsys store import")
        store = cls(connect(where))
        try:
            store._check(create)
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def upgrade(cls, url: str) -> tuple[str, str]:
        """Brings the tables of a store to this version; returns the versions before and after.

        Raises:
            StoreError: there is no store, or one of a later version.
        """
        from recsys.store.database.migrate import migrate, versions

        engine = connect(address(url))
        try:
            with writing(engine) as connection:
                before = version_of(connection)
                if before is None:
                    raise StoreError(f"{shown(engine.url)}: not a ratings store")
                if before not in versions():
                    raise _too_new(engine, before)
                migrate(connection)
            return before, VERSION
        finally:
            engine.dispose()

    def _check(self, create: bool) -> None:
        with reading(self._engine) as connection:
            tables = inspect(connection).get_table_names()
            found = version_of(connection) if "alembic_version" in tables else None
            indexes = inspect(connection).get_indexes("ratings") if found == VERSION else []
        if found == VERSION:
            use_write_ahead_log(self._engine)
            if len(indexes) < len(ratings.indexes):  # an import was killed
                from recsys.store.database.bulk import make_indexes

                make_indexes(self._engine)
            return
        if found is not None and found > VERSION:
            raise _too_new(self._engine, found)
        if found is not None:
            raise StoreError(
                f"{self}: a store of version {found}, but this recsys needs {VERSION}; run recsys "
                f"store upgrade {self}"
            )
        if tables or not create:
            raise StoreError(f"{self}: not a ratings store")
        from recsys.store.database.migrate import migrate  # Alembic takes time to import

        use_write_ahead_log(self._engine)
        with writing(self._engine) as connection:
            migrate(connection)

    def __enter__(self) -> RatingsStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes all connections; the store connects again when it is used."""
        if self._near is not None:
            self._near.close()
        self._engine.dispose()

    # Ratings, items and people

    def write(
        self,
        user: Id,
        given: Sequence[Rating],
        *,
        adopt: Sequence[Rating] | None = None,
        key: str | None = None,
    ) -> Written:
        """Writes ratings of a user; a rating of the same item is replaced.

        Args:
            user: who rated.
            given: what they rated; a time of None is now.
            adopt: their ratings from the history of a model. They are written first, if the store
                does not know the user and has not forgotten them.
            key: a request with a known key returns the earlier answer and changes nothing.

        Raises:
            ArgumentError: an id, a value or a time is invalid.
            StoreConflict: the key was used with other ratings.
            StoreUnavailable: nothing was acknowledged.
        """

        def change(now: Change) -> Written:
            new = self._first_time(now, user, adopt)
            return Written(now.seq, now.rate([UserRating(user, *one) for one in given]), new)

        return self._once(key, ("write", user, given), change)

    def write_many(self, given: Sequence[UserRating], *, key: str | None = None) -> Written:
        """Writes ratings of several users, all of them or none; see `write`."""

        def change(now: Change) -> Written:
            new = now.know_users(now.texts([one.user for one in given], "user"))
            return Written(now.seq, now.rate(given), new)

        return self._once(key, ("write_many", given), change)

    def remove(
        self,
        user: Id,
        item: Id,
        *,
        adopt: Sequence[Rating] | None = None,
        key: str | None = None,
    ) -> Written:
        """Removes a user's rating of an item, if there is one; see `write`."""

        def change(now: Change) -> Written:
            new = self._first_time(now, user, adopt)
            (person,), (text,) = now.texts([user], "user"), now.texts([item], "item")
            return Written(now.seq, now.unrate(person, text), new)

        return self._once(key, ("remove", user, item), change)

    def put_item(
        self, item: Id, title: str | None, attributes: Mapping[str, Any] | None = None
    ) -> Written:
        """Writes the title and attributes of an item, which may be new."""

        def change(now: Change) -> Written:
            now.describe_item(now.texts([item], "item")[0], title, attributes or {})
            return Written(now.seq, 0)

        return self._once(None, (), change)

    def put_user(self, user: Id, attributes: Mapping[str, Any] | None = None) -> Written:
        """Writes the attributes of a user, who may be new."""

        def change(now: Change) -> Written:
            now.describe_user(now.texts([user], "user")[0], attributes or {})
            return Written(now.seq, 0)

        return self._once(None, (), change)

    def importing(self, given: Ratings, on_rows: OnRows = ignored) -> int:
        """Writes many ratings, with the attributes of their users and items; returns how many.

        They are committed in batches, so that other writers need not wait, and the memory does not
        depend on their number. An interrupted import can be repeated. An existing rating with a
        later time is kept.

        Raises:
            DataError: an id is text, and the ids of the store are integers.
            StoreUnavailable: it ended early.
        """
        from recsys.store.database.bulk import write_all

        return write_all(self._engine, self._kinds, given, on_rows)

    def _first_time(self, now: Change, user: Id, adopt: Sequence[Rating] | None) -> int:
        # Whether a person is new to the store, who then brings their history with them.
        (text,) = now.texts([user], "user")
        new = now.know_users([text])
        if new and adopt and not now.was_forgotten(text):
            now.rate([UserRating(user, *one) for one in adopt], known_before=True)
        return new

    def _once(
        self, key: str | None, request: tuple[Any, ...], change: Callable[[Change], Written]
    ) -> Written:
        digest = "" if key is None else idempotency.digest_of(*request)
        with changing(self._engine, self._kinds) as now:
            if key is None:
                return change(now)
            before = idempotency.answered(now.connection, key, digest)
            if before is not None:
                now.undo()
                return Written(**before)
            found = change(now)
            idempotency.keep(now.connection, key, digest, found.to_dict(), now.now)
            return found

    # Forgetting

    def forget(self, user: Id, by: str | None = None) -> int:
        """Forgets a user: deletes their ratings, lists and feedback.

        A tombstone stays, because previously trained models have the user, and a line in the audit
        log, with a salted hash in place of the id.

        Args:
            user: id.
            by: who requested it, for the audit log.

        Returns:
            How many ratings were deleted.
        """
        with changing(self._engine, self._kinds) as now:
            (text,) = now.texts([user], "user")
            n = forgetting.forget(now.connection, text, by)
        if self._engine.dialect.name == "sqlite":
            self._checkpoint()
        return n

    def _checkpoint(self) -> None:
        # So that the write-ahead log does not keep what was deleted. It waits for nobody: if
        # another connection reads, the log is emptied later.
        with trouble(self._engine.url), self._engine.connect() as connection:
            driver = connection.connection.driver_connection
            if driver is not None:
                driver.execute("PRAGMA busy_timeout = 0")
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                driver.execute(f"PRAGMA busy_timeout = {WAIT_S * 1000}")

    def drop_tombstones(self, before: float) -> int:
        """Deletes tombstones from before a time, when no model from before it is left."""
        with writing(self._engine) as connection:
            return forgetting.tombstones_before(connection, before)

    # Traffic

    def served(self, lists: Sequence[Served]) -> None:
        """Records served lists. Many at once cost hardly more than one."""
        with writing(self._engine) as connection:
            traffic.keep_served(connection, lists)

    def feedback(
        self,
        served_id: str,
        item: Id,
        action: str,
        value: float | None = None,
        time: float | None = None,
    ) -> None:
        """Records what a user did with an item of a list: click, rating or dismiss.

        Raises:
            ArgumentError: there is no such action.
            UnknownIdError: there is no such list, or the item is not on it.
        """
        with writing(self._engine) as connection:
            traffic.keep_feedback(connection, served_id, item, action, value, time)

    # Work that only one may do

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """A lock between processes that ends with the block.

        Raises:
            StoreBusy: another process has it.
        """
        with locked(self._engine, name):
            yield


def _too_new(engine: Engine, found: str) -> StoreError:
    return StoreError(
        f"{shown(engine.url)}: a store of version {found}, but this recsys only supports versions "
        f"up to {VERSION}; install a newer recsys"
    )
