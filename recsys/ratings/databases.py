"""Addresses of databases, and their errors in one line that has no password in it."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from recsys.errors import ArgumentError, StoreError, StoreUnavailable
from recsys.files import expanded
from recsys.provenance import without_passwords
from recsys.ratings.columns import first_line

if find_spec("sqlalchemy") is None:
    raise ArgumentError('databases need SQLAlchemy; install it with pip install "recsys-mf[sql]"')

from sqlalchemy import URL, Connection, Engine, inspect, make_url, text
from sqlalchemy import exc as errors

WAIT_S = 10
"""How long a write waits for another one, and a connection for a server, in seconds."""

_EXPECTED = "sqlite:///FILE or postgresql://USER@HOST/DATABASE"
_DAMAGED = ("not a database", "malformed", "file is encrypted")
_LOCKED_OR_FULL = re.compile(
    r"full|locked|busy|readonly|read-only|I/O error|no space|unable to open", re.I
)


def address(url: str) -> URL:
    """The address of a database, with the driver that is used here.

    Raises:
        ArgumentError: it is none, or of a database that is not supported, or a driver is missing.
    """
    try:
        found = make_url(url)
    except errors.ArgumentError:
        raise ArgumentError(f"a database is {_EXPECTED}, not {without_passwords(url)!r}") from None
    backend = found.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise ArgumentError(f"a database is {_EXPECTED}, not {without_passwords(url)!r}")
    if backend == "sqlite":
        if found.database in (None, "", ":memory:"):
            raise ArgumentError("SQLite needs a file: sqlite:///ratings.db")
        return found.set(drivername="sqlite", database=str(expanded(str(found.database))))
    if find_spec("psycopg") is None:
        raise ArgumentError(
            'PostgreSQL needs psycopg; install it with pip install "recsys-mf[sql]"'
        )
    return found.set(drivername="postgresql+psycopg")


def without_log_of_interruptions(engine: Engine) -> Engine:
    """The engine itself, whose pool no longer logs a Ctrl-C while a connection closes.

    It is raised as well, and ends the command with one line.
    """
    logger = engine.pool.logger
    if isinstance(logger, logging.Logger):  # it is another class where Python code asked for a log
        logger.addFilter(_is_no_interruption)
    return engine


def _is_no_interruption(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, KeyboardInterrupt)


def shown(url: URL) -> str:
    """The address for messages, without its password.

    >>> shown(address("postgresql://ann:secret@host/db"))
    'postgresql://ann:PASSWORD@host/db'
    """
    plain = url.set(drivername=url.get_backend_name())
    return without_passwords(plain.render_as_string(hide_password=False))


def version_of(connection: Connection) -> str | None:
    """The version of the ratings store in a database; None where there is none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


@contextmanager
def trouble(url: URL) -> Iterator[None]:
    """Turns errors of SQLAlchemy into StoreErrors that name the database.

    Raises:
        StoreUnavailable: the database cannot be reached, is locked, or has no room.
        StoreError: it is damaged, or refuses what was asked.
    """
    try:
        yield
    except errors.TimeoutError:
        raise StoreUnavailable(
            f"{shown(url)}: all connections are in use for {WAIT_S} s; try again"
        ) from None
    except errors.DBAPIError as error:  # of the database; any other error of SQLAlchemy is a bug
        raise _translated(url, error) from None


def _translated(url: URL, error: errors.DBAPIError) -> StoreError:
    where, said = shown(url), without_passwords(first_line(error.orig))
    if any(sign in said for sign in _DAMAGED):
        return StoreError(f"{where}: not a database, or a damaged one ({said})")
    if "unable to open database file" in said:
        folder = os.path.dirname(os.path.abspath(str(url.database)))
        said = f"cannot be opened; is {folder} a folder that can be written to?"
        return StoreUnavailable(f"{where}: {said}")
    # SQLite calls a mistake in a query an operational error, too.
    served = url.get_backend_name() != "sqlite"
    lost = served and isinstance(error, errors.OperationalError | errors.InterfaceError)
    if lost or error.connection_invalidated or _LOCKED_OR_FULL.search(said):
        return StoreUnavailable(f"{where}: not available now ({said}); try again")
    return StoreError(f"{where}: {said}")
