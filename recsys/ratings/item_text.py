"""Text tables of items: any separator, and quotes that are not always closed."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence

import pandas as pd

from recsys.errors import DataError
from recsys.ratings.account import counted
from recsys.ratings.compressed import opened
from recsys.ratings.text_bytes import BOM

_SEPARATORS = "\t,;|"
_Record = tuple[int, list[str]]


def decoded(file: str) -> str:
    """The text of a file: UTF-16 if it begins like that, UTF-8 or otherwise ISO-8859-1."""
    with opened(file) as stream:
        raw: bytes = stream.read()
    try:
        return raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("ISO-8859-1")


def lines_of(file: str) -> list[str]:
    """The lines of a text file, which end in LF, CR LF or CR, without byte-order marks.

    Titles may hold the other characters at which `str.splitlines` splits.
    """
    text = decoded(file).replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
    # Every file of several that were joined may begin with a byte-order mark.
    return text.replace(f"\n{BOM}", "\n").split("\n")


def read_delimited(file: str, separator: str | None, *, quoted: bool) -> pd.DataFrame:
    """A table of text from delimited text with a header. Empty cells are missing.

    Args:
        file: where it is.
        separator: between the fields; None for the one that the header has most of.
        quoted: whether fields may be in double quotes, and then contain separators and line ends.

    Raises:
        DataError: the file is empty, or a line has too many or too few fields. An unquoted
            separator inside a title would otherwise shift the columns.
    """
    lines = lines_of(file)
    if separator is None:
        header = next((line for line in lines if line.strip()), "")
        separator = max(_SEPARATORS, key=header.count)
    names: list[str] | None = None
    rows = []
    for number, row in _quoted(lines, separator) if quoted else _plain_rows(lines, separator):
        if not any(row):
            continue
        if names is None:
            names = [cell.strip() for cell in row]
        elif len(row) == len(names):
            rows.append(row)
        else:
            raise DataError(
                f"{file}, line {number}: {counted(len(row), 'field')} instead of {len(names)} "
                "(a field that contains the separator must be quoted)"
            )
    if names is None:
        raise DataError(f"{file}: the file is empty")
    return pd.DataFrame(rows, columns=names, dtype="str").replace("", None)


def _plain_rows(lines: Sequence[str], separator: str) -> Iterator[_Record]:
    for number, line in enumerate(lines, start=1):
        yield number, line.split(separator)


def _quoted(lines: Sequence[str], separator: str) -> Iterator[_Record]:
    # Each record with the number of its last line.
    at = 0
    while at < len(lines):
        end, row = _record(lines, at, separator)
        yield end, row
        at = end


def _record(lines: Sequence[str], at: int, separator: str) -> tuple[int, list[str]]:
    # The end and the fields of the record that begins at a line. A quote that is not closed before
    # a separator or a line end is a character like any other; it would swallow the lines after it.
    if '"' not in lines[at]:
        return at + 1, lines[at].split(separator)
    row = next(csv.reader([lines[at] + "\n"], delimiter=separator), [])
    if not (row and row[-1].endswith("\n")):
        return at + 1, row
    rest = (f"{lines[i]}\n" for i in range(at, len(lines)))
    following = csv.reader(rest, delimiter=separator, strict=True)
    try:
        row = next(following)
        return at + following.line_num, row
    except csv.Error:
        return at + 1, lines[at].split(separator)
