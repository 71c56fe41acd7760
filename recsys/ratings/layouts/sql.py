"""Databases: a table or a query of SQLite or PostgreSQL with a row per rating.

SQLAlchemy is imported when a database is read.
"""

from __future__ import annotations

import os
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

from recsys.errors import DataError
from recsys.ratings.item_tables import normalized
from recsys.ratings.layout import ItemFiles, Layout, is_file
from recsys.ratings.raw import RawRatings
from recsys.ratings.source import Source

if TYPE_CHECKING:
    import pandas as pd

_ADDRESS = re.compile(r"(sqlite|postgres(ql)?)(\+\w+)?://", re.I)
_SQLITE = b"SQLite format 3\0"  # how such a file begins


def is_database(location: str) -> bool:
    """Whether this is the address of a database, or a file of SQLite."""
    if not os.path.isfile(location):  # as a pipe, which could not be read again
        return _ADDRESS.match(location) is not None
    with open(location, "rb") as stream:
        return stream.read(len(_SQLITE)) == _SQLITE


def read(location: str, source: Source) -> RawRatings:
    """See `Layout.read`.

    Raises:
        ArgumentError: the address is none.
        StoreUnavailable: the database cannot be reached.
    """
    raw: RawRatings = _query().read(_url(location), source)
    return raw


def read_items(location: str) -> pd.DataFrame:
    """The items in the table `items` or `movies`."""
    query = _query()
    return normalized(query.described(_url(location), query.ITEM_TABLES))


def read_users(location: str) -> pd.DataFrame | None:
    """The table `users`; None if it says nothing of them."""
    query = _query()
    if not query.tables(_url(location), query.USER_TABLES):
        return None
    found: pd.DataFrame = query.described(_url(location), query.USER_TABLES)
    return found if len(found.columns) > 1 else None


def _item_tables(location: str) -> list[str]:
    # A table of this name without ids and titles is about something else.
    query = _query()
    if not query.tables(_url(location), query.ITEM_TABLES):
        return []
    try:
        return [location] if len(read_items(location).columns) > 1 else []
    except DataError:
        return []


def _query() -> Any:
    import_module("recsys.ratings.databases")  # says what is missing, where the next would fail
    return import_module("recsys.ratings.query")


def _url(location: str) -> str:
    return f"sqlite:///{location}" if is_file(location) else location


LAYOUT = Layout(
    name="SQL",
    priority=5,
    matches=is_database,
    read=read,
    item_files=_item_tables,
    items=ItemFiles(files=(), matches=is_database, read=read_items),
    users=read_users,
)
