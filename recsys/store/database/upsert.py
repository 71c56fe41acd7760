"""INSERT ... ON CONFLICT, which SQLite and PostgreSQL write alike.

Statements are made once: making one takes longer than SQLite takes to run it.
"""

from __future__ import annotations

from functools import cache

from sqlalchemy import Connection, Executable, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(connection: Connection, table: Table) -> Executable:
    """An INSERT that leaves rows with the same primary key as they are, and does not count them."""
    return _insert_new(connection.dialect.name, table)


def upsert(connection: Connection, table: Table, *changed: str) -> Executable:
    """An INSERT that replaces these columns of a row with the same primary key."""
    return _upsert(connection.dialect.name, table, changed)


@cache
def _insert_new(dialect: str, table: Table) -> Executable:
    made = _insert(dialect, table).on_conflict_do_nothing()
    return made.execution_options(preserve_rowcount=True)


@cache
def _upsert(dialect: str, table: Table, changed: tuple[str, ...]) -> Executable:
    made = _insert(dialect, table)
    keys = [column.name for column in table.primary_key]
    values = {name: made.excluded[name] for name in changed}
    return made.on_conflict_do_update(index_elements=keys, set_=values)


def _insert(dialect: str, table: Table) -> sqlite.Insert:
    if dialect == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)  # type: ignore[return-value]  # of the same methods
