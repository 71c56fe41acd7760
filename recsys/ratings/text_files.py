"""Ratings in text files: CSV, TSV and everything between.

The happy path is one multi-threaded parse by pyarrow. Only when that refuses, or leaves a value
that is no rating, is the file read again line by line to name the first bad row.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from recsys.errors import ArgumentError, DataError
from recsys.ids import WHOLE_NUMBER
from recsys.ratings.columns import LARGEST, RECOGNISED, ROLES, assign_roles, first_line, plain
from recsys.ratings.ratings import times_as_seconds


@dataclass(frozen=True)
class Layout:
    """Where the columns of a text file are."""

    separator: str
    header: bool
    columns: tuple[str, ...]
    roles: dict[str, str]
    """Role (user, item, rating, timestamp) -> column."""
    encoding: str
    integer_ids: dict[str, bool]
    integer_times: bool
    quoted: bool
    """Whether fields may stand in double quotes."""
    quoted_newlines: bool = False
    """Whether a quoted field goes over several lines somewhere."""


def read_text(
    file: Path,
    named: dict[str, str | None],
    separator: str | None,
    encoding: str | None,
    header: bool | None,
) -> dict[str, Any]:
    """One array or Arrow column per role that the file has.

    Raises:
        DataError: the first bad line, by number and value.
    """
    try:
        layout = sniff(file, named, separator, encoding, header)
        try:
            return _parse(file, layout)
        except UnicodeDecodeError:
            return _parse(file, replace(layout, encoding="ISO-8859-1"))
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({first_line(error)})") from None


def sniff(
    file: Path,
    named: dict[str, str | None],
    separator: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
) -> Layout:
    """The layout of a text file, from its first lines."""
    text, encoding = _head(file, encoding)
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise DataError(f"{file}: the file is empty")
    if separator and separator not in lines[0]:
        raise DataError(f"{file}, line 1: {lines[0][:60]!r} has no separator {separator!r} in it")
    separator = separator or _separator_of(file, lines[0])
    quoted = separator in (",", ";") or (
        separator == "\t" and re.search(r'(^|\t)"[^"\t]*"(\t|$)', text, re.M) is not None
    )
    rows = list(_rows(lines, separator, quoted))
    cells = [cell.strip() for cell in rows[0]]
    if header is None:
        header = _is_header(file, cells, rows, named)
    if header:
        columns = tuple(cells)
        roles = assign_roles(list(columns), named, str(file))
        if len(rows) == 1:
            raise DataError(f"{file}: a header and no ratings")
    else:
        given = [name for name in named.values() if name is not None]
        if given:
            raise DataError(f"{file}: has no header line, so there is no column {given[0]!r}")
        if len(cells) < 2:
            raise DataError(f"{file}, line 1: {lines[0][:60]!r} has fewer than two fields")
        columns = (*ROLES[: len(cells)], *(f"column {i}" for i in range(4, len(cells))))
        roles = {role: role for role in columns if role in ROLES}
    where = {role: columns.index(column) for role, column in roles.items()}
    whole = {
        role: all(WHOLE_NUMBER.fullmatch(c) for c in _cells(rows[int(header) : 1000], column))
        for role, column in where.items()
    }
    return Layout(
        separator=separator,
        header=header,
        columns=columns,
        roles=roles,
        encoding=encoding,
        integer_ids={role: whole[role] for role in ("user", "item")},
        integer_times=whole.get("timestamp", False),
        quoted=quoted,
    )


def _head(file: Path, encoding: str | None) -> tuple[str, str]:
    # The first lines, decoded, and the encoding that did it.
    with _opened(file) as stream:
        head = stream.read(1 << 16)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in head:
        raise DataError(f"{file}: not UTF-8 or ISO-8859-1 text (UTF-16 or binary?); convert it")
    whole = head.rpartition(b"\n")[0] if len(head) == 1 << 16 else head
    try:
        return whole.decode(encoding or "utf-8-sig"), encoding or "utf8"
    except UnicodeDecodeError as error:
        if encoding:
            raise DataError(f"{file}: not {encoding} text ({error.reason})") from None
        return whole.decode("ISO-8859-1"), "ISO-8859-1"
    except (LookupError, TypeError):
        raise ArgumentError(f"encoding {encoding!r} is unknown") from None


def _separator_of(file: Path, first: str) -> str:
    separator = "::" if "::" in first else max("\t,;|", key=first.count)
    if separator not in first:
        raise DataError(
            f"{file}, line 1: {first[:60]!r} has no separator (tab, comma, ;, |, ::) in it; "
            "name it with separator=..."
        )
    return separator


def _is_header(
    file: Path, cells: list[str], rows: list[list[str]], named: dict[str, str | None]
) -> bool:
    recognised = {name for names in RECOGNISED.values() for name in names}
    if any(cell in named.values() or plain(cell) in recognised for cell in cells):
        return True
    if any(_is_number(cell) for cell in cells):
        return False
    if len(rows) > 1 and any(_is_number(cell) for cell in rows[1]):
        return True
    raise DataError(
        f"{file}, line 1: cannot tell whether {', '.join(cells)[:60]!r} names columns or is a "
        "rating; say header=True or header=False, or name the columns with user=..., item=..."
    )


def _rows(lines: Iterable[str], separator: str, quoted: bool) -> Iterator[list[str]]:
    # Fields line by line; a quoted field may hold separators and line breaks.
    if len(separator) > 1 or not quoted:
        return (line.rstrip("\r\n").split(separator) for line in lines)
    return csv.reader((line.rstrip("\r\n") + "\n" for line in lines), delimiter=separator)


def _cells(rows: Iterable[list[str]], column: int) -> list[str]:
    return [row[column].strip() for row in rows if len(row) > column]


def _is_number(text: str) -> bool:
    # As Arrow reads one: no underscores, which Python's own float would allow.
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _opened(file: Path) -> Any:
    # Decompresses .gz, .bz2, ... by the name.
    return pa.input_stream(str(file), compression="detect")


def _parse(file: Path, layout: Layout) -> dict[str, Any]:
    types: dict[str, pa.DataType] = {}
    for role, column in layout.roles.items():
        if role == "rating":
            types[column] = pa.float32()
        elif role == "timestamp":
            types[column] = pa.int64() if layout.integer_times else pa.string()
        else:
            types[column] = pa.int64() if layout.integer_ids[role] else pa.string()
    # A line "1::122::5" is one with empty fields for a parser of single characters.
    doubled = layout.separator == "::"
    names: list[str] = []
    for i, column in enumerate(layout.columns):
        names += [f"empty {i}", column] if doubled and i else [column]
    try:
        table = pa.csv.read_csv(
            str(file),
            read_options=pa.csv.ReadOptions(
                column_names=names,
                skip_rows=int(layout.header),
                encoding=layout.encoding,
                block_size=4 << 20,
            ),
            parse_options=pa.csv.ParseOptions(
                delimiter=layout.separator[0],
                quote_char='"' if layout.quoted else False,
                newlines_in_values=layout.quoted_newlines,
            ),
            convert_options=pa.csv.ConvertOptions(
                include_columns=list(types), column_types=types, strings_can_be_null=True,
                null_values=[""], quoted_strings_can_be_null=True,
            ),
        )  # fmt: skip
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        if "invalid UTF8" in str(error) and layout.encoding == "utf8":
            raise UnicodeDecodeError("utf-8", b"", 0, 1, "invalid") from None
        return _explain(file, layout, error)
    if any(table.column(name).null_count for name in types):
        return _explain(file, layout, "a value is missing")
    columns: dict[str, Any] = {}
    for role, name in layout.roles.items():
        column = table.column(name)
        table = table.drop_columns([name])
        if role == "timestamp" and not layout.integer_times:
            columns[role] = _text_times(column, file, layout)
        elif role in ("user", "item"):
            is_text = column.type == pa.string()
            columns[role] = pc.utf8_trim_whitespace(column) if is_text else column
        else:
            columns[role] = column.to_numpy()
    if "rating" in columns and not np.isfinite(columns["rating"]).all():
        return _explain(file, layout, "a rating is not finite")
    return columns


def _text_times(column: pa.ChunkedArray, file: Path, layout: Layout) -> npt.NDArray[np.int64]:
    series = column.to_pandas().rename(layout.roles["timestamp"])
    numbers = pd.to_numeric(series, errors="coerce")
    try:
        return times_as_seconds(series if numbers.isna().any() else numbers)
    except DataError as error:
        raise DataError(f"{file}, {error} (rows count from 0 after any header)") from None


def _explain(file: Path, layout: Layout, reason: object) -> dict[str, Any]:
    # Names the first bad line, or parses again where only the sniffed layout was wrong.
    where = {role: layout.columns.index(name) for role, name in layout.roles.items()}
    integer = layout.integer_ids | {"timestamp": layout.integer_times}
    encoding = "utf-8-sig" if layout.encoding == "utf8" else layout.encoding
    n_rows = begins = 0
    with _opened(file) as stream:
        lines = _Counted(raw.decode(encoding, errors="replace") for raw in _lines(stream))
        for cells in _rows(lines, layout.separator, layout.quoted):
            here, begins, n_rows = f"{file}, line {begins + 1}", lines.n, n_rows + 1
            if (n_rows == 1 and layout.header) or not "".join(cells).strip():
                continue
            if len(cells) != len(layout.columns):
                line = layout.separator.join(cells)
                raise DataError(
                    f"{here}: {len(cells)} fields where {len(layout.columns)} belong: {line[:60]!r}"
                )
            for role, column in where.items():
                cell, name = cells[column].strip(), layout.roles[role]
                if not cell:
                    raise DataError(f"{here}: {name!r} is missing")
                if role == "rating" and not (_is_number(cell) and abs(float(cell)) <= LARGEST):
                    raise DataError(f"{here}: {name!r} is {cell!r}, not a finite number")
                if not WHOLE_NUMBER.fullmatch(cell):
                    integer[role] = False
    relaxed = replace(
        layout,
        integer_ids={role: integer[role] for role in ("user", "item")},
        integer_times=integer["timestamp"],
        quoted_newlines=layout.quoted and lines.n > n_rows,
    )
    if relaxed == layout:
        raise DataError(f"{file}: cannot be parsed ({first_line(reason)})")
    return _parse(file, relaxed)


class _Counted:
    """Lines, and how many of them have been read."""

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
