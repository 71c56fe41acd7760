"""A store as files that `read_ratings` reads: ratings, items and users."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from sqlalchemy import Connection, Table, select

from recsys.files import replacing
from recsys.store.database.kinds import Kinds
from recsys.store.database.records import OnRows, described
from recsys.store.database.schema import items, ratings, users

FORMATS = ("csv", "parquet")
_CHUNK = 100_000


def write_files(
    connection: Connection, kinds: Kinds, folder: Path, to: str, on_rows: OnRows
) -> list[Path]:
    """Writes `ratings`, `items` and `users` in a format, and returns the files.

    The memory does not depend on the number of ratings. Columns that hold nothing are left out.
    """
    target = folder / f"ratings.{to}"
    schema = _schema(connection, kinds)
    with _writer(target, schema, to) as writer:
        written = 0
        for table in _tables(connection, kinds, schema):
            writer.write_table(table)
            written += table.num_rows
            on_rows(written, None)
    made = [target]
    for table, name in ((items, "item_id"), (users, "user_id")):
        about = _about(connection, kinds, table, name)
        if len(about.columns) > 1:
            made.append(folder / f"{table.name}.{to}")
            frame = pa.Table.from_pandas(about, preserve_index=False)
            with _writer(made[-1], frame.schema, to) as writer:
                writer.write_table(frame)
    return made


def _schema(connection: Connection, kinds: Kinds) -> pa.Schema:
    def some(column: Any) -> bool:
        return (
            connection.execute(select(column).where(column.is_not(None)).limit(1)).first()
            is not None
        )

    fields = [
        pa.field(f"{side}_id", pa.int64() if kinds.is_integer(side) else pa.string())
        for side in ("user", "item")
    ]
    if some(ratings.c.rating):
        fields.append(pa.field("rating", pa.float32()))
    if some(ratings.c.time):
        fields.append(pa.field("timestamp", pa.float64()))
    return pa.schema(fields)


def _tables(connection: Connection, kinds: Kinds, schema: pa.Schema) -> Iterator[pa.Table]:
    rows = select(ratings.c.user_id, ratings.c.item_id, ratings.c.rating, ratings.c.time)
    streamed = connection.execution_options(stream_results=True, max_row_buffer=_CHUNK)
    for part in streamed.execute(rows).partitions(_CHUNK):
        user, item, rating, time = zip(*part, strict=True)
        columns = {
            "user_id": kinds.ids(user, "user"),
            "item_id": kinds.ids(item, "item"),
            "rating": rating,
            "timestamp": time,
        }
        yield pa.table({one.name: pa.array(columns[one.name], one.type) for one in schema})


def _about(connection: Connection, kinds: Kinds, table: Table, name: str) -> pd.DataFrame:
    rows = connection.execute(select(table).order_by(table.c.id)).mappings().all()
    ids = kinds.ids([row["id"] for row in rows], "item" if table is items else "user")
    return described(name, ids, [dict(row) for row in rows]).dropna(axis="columns", how="all")


@contextmanager
def _writer(path: Path, schema: pa.Schema, to: str) -> Iterator[Any]:
    with replacing(path) as stream, _format(stream, schema, to) as writer:
        yield writer


def _format(stream: BinaryIO, schema: pa.Schema, to: str) -> Any:
    return pq.ParquetWriter(stream, schema) if to == "parquet" else pa.csv.CSVWriter(stream, schema)
