"""`NearReader`: short questions to an SQLite file, without the cost of a pooled connection."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Engine, PoolProxiedConnection, Select


class NearReader:
    """Answers with a connection for each thread, past the pool and its transactions.

    It never has a transaction open between two questions, so that it sees every commit and nobody
    waits for it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._own = threading.local()
        self._all: list[tuple[threading.Thread, PoolProxiedConnection]] = []
        self._lock = threading.Lock()
        self._sql: dict[Any, str] = {}

    def rows(self, asked: Select[*tuple[Any, ...]], *values: str) -> Sequence[Any] | None:
        """The rows of a question with its parameters in order; None where SQLite has an error.

        The same question to the engine raises it, in words.
        """
        sql = self._sql.get(asked)
        if sql is None:
            sql = self._sql[asked] = str(asked.compile(dialect=self._engine.dialect))
        connection = getattr(self._own, "connection", None)
        try:
            if connection is None:
                connection = self._connected()
            found: Sequence[Any] = connection.execute(sql, values).fetchall()
        except sqlite3.Error:
            self._own.connection = None
            return None
        return found

    def close(self) -> None:
        """Closes the connections of all threads; they connect again when they ask."""
        with self._lock:
            gone, self._all = self._all, []
        for _, connection in gone:
            connection.close()

    def _connected(self) -> sqlite3.Connection:
        # With the settings of the engine. Those of threads that have ended are closed.
        pooled = self._engine.raw_connection()
        connection: Any = pooled.driver_connection
        pooled.detach()
        with self._lock:
            ended = [one for thread, one in self._all if not thread.is_alive()]
            self._all = [pair for pair in self._all if pair[0].is_alive()]
            self._all.append((threading.current_thread(), pooled))
        for one in ended:
            one.close()
        self._own.connection = connection
        return cast("sqlite3.Connection", connection)
