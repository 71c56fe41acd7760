"""INSERT ... ON CONFLICT, which SQLite and PostgreSQL write alike."""

from __future__ import annotations

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert(connection: Connection, table: Table) -> sqlite.Insert:
    """An INSERT with `on_conflict_do_nothing` and `on_conflict_do_update`."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)  # type: ignore[return-value]  # of the same methods


def upsert(connection: Connection, table: Table, *changed: str) -> sqlite.Insert:
    """An INSERT that replaces these columns of a row with the same primary key."""
    made = insert(connection, table)
    keys = [column.name for column in table.primary_key]
    values = {name: made.excluded[name] for name in changed}
    return made.on_conflict_do_update(index_elements=keys, set_=values)
