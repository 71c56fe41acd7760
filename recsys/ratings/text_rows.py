"""The rows of a text file, line by line: slow, and exactly what the file says."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator

from recsys.errors import DataError
from recsys.ratings.compressed import opened
from recsys.ratings.text_bytes import BOM, not_in

Row = tuple[int, list[str]]
"""Number of a row's first line, from 1, and its fields."""


def rows_of(file: str, encoding: str, separator: str, quoted: bool) -> Iterator[Row]:
    """The rows of a file; lines end in LF, CR LF or CR, and blank lines are left out.

    Raises:
        DataError: a line is not in this encoding, contains a NUL, or has a quote inside a field or
            without an end.
    """
    with opened(file) as stream:
        try:
            text = io.TextIOWrapper(stream, encoding=encoding, newline="")
            yield from split_rows(file, text, separator, quoted)
        except UnicodeError as error:
            raise not_in(file, encoding, error) from None


def split_rows(file: str, lines: Iterable[str], separator: str, quoted: bool) -> Iterator[Row]:
    """`rows_of` for lines that are already read."""
    numbered = _Numbered(file, lines)
    if quoted and len(separator) == 1:
        yield from _quoted(file, numbered, separator)
        return
    blanks = re.compile(" +") if separator == " " else None
    for line in numbered:
        text = line.rstrip("\r\n")
        if not _blank(text, separator):
            cells = blanks.split(text.strip(" ")) if blanks else text.split(separator)
            yield numbered.n, cells


class _Numbered:
    """Lines without byte-order marks, and the number of lines read so far."""

    def __init__(self, file: str, lines: Iterable[str]) -> None:
        self._file, self._lines = file, lines
        self.n = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.n += 1
            if "\0" in line:
                raise DataError(
                    f"{self._file}, line {self.n}: contains a NUL byte: not text, or in another "
                    "encoding, such as --encoding utf-16"
                )
            # Every file of several that were joined may begin with a byte-order mark.
            yield line.removeprefix(BOM)


def _quoted(file: str, lines: _Numbered, separator: str) -> Iterator[Row]:
    of_row: list[str] = []

    def noted() -> Iterator[str]:
        for line in lines:
            of_row.append(line)
            yield line

    reader = csv.reader(noted(), delimiter=separator, strict=True)
    while True:
        begins = lines.n + 1
        of_row.clear()
        try:
            cells = next(reader, None)
        except csv.Error as error:
            cells = _escaped(of_row, separator)
            if cells is not None:
                yield begins, cells
                continue
            said = str(error)
            if "unexpected end of data" in said:
                said = "a quote is never closed"
            elif "expected after" in said:
                blank = any(re.search(rf'"[ \t]+{re.escape(separator)}', line) for line in of_row)
                what = "no blanks after a quote" if blank else "a quote within a field twice"
                said = f"{said}; write {what}"
            raise DataError(f"{file}, line {begins}: {said}") from None
        if cells is None:
            return
        if cells and not (len(cells) == 1 and not cells[0].strip()):
            yield begins, cells


def _escaped(lines: list[str], separator: str) -> list[str] | None:
    # The fields of a row with a backslash before each quote within a field; None without one.
    if not any('\\"' in line for line in lines):
        return None
    try:
        return next(csv.reader(lines, delimiter=separator, strict=True, escapechar="\\"))
    except csv.Error:
        return None


def _blank(line: str, separator: str) -> bool:
    return not line.strip() and (separator == " " or separator not in line)
