"""Parquet files with a column for each role."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from recsys.errors import DataError
from recsys.ratings.columns import LARGEST, assign_roles, first_line
from recsys.ratings.item_tables import normalized
from recsys.ratings.layout import ItemFiles, Layout, named
from recsys.ratings.raw import RawRatings, taken_from
from recsys.ratings.source import Source
from recsys.ratings.times import times_as_seconds


def read(file: str, source: Source) -> RawRatings:
    """See `Layout.read`.

    Raises:
        DataError: the file is damaged, a column has the wrong type, or a value is missing.
    """
    try:
        names = pa.parquet.read_schema(file).names
        roles = assign_roles(names, source.columns, file)
        table = pa.parquet.read_table(file, columns=list(roles.values()))
    except pa.ArrowMemoryError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file}: not a readable Parquet file ({first_line(error)})") from None
    if not table.num_rows:
        raise DataError(f"{file}: the file holds no ratings")
    columns: dict[str, Any] = {}
    for role, name in roles.items():
        column = table.column(name)
        if column.null_count:
            row = int(np.flatnonzero(column.is_null().to_numpy())[0])
            raise DataError(f"{file}, row {row}: {name!r} is missing")
        columns[role] = _typed(column, role, name, file, source)
    unused = tuple(name for name in names if name not in roles.values())
    return RawRatings(columns, taken_from(roles, columns), unused)


def _typed(column: pa.ChunkedArray, role: str, name: str, file: str, source: Source) -> Any:
    try:
        if role in ("user", "item"):
            return _ids(column)
        if role == "timestamp":
            return times_as_seconds(column.to_pandas().rename(name), source.date_format)
        values = column.cast(pa.float64()).to_numpy()
    except DataError as error:
        raise DataError(f"{file}, {error}") from None
    except pa.ArrowMemoryError:
        raise
    except pa.ArrowException:
        belongs = "whole numbers of 64 bits or text" if role in ("user", "item") else "numbers"
        raise DataError(f"{file}: column {name!r} is {column.type}, not {belongs}") from None
    bad = ~(np.abs(values) <= LARGEST)  # also true for NaN
    if bad.any():
        row = int(bad.argmax())
        raise DataError(f"{file}, row {row}: {name!r} is {values[row]}, not a finite number")
    return values.astype(np.float32)


def _ids(column: pa.ChunkedArray) -> Any:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_integer(column.type):
        return column.cast(pa.int64())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return column
    return column.to_numpy()


LAYOUT = Layout(
    name="Parquet",
    priority=40,
    files=("ratings.parquet",),
    matches=named("*.parquet", "*.pq"),
    read=read,
    items=ItemFiles(
        files=("movies.parquet",),
        matches=named("*.parquet", "*.pq"),
        read=lambda file: normalized(pd.read_parquet(file)),
    ),
)
