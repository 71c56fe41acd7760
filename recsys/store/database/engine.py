"""Connections to a database, with the settings that make an acknowledged write a durable one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import URL, Connection, Engine, create_engine, event

from recsys.errors import StoreUnavailable
from recsys.ratings.databases import WAIT_S, shown, trouble, without_log_of_interruptions

_turns: WeakKeyDictionary[Engine, threading.Lock] = WeakKeyDictionary()
_SYNCHRONOUS = ("OFF", "NORMAL", "FULL", "EXTRA")


def connect(url: URL, pool_size: int = 16) -> Engine:
    """An engine whose commits return when what was written is on the disk.

    SQLite: write-ahead log, which is synced at every commit (synchronous=FULL). PostgreSQL:
    synchronous_commit is on, whatever the server's default.
    """
    options: dict[str, Any] = {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": WAIT_S}
    if url.get_backend_name() == "sqlite":
        engine = _made(url, connect_args={"timeout": WAIT_S}, **options)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        _turns[engine] = threading.Lock()
        return engine
    arguments = {"connect_timeout": WAIT_S} if "connect_timeout" not in url.query else {}
    engine = _made(url, pool_pre_ping=True, connect_args=arguments, **options)
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _made(url: URL, **options: Any) -> Engine:
    return without_log_of_interruptions(create_engine(url, **options))


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA secure_delete = ON")  # what is forgotten is overwritten
    cursor.close()


def use_write_ahead_log(engine: Engine) -> None:
    """Has SQLite keep a write-ahead log from now on, so that nobody waits for who reads.

    A database that may turn out to be something else is not changed by opening it.
    """
    if engine.dialect.name != "sqlite":
        return
    until = time.monotonic() + WAIT_S
    while True:
        # The mode cannot change while somebody writes, and SQLite does not wait for them here.
        try:
            with trouble(engine.url), engine.connect().execution_options(begin="") as connection:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            return
        except StoreUnavailable:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    begin = connection.get_execution_options().get("begin", "BEGIN")
    if begin:
        connection.exec_driver_sql(begin)


def _prepare_postgresql(connection: Any, _: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
        cursor.execute(f"SET lock_timeout = '{WAIT_S}s'")
        cursor.execute("SET timezone = 'UTC'")
    connection.commit()


def durability(connection: Connection) -> str:
    """What happens before a write is acknowledged, as the database says it."""
    if connection.dialect.name == "sqlite":
        level = connection.exec_driver_sql("PRAGMA synchronous").scalar()
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
        return f"journal_mode={mode}, synchronous={_SYNCHRONOUS[int(level or 0)]}"
    names = "fsync", "synchronous_commit"
    values = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names]
    return ", ".join(f"{name}={value}" for name, value in zip(names, values, strict=True))


@contextmanager
def reading(engine: Engine, snapshot: bool = False) -> Iterator[Connection]:
    """A connection that only reads.

    Args:
        engine: of the database.
        snapshot: whether all that is read is of one moment. Without it, PostgreSQL is spared
            the two messages that begin and end a transaction.
    """
    with trouble(engine.url), engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            level = "REPEATABLE READ" if snapshot else "AUTOCOMMIT"
            connection = connection.execution_options(isolation_level=level)
        yield connection


@contextmanager
def _turn(engine: Engine) -> Iterator[None]:
    # SQLite has waiting writers ask again and again, with pauses of up to 0.1 s. The threads of
    # one process take turns without.
    turn = _turns.get(engine)
    if turn is None:
        yield
        return
    if not turn.acquire(timeout=WAIT_S):
        raise StoreUnavailable(f"{shown(engine.url)}: locked for {WAIT_S} s; try again")
    try:
        yield
    finally:
        turn.release()


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes; when the block has ended, what it wrote is on the disk."""
    with (
        trouble(engine.url),
        _turn(engine),
        # A transaction that reads first and then writes may find that it cannot have the lock any
        # more; one that will write takes it at once, and waits for it.
        engine.connect().execution_options(begin="BEGIN IMMEDIATE") as connection,
        connection.begin(),
    ):
        yield connection
