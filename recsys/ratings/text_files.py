"""Ratings in delimited text files.

A file is parsed by pyarrow, in several threads. Only if that fails, or leaves a value that is not a
rating, is the file read again line by line to name the first bad row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from recsys.errors import DataError
from recsys.ids import WHOLE_NUMBER
from recsys.ratings.columns import LARGEST, first_line
from recsys.ratings.compressed import opened
from recsys.ratings.frames import times_as_seconds
from recsys.ratings.raw import RawRatings, taken_from
from recsys.ratings.source import Source
from recsys.ratings.text_format import TextFormat, is_number, sniff, split_rows


def read_text(file: str, source: Source) -> RawRatings:
    """The ratings in a file; see `Layout.read`.

    Raises:
        ArgumentError: the encoding is unknown.
        DataError: the file cannot be read; names the first bad line and value.
    """
    try:
        text_format = sniff(file, source)
        try:
            return _parse(file, text_format)
        except UnicodeDecodeError:
            return _parse(file, replace(text_format, encoding="ISO-8859-1"))
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({first_line(error)})") from None


def _parse(file: str, text_format: TextFormat) -> RawRatings:
    try:
        table = _arrow_table(file, text_format)
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        if "invalid UTF8" in str(error) and text_format.encoding == "utf8":
            raise UnicodeDecodeError("utf-8", b"", 0, 1, "invalid") from None
        return _explain(file, text_format, error)
    if any(table.column(name).null_count for name in text_format.roles.values()):
        return _explain(file, text_format, "a value is missing")
    columns: dict[str, Any] = {}
    for role, name in text_format.roles.items():
        column = table.column(name)
        table = table.drop_columns([name])
        if role == "timestamp" and not text_format.integer_times:
            columns[role] = _text_times(column, file, name)
        elif role in ("user", "item"):
            is_text = column.type == pa.string()
            columns[role] = pc.utf8_trim_whitespace(column) if is_text else column
        else:
            columns[role] = column.to_numpy()
    if "rating" in columns and not np.isfinite(columns["rating"]).all():
        return _explain(file, text_format, "a rating is not finite")
    unused = [name for name in text_format.columns if name not in text_format.roles.values()]
    return RawRatings(columns, taken_from(text_format.roles, columns), tuple(unused))


def _arrow_table(file: str, text_format: TextFormat) -> pa.Table:
    types: dict[str, pa.DataType] = {}
    for role, column in text_format.roles.items():
        if role == "rating":
            types[column] = pa.float32()
        elif role == "timestamp":
            types[column] = pa.int64() if text_format.integer_times else pa.string()
        else:
            types[column] = pa.int64() if text_format.integer_ids[role] else pa.string()
    # Arrow splits at single characters, so "1::122::5" has empty fields in between.
    doubled = text_format.separator == "::"
    names: list[str] = []
    for i, column in enumerate(text_format.columns):
        names += [f"empty {i}", column] if doubled and i else [column]
    return pa.csv.read_csv(
        opened(file),
        read_options=pa.csv.ReadOptions(
            column_names=names,
            skip_rows=int(text_format.header),
            encoding=text_format.encoding,
            block_size=4 << 20,
        ),
        parse_options=pa.csv.ParseOptions(
            delimiter=text_format.separator[0],
            quote_char='"' if text_format.quoted else False,
            newlines_in_values=text_format.quoted_newlines,
        ),
        convert_options=pa.csv.ConvertOptions(
            include_columns=list(types), column_types=types, strings_can_be_null=True,
            null_values=[""], quoted_strings_can_be_null=True,
        ),
    )  # fmt: skip


def _text_times(column: pa.ChunkedArray, file: str, name: str) -> npt.NDArray[np.int64]:
    series = column.to_pandas().rename(name)
    numbers = pd.to_numeric(series, errors="coerce")
    try:
        return times_as_seconds(series if numbers.isna().any() else numbers)
    except DataError as error:
        raise DataError(f"{file}, {error} (rows count from 0 after any header)") from None


def _explain(file: str, text_format: TextFormat, reason: object) -> RawRatings:
    # Names the first bad line, or parses again if only the detected format was wrong.
    integer = text_format.integer_ids | {"timestamp": text_format.integer_times}
    encoding = "utf-8-sig" if text_format.encoding == "utf8" else text_format.encoding
    where = {
        role: (name, text_format.columns.index(name)) for role, name in text_format.roles.items()
    }
    n_rows = begins = 0
    with opened(file) as stream:
        lines = _Counted(raw.decode(encoding, errors="replace") for raw in _lines(stream))
        for cells in split_rows(lines, text_format.separator, text_format.quoted):
            here, begins, n_rows = f"{file}, line {begins + 1}", lines.n, n_rows + 1
            if (n_rows == 1 and text_format.header) or not "".join(cells).strip():
                continue
            for role in _check_row(cells, text_format, where, here):
                integer[role] = False
    relaxed = replace(
        text_format,
        integer_ids={role: integer[role] for role in ("user", "item")},
        integer_times=integer["timestamp"],
        quoted_newlines=text_format.quoted and lines.n > n_rows,
    )
    if relaxed == text_format:
        raise DataError(f"{file}: cannot be parsed ({first_line(reason)})")
    return _parse(file, relaxed)


def _check_row(
    cells: list[str], text_format: TextFormat, where: Mapping[str, tuple[str, int]], here: str
) -> list[str]:
    # The roles whose cell is not a whole number; DataError where the row is not a rating.
    if len(cells) != len(text_format.columns):
        line = text_format.separator.join(cells)
        raise DataError(
            f"{here}: {len(cells)} fields instead of {len(text_format.columns)}: {line[:60]!r}"
        )
    others = []
    for role, (name, column) in where.items():
        cell = cells[column].strip()
        if not cell:
            raise DataError(f"{here}: {name!r} is missing")
        if role == "rating" and not (is_number(cell) and abs(float(cell)) <= LARGEST):
            raise DataError(f"{here}: {name!r} is {cell!r}, not a finite number")
        if not WHOLE_NUMBER.fullmatch(cell):
            others.append(role)
    return others


class _Counted:
    """Lines, and the number of lines read so far."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = lines
        self.n = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.n += 1
            yield line


def _lines(stream: Any) -> Iterator[bytes]:
    rest = b""
    while block := stream.read(1 << 20):
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        yield from lines
    if rest:
        yield rest
