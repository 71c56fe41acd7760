"""From the columns of an Arrow table to the arrays that each role needs."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from recsys.errors import DataError
from recsys.ratings.columns import LARGEST, first_line
from recsys.ratings.frames import times_as_seconds
from recsys.ratings.raw import RawRatings, taken_from


def as_arrow(table: Any) -> pa.Table | None:
    """The Arrow table of anything with the Arrow PyCapsule interface; None for other objects.

    A DataFrame of pandas is left to pandas, which knows more of its types.

    Raises:
        DataError: it exports something that is not a table.
    """
    if isinstance(table, pd.DataFrame) or not hasattr(table, "__arrow_c_stream__"):
        return None
    with arrow_errors("the table", "not a readable table"):
        try:
            return pa.table(table)
        except TypeError as error:
            raise DataError(f"the table cannot be read ({first_line(error)})") from None


@contextmanager
def arrow_errors(where: str, what: str) -> Iterator[None]:
    """Turns Arrow's errors into a DataError `where: what (reason)`; no memory is a MemoryError."""
    try:
        yield
    except MemoryError:  # which pa.ArrowMemoryError is, too
        raise
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOMEM:
            raise MemoryError(first_line(error)) from None
        raise DataError(f"{where}: {what} ({first_line(error)})") from None


def raw_of_table(
    table: pa.Table, roles: Mapping[str, str], where: str, unused: tuple[str, ...] | None = None
) -> RawRatings:
    """The ratings in a table.

    Args:
        table: a row per rating.
        roles: role → column.
        where: name of the data, for messages.
        unused: other columns of the source; by default those of the table.

    Raises:
        DataError: there are no rows, a column has the wrong type, or a value is missing.
    """
    if not table.num_rows:
        raise DataError(f"{where} holds no ratings")
    columns: dict[str, Any] = {}
    for role, name in roles.items():
        column = table.column(name)
        if column.null_count:
            row = int(np.flatnonzero(column.is_null().to_numpy())[0])
            raise DataError(f"{where}, row {row}: {name!r} is missing")
        columns[role] = _typed(column, role, name, where)
    if unused is None:
        unused = tuple(name for name in table.column_names if name not in roles.values())
    return RawRatings(columns, taken_from(roles, columns), unused)


def _typed(column: pa.ChunkedArray, role: str, name: str, where: str) -> Any:
    try:
        if role in ("user", "item"):
            return _ids(column)
        if role == "timestamp":
            return times_as_seconds(column.to_pandas().rename(name))
        values = column.cast(pa.float64()).to_numpy()
    except DataError as error:
        raise DataError(f"{where}, {error}") from None
    except MemoryError:
        raise
    except pa.ArrowException:
        belongs = "whole numbers of 64 bits or text" if role in ("user", "item") else "numbers"
        raise DataError(f"{where}: column {name!r} is {column.type}, not {belongs}") from None
    bad = ~(np.abs(values) <= LARGEST)  # also true for NaN
    if bad.any():
        row = int(bad.argmax())
        raise DataError(f"{where}, row {row}: {name!r} is {values[row]}, not a finite number")
    return values.astype(np.float32)


def _ids(column: pa.ChunkedArray) -> Any:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_integer(kind):
        return column.cast(pa.int64())
    if pa.types.is_string_view(kind) or pa.types.is_large_string(kind):  # as polars exports them
        return column.cast(pa.string())
    return column if pa.types.is_string(kind) else column.to_numpy()
