"""Connections to a database, with the settings that make an acknowledged write a durable one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import (
    ArgumentError as BadAddress,
)
from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.exc import (
    TimeoutError as PoolTimeout,
)

from recsys.errors import ArgumentError, StoreError, StoreUnavailable
from recsys.provenance import without_passwords
from recsys.ratings.columns import first_line

WAIT_S = 10
"""How long a write waits for another one, and a connection for a server, in seconds."""

_EXPECTED = "sqlite:///FILE or postgresql://USER@HOST/DATABASE"
_DAMAGED = ("not a database", "malformed", "file is encrypted")
_NO_ROOM_OR_LOCKED = re.compile(r"full|locked|busy|readonly|read-only|I/O error|no space", re.I)


def address(url: str) -> URL:
    """The address of a database, with the driver that is used here.

    Raises:
        ArgumentError: it is none, or of a database that is not supported.
    """
    try:
        found = make_url(url)
    except BadAddress:
        raise ArgumentError(f"a store is {_EXPECTED}, not {without_passwords(url)!r}") from None
    backend = found.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise ArgumentError(f"a store is {_EXPECTED}, not {without_passwords(url)!r}")
    if backend == "sqlite" and found.database in (None, "", ":memory:"):
        raise ArgumentError("a store in SQLite needs a file: sqlite:///ratings.db")
    if backend == "postgresql":
        return found.set(drivername="postgresql+psycopg")
    return found.set(drivername="sqlite")


def shown(url: URL) -> str:
    """The address for messages, without its password.

    >>> shown(address("postgresql://ann:secret@host/db"))
    'postgresql://ann:PASSWORD@host/db'
    """
    plain = url.set(drivername=url.get_backend_name())
    return without_passwords(plain.render_as_string(hide_password=False))


def connect(url: URL, pool_size: int = 16) -> Engine:
    """An engine whose commits return when what was written is on the disk.

    SQLite: write-ahead log, which is synced at every commit (synchronous=FULL). PostgreSQL:
    synchronous_commit is on, whatever the server's default.

    Raises:
        ArgumentError: the driver is not installed.
    """
    options: dict[str, Any] = {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": WAIT_S}
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": WAIT_S}, **options)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    arguments = {"connect_timeout": WAIT_S} if "connect_timeout" not in url.query else {}
    try:
        engine = create_engine(url, pool_pre_ping=True, connect_args=arguments, **options)
    except (ModuleNotFoundError, ImportError, NoSuchModuleError):
        raise ArgumentError(
            'PostgreSQL needs psycopg; install it with pip install "recsys-mf[sql]"'
        ) from None
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA secure_delete = ON")  # what is forgotten is overwritten
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and then writes may find that it cannot have the lock any
    # more; one that will write takes it at once, and waits for it.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare_postgresql(connection: Any, _: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
        cursor.execute(f"SET lock_timeout = '{WAIT_S}s'")
        cursor.execute("SET timezone = 'UTC'")
    connection.commit()


def version_of(connection: Connection) -> str | None:
    """The version of the tables; None where there is no store."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads."""
    with trouble(engine.url), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes; when the block has ended, what it wrote is on the disk."""
    with (
        trouble(engine.url),
        engine.connect().execution_options(writes=True) as connection,
        connection.begin(),
    ):
        yield connection


@contextmanager
def trouble(url: URL) -> Iterator[None]:
    """Turns errors of SQLAlchemy into StoreErrors that name the database.

    Raises:
        StoreUnavailable: the database cannot be reached, is locked, or has no room.
        StoreError: it is damaged, or refuses what was asked.
    """
    try:
        yield
    except PoolTimeout:
        raise StoreUnavailable(
            f"{shown(url)}: all connections are in use for {WAIT_S} s; try again"
        ) from None
    except DBAPIError as error:  # of the database; any other error of SQLAlchemy is a bug
        raise _translated(url, error) from None


def _translated(url: URL, error: DBAPIError) -> StoreError:
    where = shown(url)
    said = without_passwords(first_line(error.orig))
    if any(sign in said for sign in _DAMAGED):
        return StoreError(f"{where}: not a database, or a damaged one ({said})")
    unknown = isinstance(error, ProgrammingError) and "does not exist" in said
    if unknown or "no such table" in said:
        return StoreError(f"{where}: not a ratings store ({said})")
    if "unable to open database file" in said:
        folder = os.path.dirname(os.path.abspath(str(url.database)))
        return StoreUnavailable(f"{where}: cannot be opened; is {folder} there and writable?")
    lost = error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
    if lost or _NO_ROOM_OR_LOCKED.search(said):
        return StoreUnavailable(f"{where}: not available now ({said}); try again")
    return StoreError(f"{where}: {said}")
