"""Many ratings at once, in pieces that are committed one by one."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
from sqlalchemy import Connection, Engine, Index, inspect, select

from recsys.errors import ArgumentError, DataError
from recsys.ids import IdIndex
from recsys.ratings.ratings import Ratings
from recsys.store.database.changes import Change, changing
from recsys.store.database.engine import reading, writing
from recsys.store.database.kinds import Kinds, Side
from recsys.store.database.records import OnRows
from recsys.store.database.schema import items, meta, ratings, users
from recsys.store.database.upsert import insert_new, upsert

PIECE = 100_000
"""Ratings in one transaction."""
MANY = 1_000_000
"""Ratings from which on the indexes of an empty store are made at the end."""
_CACHE_KB = 256 * 1024

_COLUMNS = "user_id, item_id, rating, time, seq"
# What came later stays.
_MERGE = (
    "ON CONFLICT (user_id, item_id) DO UPDATE SET rating = excluded.rating, time = excluded.time, "
    "seq = excluded.seq WHERE ratings.time IS NULL OR excluded.time >= ratings.time"
)


def write_all(engine: Engine, kinds: Kinds, given: Ratings, on_rows: OnRows) -> int:
    """Writes ratings with what is known of their users and items; returns how many.

    A rating that is there and has a later time, or has a time where the new one has none, stays.
    """
    with changing(engine, kinds) as now:
        _decide(now, given.users, "user")
        _decide(now, given.items, "item")
        if given.account is not None and "rating" in given.account.columns:
            name = {"key": "values", "value": given.account.columns["rating"].name}
            now.connection.execute(insert_new(now.connection, meta), name)
        _describe(now, given)
        if given.n_ratings >= MANY and _is_empty(now):
            _drop_indexes(now)
    ids = [np.array(texts_of(index), dtype=object) for index in (given.users, given.items)]
    written = 0
    for first in range(0, given.n_ratings, PIECE):
        table = _table(given, first, min(first + PIECE, given.n_ratings), *ids)
        with changing(engine, kinds) as now:
            _merge(now, table)
        written += table.num_rows
        on_rows(written, given.n_ratings)
    make_indexes(engine)
    return written


def make_indexes(engine: Engine) -> None:
    """Makes the indexes of the ratings that are not there; an import that was killed has none."""
    with reading(engine) as connection:
        missing = _missing(connection)
    if missing:
        with writing(engine) as connection:
            for index in missing:
                index.create(connection, checkfirst=True)


def _missing(connection: Connection) -> list[Index]:
    there = {one["name"] for one in inspect(connection).get_indexes(ratings.name)}
    return [index for index in ratings.indexes if index.name not in there]


def _drop_indexes(now: Change) -> None:
    # Making an index at the end takes less time than adding each row to it.
    for index in ratings.indexes:
        index.drop(now.connection, checkfirst=True)


def _is_empty(now: Change) -> bool:
    return now.connection.execute(select(ratings.c.seq).limit(1)).first() is None


def _decide(now: Change, index: IdIndex, side: Side) -> None:
    now.kinds.decide(now.connection, side, index.is_integer)
    try:
        for one in index.ids[:1] if index.is_integer else index.ids:
            now.kinds.text(one, side)
    except ArgumentError as error:
        raise DataError(str(error)) from None


def texts_of(index: IdIndex) -> list[str]:
    """The ids of an index as text."""
    return [str(one) for one in index.ids.tolist()]


def _table(given: Ratings, first: int, last: int, user_ids: Any, item_ids: Any) -> pa.Table:
    matrix = given.matrix
    rows = np.searchsorted(matrix.indptr, np.arange(first, last), side="right") - 1
    values = matrix.data[first:last] if given.has_values else np.full(last - first, np.nan)
    times = np.full(last - first, np.nan)
    if given.timestamps is not None:
        times = given.timestamps[first:last]
    return pa.table(
        {
            "user_id": pa.array(user_ids[rows], pa.string()),
            "item_id": pa.array(item_ids[matrix.indices[first:last]], pa.string()),
            "rating": pa.array(values, pa.float32(), from_pandas=True),
            "time": pa.array(times, pa.float64(), from_pandas=True),
        }
    )


def _merge(now: Change, table: pa.Table) -> None:
    if now.connection.dialect.name == "sqlite":
        columns = [table.column(name).to_pylist() for name in table.column_names]
        rows = list(zip(*columns, [now.seq] * table.num_rows, strict=True))
        statement = f"INSERT INTO ratings ({_COLUMNS}) VALUES (?, ?, ?, ?, ?) {_MERGE}"
        with _large_cache(now):
            now.connection.exec_driver_sql(statement, rows)
        return
    # Where there are no ratings yet, there is nothing to merge with; other writers wait for the
    # number of this change, so that none comes between.
    empty = _is_empty(now)
    target = "ratings" if empty else "arriving"
    if not empty:
        now.connection.exec_driver_sql("CREATE TEMP TABLE arriving (LIKE ratings) ON COMMIT DROP")
    table = table.append_column("seq", pa.array(np.full(table.num_rows, now.seq)))
    text = io.BytesIO()
    pa.csv.write_csv(table, text, pa.csv.WriteOptions(include_header=False))
    cursor: Any = now.connection.connection.cursor()
    with cursor.copy(f"COPY {target} ({_COLUMNS}) FROM STDIN (FORMAT csv)") as copy:
        copy.write(text.getbuffer())
    if not empty:
        now.connection.exec_driver_sql(
            f"INSERT INTO ratings ({_COLUMNS}) SELECT {_COLUMNS} FROM arriving {_MERGE}"
        )


@contextmanager
def _large_cache(now: Change) -> Iterator[None]:
    # The index of items is written everywhere at once.
    before = now.connection.exec_driver_sql("PRAGMA cache_size").scalar()
    now.connection.exec_driver_sql(f"PRAGMA cache_size = -{_CACHE_KB}")
    yield
    now.connection.exec_driver_sql(f"PRAGMA cache_size = {before}")


def _describe(now: Change, given: Ratings) -> None:
    # Items and users with what the tables say of them, those without ratings included. What the
    # store knows stays where the tables say nothing.
    given = given.with_unrated()
    for index, about, table, changed in (
        (given.users, given.user_table, users, ("attributes",)),
        (given.items, given.item_table, items, ("title", "attributes", "seq")),
    ):
        facts = about.astype(object).where(about.notna(), None).to_dict("records")
        facts = facts or [{}] * len(about)  # pandas 2.2 has no records without columns
        rows = [_row(one, known, now) for one, known in zip(texts_of(index), facts, strict=True)]
        known = [row for row in rows if row["attributes"] or row["title"]]
        bare = [row for row in rows if not (row["attributes"] or row["title"])]
        names = [column.name for column in table.columns]
        for some, statement in (
            (known, upsert(now.connection, table, *changed)),
            (bare, insert_new(now.connection, table)),
        ):
            for start in range(0, len(some), PIECE):
                part = [{n: row[n] for n in names} for row in some[start : start + PIECE]]
                now.connection.execute(statement, part)


def _row(one_id: str, facts: Mapping[Any, Any], now: Change) -> dict[str, Any]:
    plain = {
        str(name): _plain(value)
        for name, value in facts.items()
        if value is not None and name != "title"
    }
    title = facts.get("title")
    return {
        "id": one_id,
        "title": None if title is None else _plain(str(title)),
        "attributes": plain or None,
        "added": now.now,
        "seq": now.seq,
    }


def _plain(value: Any) -> Any:
    # What every database takes as JSON.
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    if isinstance(value, np.ndarray):
        return [_plain(one) for one in value.tolist()]
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    finite = isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value))
    return value if finite or isinstance(value, list) else str(value)
