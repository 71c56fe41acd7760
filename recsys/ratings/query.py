"""Ratings from a database, row by row through a server-side cursor.

What is kept of each row are a few numbers, or its ids as text where they are no numbers.
"""

from __future__ import annotations

import datetime
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from itertools import compress
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.pool import NullPool

from recsys.errors import DataError, StoreError, StoreUnavailable
from recsys.ids import shown as shown_value
from recsys.large import Growing
from recsys.ratings.account import counted
from recsys.ratings.columns import LARGEST, assign_roles, few
from recsys.ratings.databases import (
    WAIT_S,
    address,
    shown,
    trouble,
    version_of,
    without_log_of_interruptions,
)
from recsys.ratings.raw import LEAVE_OUT, RawRatings, count_lacking, taken_from
from recsys.ratings.source import Source
from recsys.ratings.times import times_as_seconds

ITEM_TABLES = ("items", "movies")
USER_TABLES = ("users",)
_CHUNK = 1 << 12  # rows that are fetched at once; more of them would not fit the cache
_SELECTS = re.compile(r"\s*\(*\s*(select|with|values)\b", re.I)
_NARROW = np.iinfo(np.int32)
_CANONICAL = "^(0|-?[1-9][0-9]{0,17})$"  # numbers that have no other spelling; see `WHOLE_NUMBER`


def read(location: str, source: Source) -> RawRatings:
    """The ratings in a table, or those that a query returns.

    Raises:
        ArgumentError: the address is none.
        DataError: there is no such table or column, a value is wrong, or the query has a mistake.
        StoreUnavailable: the database cannot be reached.
    """
    with _opened(location) as (connection, where):
        names, selected = _selection(connection, source, where)
        with closing(selected):
            roles = assign_roles(names, source.columns, where)
            places = {role: names.index(name) for role, name in roles.items()}
            columns = _Columns(roles, where, source.drops)
            for rows in selected.partitions(_CHUNK):
                every = list(zip(*rows, strict=True))
                columns.add({role: every[place] for role, place in places.items()})
        is_store = version_of(connection) is not None
        raw = columns.raw(names, source.date_format, is_store)
        if is_store and "rating" in raw.columns:
            _call_as_before(raw, connection)
        return raw


def _call_as_before(raw: RawRatings, connection: Connection) -> None:
    # A ratings store knows what the column was called that its values came from: what they are
    # is known by that.
    name = connection.execute(text("SELECT value FROM meta WHERE key = 'values'")).scalar()
    if name is not None:
        raw.taken = {**raw.taken, "rating": replace(raw.taken["rating"], name=str(name))}


def tables(location: str, wanted: Sequence[str]) -> list[str]:
    """Which of these tables a database has."""
    with _opened(location) as (connection, _):
        there = inspect(connection).get_table_names()
    return [name for name in wanted if name in there]


def described(location: str, wanted: Sequence[str]) -> pd.DataFrame:
    """The first of these tables that is there, with what its column `attributes` holds.

    Columns that hold nothing are left out. In the table of a ratings store, those that only the
    store needs are, too.
    """
    with _opened(location) as (connection, where):
        there = inspect(connection).get_table_names()
        name = next((one for one in wanted if one in there), None)
        if name is None:
            raise DataError(f"{where}: no table {' or '.join(wanted)} among {few(there)}")
        quoted = connection.dialect.identifier_preparer.quote(name)
        found = connection.execute(text(f"SELECT * FROM {quoted}"))
        table = pd.DataFrame(found.all(), columns=list(found.keys()))
        if version_of(connection) is not None:
            table = table.drop(columns=["added", "seq"], errors="ignore")
    if "attributes" in table:
        table = _with_attributes(table)
    return table.dropna(axis="columns", how="all")


def _with_attributes(table: pd.DataFrame) -> pd.DataFrame:
    parts = [_attributes(one) for one in table.pop("attributes")]
    names = dict.fromkeys(name for one in parts for name in one if name not in table)
    more = {name: [one.get(name) for one in parts] for name in names}
    return pd.concat([table, pd.DataFrame(more, index=table.index)], axis="columns")


def _attributes(stored: Any) -> dict[str, Any]:
    # SQLite has JSON as text. What is no object has no names.
    with suppress(ValueError):
        stored = json.loads(stored) if isinstance(stored, str) else stored
    return stored if isinstance(stored, dict) else {}


@contextmanager
def _opened(location: str) -> Iterator[tuple[Connection, str]]:
    # A connection that cannot write, and what messages call the database.
    url = address(location)
    where = shown(url)
    sqlite = url.get_backend_name() == "sqlite"
    if sqlite and not os.path.isfile(str(url.database)):
        raise DataError(f"{where}: no such file")
    arguments = {"timeout" if sqlite else "connect_timeout": WAIT_S}
    engine = without_log_of_interruptions(
        create_engine(url, poolclass=NullPool, connect_args=arguments)
    )
    try:
        with trouble(url), engine.connect() as connection:
            if sqlite:
                connection.exec_driver_sql("PRAGMA query_only = ON")
            else:
                connection = connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            yield connection, where
    except StoreError as error:
        if isinstance(error, StoreUnavailable) and "readonly" not in str(error):
            raise
        raise DataError(str(error)) from None
    finally:
        engine.dispose()


def _selection(connection: Connection, source: Source, where: str) -> tuple[list[str], Any]:
    # The names of the columns, and the rows that have not been fetched.
    streamed = connection.execution_options(stream_results=True, max_row_buffer=_CHUNK)
    if source.query is not None:
        if not _SELECTS.match(source.query):
            raise DataError(f"{where}: a query begins with SELECT, not {shown_value(source.query)}")
        # A colon is no place for a parameter.
        found = streamed.execute(text(source.query.replace(":", r"\:")))
        return list(found.keys()), found
    table = source.table if source.table is not None else _table(connection, source, where)
    if table not in (names := _names(connection)):
        raise DataError(f"{where}: no table {table!r}; it has {few(names)}")
    quoted = connection.dialect.identifier_preparer.quote(table)
    found = streamed.execute(text(f"SELECT * FROM {quoted}".replace(":", r"\:")))
    return list(found.keys()), found


def _names(connection: Connection) -> list[str]:
    about = inspect(connection)
    return sorted([*about.get_table_names(), *about.get_view_names()])


def _table(connection: Connection, source: Source, where: str) -> str:
    names = _names(connection)
    if "ratings" in names or len(names) == 1:
        return "ratings" if "ratings" in names else names[0]
    fitting = []
    for name in names:
        columns = [str(one["name"]) for one in inspect(connection).get_columns(name)]
        try:
            assign_roles(columns, source.columns, where)
        except DataError:
            continue
        fitting.append(name)
    if len(fitting) != 1:
        which = few(fitting) if fitting else f"none among {few(names)}" if names else "no table"
        raise DataError(
            f"{where}: which table has the ratings? With a user and an item column: {which}; name "
            "it with table= or query= (on the command line --table or --query)"
        )
    return fitting[0]


class _Columns:
    """The columns of roles, chunk by chunk."""

    def __init__(self, names: dict[str, str], where: str, drops: bool) -> None:
        self._names, self._where, self._drops = names, where, drops
        self._dropped: dict[str, int] = {}
        self._ids = {role: _Ids() for role in ("user", "item")}
        self._values = Growing(np.float32)
        self._times = _Times()
        self._n = 0

    def add(self, columns: dict[str, Sequence[Any]]) -> None:
        if self._drops:
            columns = self._complete(columns)
        for role, column in columns.items():
            try:
                if role == "rating":
                    self._values.add(_numbers(column))
                elif role == "timestamp":
                    self._times.add(column)
                else:
                    self._ids[role].add(column)
            except _WrongValue as wrong:
                name, row = self._names[role], self._n + wrong.row
                raise DataError(f"{self._where}, row {row}: {name!r} {wrong}") from None
        self._n += len(columns["user"])

    def _complete(self, columns: dict[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
        # Without the rows that lack an id or a time; those that lack a rating are left out anyway.
        for role in ("user", "item", "timestamp"):
            known = [one not in (None, "") for one in columns.get(role, ())]
            n_lacking = len(known) - sum(known)
            if n_lacking:
                count_lacking(self._dropped, role, n_lacking)
                columns = {name: tuple(compress(one, known)) for name, one in columns.items()}
        return columns

    def raw(self, names: list[str], date_format: str | None, seconds: bool) -> RawRatings:
        """What was read.

        Args:
            names: of all columns.
            date_format: of dates as text.
            seconds: whether times are seconds since 1970, whatever their size.
        """
        if not self._n:
            what = "complete row" if self._dropped else "ratings"
            raise DataError(f"{self._where} holds no {what}")
        columns: dict[str, Any] = {role: ids.column() for role, ids in self._ids.items()}
        remarks: list[str] = []
        dropped = dict(self._dropped)
        if "timestamp" in self._names:
            try:
                times, remark = self._times.seconds(self._names["timestamp"], date_format, seconds)
            except DataError as error:
                raise DataError(f"{self._where}, {error}") from None
            columns |= {} if times is None else {"timestamp": times}
            remarks += remark
        if "rating" in self._names:
            values = self._values.array()
            missing = np.isnan(values)
            if missing.all():
                remarks.append(f"{self._names['rating']} has no value: every row is read as seen")
            else:
                columns["rating"] = values
            if missing.any() and not missing.all():
                count_lacking(dropped, "rating", int(missing.sum()))
                columns = {role: _kept(one, ~missing) for role, one in columns.items()}
        taken = {role: name for role, name in self._names.items() if role in columns}
        unused = tuple(name for name in names if name not in taken.values())
        return RawRatings(columns, taken_from(taken, columns), unused, dropped, remarks)


class _Times:
    """A column of times: numbers with NaN for none; dates become seconds, and text stays."""

    def __init__(self) -> None:
        self._numbers = Growing(np.float64)
        self._text: list[Any] = []
        self._dates = False

    def add(self, values: Sequence[Any]) -> None:
        first = next((one for one in values if one is not None), None)
        if isinstance(first, str):
            self._text += values
        elif isinstance(first, datetime.date):
            stamps = pd.to_datetime(pd.Series(values), utc=True)
            found = times_as_seconds(stamps.fillna(stamps.min()))
            self._dates = True
            self._numbers.add(np.where(stamps.isna(), np.nan, found))
        else:
            self._numbers.add(_numbers(values, "a time", np.float64))

    def seconds(
        self, name: str, date_format: str | None, seconds: bool
    ) -> tuple[npt.NDArray[np.float64] | None, list[str]]:
        """Seconds since 1970, and remarks; None if no row has a time."""
        every: Any = pd.Series(self._text, dtype="object", name=name) if self._text else None
        every = pd.Series(self._numbers.array(), name=name) if every is None else every
        missing = every.isna().to_numpy()
        if missing.all():
            return None, []
        known = every[~missing] if missing.any() else every
        if seconds or self._dates:
            found = known.to_numpy(np.float64)
        else:
            found = times_as_seconds(known, date_format)
        if not missing.any():
            return found, []
        filled = np.full(len(every), found.min())
        filled[~missing] = found
        n = int(missing.sum())
        return filled, [f"{counted(n, 'row')} without a time: read as the earliest"]


class _Ids:
    """A column of ids: whole numbers in 4 bytes while they fit, in 8 when one does not; text as
    soon as one is no number.
    """

    def __init__(self) -> None:
        self._numbers = Growing(np.int32)
        self._texts: list[pa.Array] = []
        self._whole = True

    def add(self, values: Sequence[Any]) -> None:
        chunk = _id_chunk(values)
        if self._whole and pa.types.is_string(chunk.type):
            if pc.all(pc.match_substring_regex(chunk, _CANONICAL)).as_py():
                chunk = chunk.cast(pa.int64())
            else:
                self._whole = False
                before = self._numbers.array()
                self._texts = [pa.array(before).cast(pa.string())] if len(before) else []
        if not self._whole:
            self._texts.append(chunk.cast(pa.string()))
            return
        numbers = chunk.to_numpy()
        if len(numbers) and not (_NARROW.min <= numbers.min() <= numbers.max() <= _NARROW.max):
            self._numbers.widen(np.int64)
        self._numbers.add(numbers)

    def column(self) -> pa.ChunkedArray:
        """All of them."""
        return pa.chunked_array(self._texts or [pa.array(self._numbers.array())])


class _WrongValue(Exception):
    def __init__(self, row: int, said: str) -> None:
        super().__init__(said)
        self.row = row


def _id_chunk(values: Sequence[Any]) -> pa.Array:
    kinds = set(map(type, values))
    if type(None) in kinds:
        raise _WrongValue(values.index(None), f"is missing{LEAVE_OUT}")
    if kinds == {int}:
        try:
            return pa.array(values, pa.int64())
        except (OverflowError, pa.ArrowInvalid):  # beyond 64 bits
            return pa.array(list(map(str, values)), pa.string())
    if kinds != {str}:
        values = [_id_text(row, value) for row, value in enumerate(values)]
    if "" in values:
        raise _WrongValue(values.index(""), f"is empty{LEAVE_OUT}")
    return pa.array(values, pa.string())


def _id_text(row: int, value: Any) -> str:
    if isinstance(value, bytes | bool | datetime.date):
        raise _WrongValue(row, f"is {shown_value(value)}, neither a whole number nor text")
    whole = not isinstance(value, str) and hasattr(value, "__float__") and value == value // 1
    return str(int(value)) if whole else str(value)  # numbers, and UUIDs


def _numbers(values: Sequence[Any], what: str = "a number", kind: Any = np.float32) -> Any:
    # NaN where there is none.
    try:
        found = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        row, value = next((at, one) for at, one in enumerate(values) if not _is_number(one))
        raise _WrongValue(row, f"is {shown_value(value)}, not {what}") from None
    bad = np.abs(found) > LARGEST
    if np.isnan(found).any():
        bad |= np.isnan(found) & np.array([one is not None for one in values])
    if bad.any():
        row = int(bad.argmax())
        raise _WrongValue(row, f"is {found[row]}, not a finite number")
    return found.astype(kind)


def _is_number(value: Any) -> bool:
    try:
        float(np.nan if value is None else value)
    except (TypeError, ValueError):
        return False
    return True


def _kept(column: Any, keep: npt.NDArray[np.bool_]) -> Any:
    return column[keep] if isinstance(column, np.ndarray) else column.filter(pa.array(keep))
