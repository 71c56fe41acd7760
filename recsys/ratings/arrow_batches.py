"""From Arrow batches to the arrays that each role needs, in a few bytes per rating.

A table is never there as a whole: each batch is checked and narrowed before the next one comes.
Ids that fit have 4 bytes, ratings 4, times 8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recsys.errors import DataError
from recsys.large import Growing
from recsys.ratings.columns import LARGEST
from recsys.ratings.raw import LEAVE_OUT, RawRatings, count_lacking, taken_from
from recsys.ratings.times import no_time, parsed, seconds_in, times_as_seconds

_NARROW = np.iinfo(np.int32)
_RELEASED = 1 << 21  # rows after which memory is given back


def raw_of_batches(
    batches: Iterable[pa.RecordBatch],
    roles: Mapping[str, str],
    where: str,
    unused: tuple[str, ...] = (),
    date_format: str | None = None,
    drops: bool = False,
) -> RawRatings:
    """The ratings in the rows of some batches, in their order.

    Args:
        batches: all with the same columns.
        roles: role → column.
        where: name of the data, for messages.
        unused: other columns of the source.
        date_format: of dates as text, as for `strptime`; ISO 8601 by default.
        drops: whether rows in which a value is missing are left out.

    Raises:
        DataError: there are no rows, a column has the wrong type, or a value is missing.
    """
    dropped: dict[str, int] = {}
    collected = {role: _collector(role, name, where, date_format) for role, name in roles.items()}
    n_rows = 0
    for each in batches:
        batch = _complete(each, roles, dropped) if drops else each
        for role, name in roles.items():
            column = batch.column(name)
            if column.null_count:
                row = n_rows + int(
                    np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0]
                )
                none = role in ("rating", "timestamp") and column.null_count == len(column)
                or_none = f"; --column {role}= reads none (in Python {role}='')" * none
                raise DataError(f"{where}, row {row}: {name!r} is missing{LEAVE_OUT}{or_none}")
            collected[role].add(column, n_rows)
        # Arrow keeps freed memory in its pool until it is released.
        if (n_rows + batch.num_rows) // _RELEASED > n_rows // _RELEASED:
            pa.default_memory_pool().release_unused()
        n_rows += batch.num_rows
    if not n_rows:
        raise DataError(f"{where} holds no {'complete row' if dropped else 'ratings'}")
    columns = {role: collected.pop(role).column() for role in roles}
    return RawRatings(columns, taken_from(roles, columns), unused, dropped)


def _complete(
    batch: pa.RecordBatch, roles: Mapping[str, str], dropped: dict[str, int]
) -> pa.RecordBatch:
    # The rows that have a value in each of these columns; counts the others.
    for role, name in roles.items():
        column = batch.column(name)
        known = column.is_valid()
        if pa.types.is_floating(column.type):
            known = pc.and_(known, pc.fill_null(pc.invert(pc.is_nan(column)), False))
        n_lacking = len(known) - known.true_count
        if n_lacking:
            count_lacking(dropped, role, n_lacking)
            batch = batch.filter(known)
    return batch


class _Collector(Protocol):
    def add(self, column: pa.Array, first: int) -> None:
        """Takes the rows of a batch; `first` is the number of its first row."""

    def column(self) -> Any:
        """All rows."""


def _collector(role: str, name: str, where: str, date_format: str | None) -> _Collector:
    if role in ("user", "item"):
        return _Ids(name, where)
    return _Ratings(name, where) if role == "rating" else _Times(name, where, date_format)


class _Ids:
    # Whole numbers in 4 bytes while they fit, in 8 when one does not; text as it came.

    def __init__(self, name: str, where: str) -> None:
        self._name, self._where = name, where
        self._numbers = Growing(np.int32)
        self._others: list[Any] = []

    def add(self, column: pa.Array, first: int) -> None:
        what = "whole numbers of 64 bits or text"
        found = _as(what, self._where, self._name, column, lambda: _plain_ids(column))
        if isinstance(found, pa.Array) and pa.types.is_signed_integer(found.type):
            if found.type == pa.int64():
                self._numbers.widen(np.int64)
            self._numbers.add(found.to_numpy())
        else:
            self._others.append(found)

    def column(self) -> Any:
        if not self._others:
            return pa.chunked_array([pa.array(self._numbers.array())])
        if isinstance(self._others[0], np.ndarray):
            return np.concatenate(self._others)
        found = pa.chunked_array(self._others)
        if not pa.types.is_uint64(found.type):
            return found
        # Ids that do not fit are text, as they are in any other source.
        return found.cast(pa.string() if pc.max(found).as_py() >= 2**63 else pa.int64())


def _plain_ids(column: pa.Array) -> Any:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_nested(kind):
        raise pa.ArrowTypeError(f"{kind} is not an id")
    if pa.types.is_integer(kind) and not pa.types.is_uint64(kind):
        ends = pc.min_max(column).as_py()
        narrow = _NARROW.min <= (ends["min"] or 0) and (ends["max"] or 0) <= _NARROW.max
        return column.cast(pa.int32() if narrow else pa.int64())
    if pa.types.is_string_view(kind) or pa.types.is_large_string(kind):  # as polars exports them
        return column.cast(pa.string())
    is_plain = pa.types.is_string(kind) or pa.types.is_uint64(kind)
    return column if is_plain else column.to_numpy(zero_copy_only=False)


class _Ratings:
    def __init__(self, name: str, where: str) -> None:
        self._name, self._where = name, where
        self._values = Growing(np.float32)

    def add(self, column: pa.Array, first: int) -> None:
        values = _as("numbers", self._where, self._name, column,
            lambda: column.cast(pa.float64()).to_numpy(zero_copy_only=False))  # fmt: skip
        bad = ~(np.abs(values) <= LARGEST)  # also true for NaN
        if bad.any():
            at = int(bad.argmax())
            remedy = LEAVE_OUT if np.isnan(values[at]) else ""
            raise DataError(
                f"{self._where}, row {first + at}: {self._name!r} is {values[at]}, not a finite "
                f"number{remedy}"
            )
        self._values.add(values)

    def column(self) -> Any:
        return self._values.array()


class _Times:
    # Numbers and dates are converted batch by batch. Text stays until all of it is there: it holds
    # numbers or dates, and one batch may not show which.

    def __init__(self, name: str, where: str, date_format: str | None) -> None:
        self._name, self._where, self._format = name, where, date_format
        self._seconds = Growing(np.float64)
        self._text: list[Any] = []
        self._kind = pa.null()

    def add(self, column: pa.Array, first: int) -> None:
        self._kind = column.type
        if self._dates:
            found, bad, _ = parsed(column.to_pandas(), self._format)
        elif self._numbers:
            found = column.to_numpy(zero_copy_only=False).astype(np.float64)
            bad = ~(np.abs(found) < 2**63)  # also true for NaN
        else:
            self._text.append(column)
            return
        if bad.any():
            at = int(bad.argmax())
            what = no_time(column[at].as_py())
            raise DataError(f"{self._where}, row {first + at}: {self._name!r} is {what}")
        self._seconds.add(found)

    @property
    def _dates(self) -> bool:
        return bool(pa.types.is_timestamp(self._kind) or pa.types.is_date(self._kind))

    @property
    def _numbers(self) -> bool:
        number = pa.types.is_integer(self._kind) or pa.types.is_floating(self._kind)
        return bool(number and not self._format)

    def column(self) -> Any:
        try:
            if self._text:
                series = pa.chunked_array(self._text).to_pandas().rename(self._name)
                return times_as_seconds(series, self._format)
            found = self._seconds.array()
            return found if self._dates else seconds_in(found)[0]
        except DataError as error:
            what = f"{self._name!r} {error}" if self._numbers else str(error)
            raise DataError(f"{self._where}, {what}") from None


def _as(kind: str, where: str, name: str, column: pa.Array, convert: Callable[[], Any]) -> Any:
    # What Arrow makes of a column, or an error that says what it must be.
    try:
        return convert()
    except MemoryError:  # which pa.ArrowMemoryError is, too
        raise
    except pa.ArrowException:
        raise DataError(f"{where}: column {name!r} is {column.type}, not {kind}") from None
