"""Tables in memory, and Arrow tables with a row per rating."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, TypeAlias

import pandas as pd
import pyarrow as pa

from recsys.errors import ArgumentError, DataError
from recsys.ratings.arrow_batches import raw_of_batches
from recsys.ratings.columns import assign_roles, first_line
from recsys.ratings.raw import RawRatings


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
    if isinstance(table, pd.DataFrame | pa.Table):
        return table  # older versions of pyarrow crash if they import their own views of text
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


def raw_of_named(
    table: pa.Table, named: Mapping[str, str | None], drops: bool = False
) -> RawRatings:
    """The ratings in a table whose columns are named by role; rating and timestamp may be None.

    If `drops` is true, rows in which a value is missing are left out.

    Raises:
        ArgumentError: two roles have the same column.
        DataError: there are no rows, a column is missing or ambiguous, or a value in it is missing
            or not of its role.
    """
    given = {role: name for role, name in named.items() if name is not None}
    roles = assign_roles(table.column_names, given, "the table")
    wanted = {role: roles[role] for role in given}
    unused = tuple(name for name in table.column_names if name not in wanted.values())
    return raw_of_batches(table.to_batches(), wanted, "the table", unused, drops=drops)
