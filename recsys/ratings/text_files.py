"""Ratings in delimited text files.

A file of plain numbers is read by the compiled code (`text_numbers`). Any other is parsed by
pyarrow, in several threads, while `Watched` looks at its bytes. Where both cannot vouch for the
result, the file is read again line by line (`text_columns.exactly`),
which finds the first bad line. What a file says never depends on which of the two read it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from recsys.errors import DataError
from recsys.ratings.columns import LARGEST, NULLS, first_line, no_rating
from recsys.ratings.raw import RawRatings, empty_column, taken_from
from recsys.ratings.source import Source
from recsys.ratings.text_bytes import Watched, encoding_of
from recsys.ratings.text_columns import check_points, exactly, remark_on_ids, seconds
from recsys.ratings.text_format import ANY_QUOTED, TextFormat, sniff
from recsys.ratings.text_numbers import plain_columns
from recsys.ratings.text_rows import rows_of
from recsys.ratings.times import LATE, are_days


def read_text(file: str, source: Source) -> RawRatings:
    """The ratings in a file; see `Layout.read`.

    Raises:
        ArgumentError: the encoding is unknown.
        DataError: the file cannot be read; names the first bad line and value.
    """
    try:
        text_format = sniff(file, source)
        _refuse_empty(file, text_format)
        return _read(file, text_format, source.encoding is not None)
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({first_line(error)})") from None


def _read(file: str, text_format: TextFormat, encoding_given: bool) -> RawRatings:
    dropped: dict[str, int] = {}
    columns = plain_columns(file, text_format)
    if columns is not None:
        return _understood(file, text_format, columns, None, dropped)
    # Only the slow reader knows how an absent value may be written.
    for types in (None,) if text_format.drops else _attempts(text_format):
        watched = _watched(file, text_format)
        table = None if types is None else _arrow_table(watched, text_format, types)
        if table is None:  # read all of it, to know what it is
            watched = _watched(file, text_format)
            while watched.read(1 << 20):
                pass
        if watched.invalid and not encoding_given:
            encoding, remark = encoding_of(file)
            remarks = (*text_format.remarks, remark)
            return _read(file, replace(text_format, encoding=encoding, remarks=remarks), True)
        if watched.quotes and not text_format.quoted and _any_quoted(file, text_format):
            return _read(file, replace(text_format, quoted=True), encoding_given)
        if watched.odd or watched.invalid:
            break
        if table is None or types is None or (watched.zeros and pa.int64() in types.values()):
            continue
        columns = _columns_of(table, text_format)
        break
    lines = None
    if columns is None:
        columns, lines, text_format, dropped = exactly(file, text_format)
    return _understood(file, text_format, columns, lines, dropped)


def _refuse_empty(file: str, text_format: TextFormat) -> None:
    # A column of ratings or times without a value in any of several rows.
    roles = [role for role in ("rating", "timestamp") if role in text_format.roles]
    rows = rows_of(file, text_format.encoding, text_format.separator, text_format.quoted)
    n_rows = 0
    try:
        for number, cells in rows:
            if number > text_format.skip:
                n_rows += 1
                empty = [text_format.roles[role] for role in roles]
                roles = [r for r, at in zip(roles, empty, strict=True) if _is_empty(cells[at])]
                if not roles:
                    return
    except (DataError, IndexError):
        return  # the reader says so
    if n_rows > 1:
        raise DataError(f"{file}: {empty_column(roles[0], text_format.name(roles[0]))}")


def _is_empty(cell: str) -> bool:
    return cell.strip() in ("", *NULLS)


def _watched(file: str, text_format: TextFormat) -> Watched:
    return Watched(file, text_format.encoding, text_format.separator, text_format.quoted)


def _attempts(text_format: TextFormat) -> Iterator[dict[str, pa.DataType] | None]:
    # As which types by role Arrow may parse the columns, the most likely and fastest first; None
    # where it cannot parse the file.
    unclear = text_format.decimal is None and not text_format.number_ratings
    if unclear or len(set(text_format.separator)) > 1:
        yield None
        return
    rating = pa.float64() if text_format.third_may_be_time else pa.float32()
    numbers = text_format.number_times and not text_format.date_format
    time = pa.float64() if numbers else pa.string()
    if text_format.integer_ids:
        if numbers and text_format.whole_times and "timestamp" in text_format.roles:
            yield _types(pa.int64(), rating, pa.int64())
        yield _types(pa.int64(), rating, time)
    yield _types(pa.string(), rating, time)


def _types(ids: pa.DataType, rating: pa.DataType, time: pa.DataType) -> dict[str, pa.DataType]:
    return {"user": ids, "item": ids, "rating": rating, "timestamp": time}


def _arrow_table(
    watched: Watched, text_format: TextFormat, types_by_role: dict[str, pa.DataType]
) -> pa.Table | None:
    # None where Arrow cannot parse the file.
    types = {str(at): types_by_role[role] for role, at in text_format.roles.items()}
    # Arrow splits at single characters, so "1::122::5" has empty fields in between.
    doubled = len(text_format.separator) > 1
    names: list[str] = []
    for i in range(len(text_format.columns)):
        if doubled and i:
            names.append(f"empty {i}")
            types[names[-1]] = pa.null()
        names.append(str(i))
    try:
        return pa.csv.read_csv(
            pa.PythonFile(watched, mode="r"),
            read_options=pa.csv.ReadOptions(
                column_names=names, skip_rows=text_format.skip, block_size=4 << 20
            ),
            parse_options=pa.csv.ParseOptions(
                delimiter=text_format.separator[0],
                quote_char='"' if text_format.quoted else False,
            ),
            convert_options=pa.csv.ConvertOptions(
                include_columns=list(types), column_types=types, strings_can_be_null=True,
                null_values=[""], quoted_strings_can_be_null=True,
                decimal_point=text_format.decimal or ".",
            ),
        )  # fmt: skip
    except (pa.ArrowInvalid, pa.ArrowKeyError):
        return None
    finally:
        watched.stop()


def _columns_of(table: pa.Table, text_format: TextFormat) -> dict[str, Any] | None:
    # The columns by role; None where one has a value that must be found line by line.
    columns: dict[str, Any] = {}
    for role, at in text_format.roles.items():
        column = table.column(str(at))
        table = table.drop_columns([str(at)])
        if column.null_count:
            return None
        if column.type == pa.string():
            column = pc.utf8_trim_whitespace(column)
            if len(column) and pc.min(pc.binary_length(column)).as_py() == 0:
                return None
            columns[role] = column
        elif role in ("user", "item"):
            columns[role] = column
        else:
            columns[role] = _numbers(column)
    times, values = columns.get("timestamp"), columns.get("rating")
    if isinstance(times, np.ndarray) and not _within(times, np.finfo(np.float64).max):
        return None
    if values is not None and not _within(values, LARGEST):
        return None
    return None if _repeats_header(columns, text_format) else columns


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[np.floating[Any]]:
    # Integers as float64, without a copy of the column in between.
    number = np.float32 if column.type == pa.float32() else np.float64
    return np.concatenate([chunk.to_numpy() for chunk in column.chunks], dtype=number)


def _within(numbers: npt.NDArray[np.floating[Any]], largest: float) -> bool:
    # Without temporary arrays. False where there is a NaN, which min and max pass on.
    return not len(numbers) or bool(-largest <= numbers.min() and numbers.max() <= largest)


def _repeats_header(columns: dict[str, Any], text_format: TextFormat) -> bool:
    if text_format.header is None:
        return False
    same = []
    for role in ("user", "item"):
        if columns[role].type != pa.string():
            return False
        same.append(pc.equal(columns[role], text_format.name(role)))
    return bool(pc.any(pc.and_(*same)).as_py())


def _any_quoted(file: str, text_format: TextFormat) -> bool:
    if text_format.separator != "\t":
        return False
    rows = rows_of(file, text_format.encoding, "\n", quoted=False)
    return any('"' in line and ANY_QUOTED.search(line) for _, (line, *_) in rows)


def _understood(
    file: str,
    text_format: TextFormat,
    columns: dict[str, Any],
    lines: Any,
    dropped: dict[str, int],
) -> RawRatings:
    names = {role: text_format.name(role) for role in text_format.roles}
    remarks = list(text_format.remarks)
    values = columns.get("rating")
    if text_format.third_may_be_time and values is not None and len(values):
        why = "above 1e8" if float(values.min()) > LATE else ""
        why = "days as YYYYMMDD" if not why and are_days(values) else why
        if why:
            columns["timestamp"], names = columns.pop("rating"), dict(names)
            names["timestamp"] = names.pop("rating")
            remarks.append(f"all values of {names['timestamp']} are {why}: taken as times")
        else:
            columns["rating"] = values.astype(np.float32)
    if "rating" in columns and text_format.decimal is None:
        remarks += check_points(file, text_format, columns["rating"])
    taken = taken_from(names, columns)
    for role in ("user", "item"):
        remarks += remark_on_ids(file, text_format, columns[role], role, lines)
    if "timestamp" in columns:
        columns["timestamp"], said = seconds(file, text_format, columns["timestamp"], lines)
        remarks += said
    unused = tuple(name for name in text_format.columns if name not in names.values())
    if "rating" not in columns and unused:
        remarks.append(no_rating(text_format.columns))
    return RawRatings(columns, taken, unused, dropped, remarks)
