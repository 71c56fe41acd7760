"""From the columns of an Arrow table to the arrays that each role needs."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from recsys.errors import ArgumentError, DataError
from recsys.ratings.columns import LARGEST, assign_roles, first_line
from recsys.ratings.raw import RawRatings, taken_from
from recsys.ratings.times import times_as_seconds


class ArrowTable(Protocol):
    """A table with the Arrow PyCapsule interface: of pyarrow, polars, DuckDB and others."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Its rows as an Arrow stream."""


Table: TypeAlias = pd.DataFrame | ArrowTable
"""A table in memory."""


def as_table(table: Any, argument: str, expected: str = "a DataFrame or Arrow table") -> Any:
    """The table as a DataFrame or Arrow table, whatever it is.

    Args:
        table: a DataFrame, which is returned as it is, or an `ArrowTable`.
        argument: its name, for messages.
        expected: what it must be, for messages.

    Raises:
        ArgumentError: it is not a table.
        DataError: it exports something that is not a table.
    """
    if isinstance(table, pd.DataFrame):
        return table
    if not hasattr(table, "__arrow_c_stream__"):
        raise ArgumentError(f"{argument} must be {expected}, not {type(table).__name__}")
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
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOMEM:
            raise MemoryError(first_line(error)) from None
        raise DataError(f"{where}: {what} ({first_line(error)})") from None


def to_frame(table: pa.Table, where: str) -> pd.DataFrame:
    """An Arrow table from a file, in pandas.

    Raises:
        DataError: what pandas once wrote about its types makes no sense.
    """
    try:
        frame: pd.DataFrame = table.to_pandas()
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise DataError(f"{where}: not a readable table ({first_line(error)})") from None
    return frame


def as_frame(table: Any, argument: str) -> pd.DataFrame:
    """The table as a DataFrame; see `as_table`."""
    found = as_table(table, argument)
    frame: pd.DataFrame = found if isinstance(found, pd.DataFrame) else found.to_pandas()
    return frame


def raw_of_named(table: pa.Table, named: Mapping[str, str | None]) -> RawRatings:
    """The ratings in a table whose columns are named by role; rating and timestamp may be None.

    Raises:
        ArgumentError: two roles have the same column.
        DataError: a column is missing or ambiguous, or a value in it is not of its role.
    """
    given = {role: name for role, name in named.items() if name is not None}
    roles = assign_roles(table.column_names, given, "the table")
    return raw_of_table(table, {role: roles[role] for role in given}, "the table")


def raw_of_table(
    table: pa.Table,
    roles: Mapping[str, str],
    where: str,
    unused: tuple[str, ...] | None = None,
    date_format: str | None = None,
) -> RawRatings:
    """The ratings in a table.

    Args:
        table: a row per rating.
        roles: role → column.
        where: name of the data, for messages.
        unused: other columns of the source; by default those of the table.
        date_format: of dates as text, as for `strptime`; ISO 8601 by default.

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
        columns[role] = _typed(column, role, name, where, date_format)
    if unused is None:
        unused = tuple(name for name in table.column_names if name not in roles.values())
    return RawRatings(columns, taken_from(roles, columns), unused)


def _typed(
    column: pa.ChunkedArray, role: str, name: str, where: str, date_format: str | None
) -> Any:
    try:
        if role in ("user", "item"):
            return _ids(column)
        if role == "timestamp":
            return times_as_seconds(column.to_pandas().rename(name), date_format)
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
        # Ids that do not fit are text, as they are in any other source.
        too_large = pa.types.is_uint64(kind) and (pc.max(column).as_py() or 0) >= 2**63
        return column.cast(pa.string() if too_large else pa.int64())
    if pa.types.is_string_view(kind) or pa.types.is_large_string(kind):  # as polars exports them
        return column.cast(pa.string())
    return column if pa.types.is_string(kind) else column.to_numpy()
