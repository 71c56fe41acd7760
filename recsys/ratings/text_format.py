"""The format of a text file, detected from its first lines: separator, header, encoding, types."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from recsys.errors import ArgumentError, DataError
from recsys.ids import WHOLE_NUMBER
from recsys.ratings.columns import RECOGNIZED, ROLES, assign_roles, plain
from recsys.ratings.compressed import opened
from recsys.ratings.source import Source

_HEAD = 1 << 16  # bytes that are looked at
_MOST_ROWS = 1000  # rows that are looked at


@dataclass(frozen=True)
class TextFormat:
    """How the columns of a text file are written."""

    separator: str
    header: bool
    columns: tuple[str, ...]
    roles: dict[str, str]
    """Role (user, item, rating, timestamp) → column."""
    encoding: str
    integer_ids: dict[str, bool]
    integer_times: bool
    quoted: bool
    """Whether fields may be in double quotes."""
    quoted_newlines: bool = False
    """Whether a quoted field spans several lines somewhere."""


def sniff(file: str, source: Source) -> TextFormat:
    """The format of a text file; what `source` sets is not detected.

    Raises:
        ArgumentError: the encoding is unknown.
        DataError: the file is empty or has no user and item columns, or its format is unclear.
    """
    text, encoding = _head(file, source.encoding)
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise DataError(f"{file}: the file is empty")
    separator = _separator_of(file, lines[0], source.separator)
    quoted = separator in (",", ";") or (
        separator == "\t" and re.search(r'(^|\t)"[^"\t]*"(\t|$)', text, re.M) is not None
    )
    rows = list(split_rows(lines, separator, quoted))
    cells = [cell.strip() for cell in rows[0]]
    header = source.header
    if header is None:
        header = _is_header(file, cells, rows, source.columns)
    if header:
        columns, roles = tuple(cells), assign_roles(cells, source.columns, file)
        if len(rows) == 1:
            raise DataError(f"{file}: a header and no ratings")
    else:
        columns, roles = _columns_in_order(file, lines[0], len(cells), source.columns)
    whole = {
        role: _is_whole(rows[int(header) : _MOST_ROWS], columns.index(name))
        for role, name in roles.items()
    }
    return TextFormat(
        separator=separator,
        header=header,
        columns=columns,
        roles=roles,
        encoding=encoding,
        integer_ids={role: whole[role] for role in ("user", "item")},
        integer_times=whole.get("timestamp", False),
        quoted=quoted,
    )


def split_rows(lines: Iterable[str], separator: str, quoted: bool) -> Iterator[list[str]]:
    """The fields of each row. A quoted field may contain separators and line breaks."""
    if len(separator) > 1 or not quoted:
        return (line.rstrip("\r\n").split(separator) for line in lines)
    return csv.reader((line.rstrip("\r\n") + "\n" for line in lines), delimiter=separator)


def is_number(text: str) -> bool:
    """Whether Arrow reads this as a number: as Python does, but without underscores."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _head(file: str, encoding: str | None) -> tuple[str, str]:
    # The first lines, and the encoding that decoded them.
    with opened(file) as stream:
        head = stream.read(_HEAD)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in head:
        raise DataError(f"{file}: not UTF-8 or ISO-8859-1 text (UTF-16 or binary?); convert it")
    whole = head.rpartition(b"\n")[0] if len(head) == _HEAD else head
    try:
        return whole.decode(encoding or "utf-8-sig"), encoding or "utf8"
    except UnicodeDecodeError as error:
        if encoding:
            raise DataError(f"{file}: not {encoding} text ({error.reason})") from None
        return whole.decode("ISO-8859-1"), "ISO-8859-1"
    except LookupError:
        raise ArgumentError(f"encoding {encoding!r} is unknown") from None


def _separator_of(file: str, first: str, given: str | None) -> str:
    if given and given not in first:
        raise DataError(f"{file}, line 1: {first[:60]!r} has no separator {given!r} in it")
    separator = given or ("::" if "::" in first else max("\t,;|", key=first.count))
    if separator not in first:
        raise DataError(
            f"{file}, line 1: {first[:60]!r} has no separator (tab, comma, ;, |, ::) in it; "
            "name it with separator=..."
        )
    return separator


def _is_header(
    file: str, cells: list[str], rows: list[list[str]], named: Mapping[str, str]
) -> bool:
    recognized = {name for names in RECOGNIZED.values() for name in names}
    if any(cell in named.values() or plain(cell) in recognized for cell in cells):
        return True
    if any(map(is_number, cells)):
        return False
    if len(rows) > 1 and any(map(is_number, rows[1])):
        return True
    raise DataError(
        f"{file}, line 1: cannot tell whether {', '.join(cells)[:60]!r} names columns or is a "
        "rating; say header=True or header=False, or name the columns with user=..., item=..."
    )


def _columns_in_order(
    file: str, line: str, n_cells: int, named: Mapping[str, str]
) -> tuple[tuple[str, ...], dict[str, str]]:
    # Without a header: user, item, rating and timestamp, as far as there are fields.
    for name in named.values():
        raise DataError(f"{file}: has no header line, so there is no column {name!r}")
    if n_cells < 2:
        raise DataError(f"{file}, line 1: {line[:60]!r} has fewer than two fields")
    columns = (*ROLES[:n_cells], *(f"column {i}" for i in range(4, n_cells)))
    return columns, {role: role for role in columns if role in ROLES}


def _is_whole(rows: Iterable[list[str]], column: int) -> bool:
    cells = [row[column].strip() for row in rows if len(row) > column]
    return all(map(WHOLE_NUMBER.fullmatch, cells))
