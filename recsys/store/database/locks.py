"""Locks between processes, for work that only one may do at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, text

from recsys.errors import ArgumentError, StoreBusy
from recsys.files import claimed
from recsys.ratings.databases import trouble


@contextmanager
def locked(engine: Engine, name: str) -> Iterator[None]:
    """A lock that ends with the block, or with the process.

    PostgreSQL: an advisory lock of the session. SQLite: a lock on a file next to the database.

    Raises:
        StoreBusy: another process, or another block of this one, has it.
    """
    if not name.replace("-", "").isalnum():
        raise ArgumentError(
            f"the name of a lock must have only letters, digits and -, not {name!r}"
        )
    busy = StoreBusy(f"{name} is already running; wait until it has ended")
    if engine.dialect.name == "sqlite":
        file = Path(str(engine.url.database)).absolute()

        def refuse() -> None:
            raise busy

        with claimed(file.with_name(f"{file.name}.{name}.lock"), refuse) as claim:
            claim.keep = False
            yield
        return
    number = int.from_bytes(hashlib.sha256(f"recsys {name}".encode()).digest()[:8], signed=True)
    with trouble(engine.url), engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        asked = connection.execute(text("SELECT pg_try_advisory_lock(:number)"), {"number": number})
        if not asked.scalar():
            raise busy
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": number})
