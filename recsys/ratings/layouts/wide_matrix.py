"""A wide table: a row per user, a column per item, as pivot tables are written."""

from __future__ import annotations

import csv
import io
from array import array
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recsys.errors import DataError
from recsys.ids import shown
from recsys.ratings.account import counted
from recsys.ratings.columns import LARGEST, RECOGNIZED, few, plain
from recsys.ratings.compressed import first_lines, opened
from recsys.ratings.layout import Layout
from recsys.ratings.matrices import ZERO_IS_NONE
from recsys.ratings.raw import RawRatings, taken_from
from recsys.ratings.source import Source
from recsys.ratings.text_bytes import BOM
from recsys.ratings.text_columns import has_decimal_commas
from recsys.ratings.text_format import is_number

FEWEST = 9
"""Fields per line of a file that is recognized as a wide matrix."""
NOT_RATED = 99.0
"""What Jester has for no rating."""
EMPTY = ("", "nan", "na", "null", "none", "-")
"""How an empty cell is written, in lower case."""

_FEWEST_ROWS = 3  # from which on it says something that a column is full
_MOST_LEVELS = 21  # different values of a scale of ratings
_SEPARATORS = ",\t;|"
_ROWS = 50  # that are looked at
_NAMES = {"user": "column 1", "item": "names of the columns", "rating": "cells"}


def is_wide(file: str) -> bool:
    """Whether a file has a header of items, and cells that are mostly empty or on one scale."""
    rows, separator = head_of(file)
    if len(rows) < 2 or len(rows[0]) < FEWEST or all(map(is_number, rows[0])):
        return False
    names = {plain(cell) for cell in rows[0]}
    roles = {role for role, known in RECOGNIZED.items() if names & set(known)}
    others = {"user", "item"} - roles
    ids = [row[0] for row in rows[1:]]
    of_events = sum(name.endswith("id") for name in names) > 1 or len(set(ids)) < len(ids)
    if not others or of_events or roles & {"rating", "timestamp"}:
        return False
    return _is_scale(rows[1:], separator)


def looks_wide(file: str) -> bool:
    """Whether a file is a wide matrix, perhaps without a header."""
    rows, separator = head_of(file)
    return is_wide(file) or (
        len(rows) > 1 and len(rows[0]) >= FEWEST and _is_scale(rows, separator)
    )


def count_first(rows: list[list[str]]) -> bool:
    """Whether rows begin with the number of their values that are not 99, as Jester's do."""
    if len(rows) < _FEWEST_ROWS or len(rows[0]) < FEWEST or not all(map(counts_itself, rows)):
        return False
    alike = all(len(row) == len(rows[0]) for row in rows)
    return alike and any(float(cell) == NOT_RATED for row in rows for cell in row[1:])


def counts_itself(row: list[str]) -> bool:
    """Whether a row of numbers begins with the number of its values that are not 99."""
    if not all(map(is_number, row)):
        return False
    return float(row[0]) == sum(float(cell) != NOT_RATED for cell in row[1:])


def read(file: str, source: Source) -> RawRatings:
    """See `Layout.read`.

    Without a header the ids are the numbers of rows and columns from 1. If no cell is empty, a 0
    is an empty cell. If the first column is called as items are, rows are items.

    Raises:
        DataError: a line has too many or too few fields, a cell is not a number, or the id of a row
            or column with ratings is missing; names line and column.
    """
    first_rows, _ = head_of(file, source.separator)
    if count_first(first_rows) or count_first(first_rows[1:]):
        raise DataError(f"{file}: column 1 has the number of values of its row, and no rating")
    rows = rows_of(file, source)
    first = next(rows, None)
    if first is None:
        raise DataError(f"{file}: the file is empty")
    header = source.header if source.header is not None else not all(map(is_number, first[1]))
    names = first[1] if header else []
    second = next(rows, None)
    rows = chain([first] * (not header), [second] if second else [], rows)
    if header and second is not None and len(second[1]) == len(names) + 1:
        names = ["", *names]  # as R writes a matrix, whose rows have names
    width = len(names or first[1])
    comma = source.decimal == ","
    if source.decimal is None:
        head, separator = head_of(file, source.separator)
        comma = has_decimal_commas(separator, _filled(head[int(header) :]))
    ids: list[str] = []
    lines: list[int] = []
    at, columns, values, n_empty = array("q"), array("q"), array("d"), 0
    for line, cells in rows:
        if len(cells) != width:
            raise DataError(
                f"{file}, line {line}: {counted(len(cells), 'field')} instead of {width}"
            )
        ids.append(cells[0] if header else str(len(ids) + 1))
        lines.append(line)
        for column in range(int(header), width):
            cell = cells[column]
            if cell.lower() in EMPTY:
                n_empty += 1
                continue
            number = cell.replace(",", ".") if comma and "." not in cell else cell
            if not (is_number(number) and abs(float(number)) <= LARGEST):
                what = repr(names[column]) if header else f"column {column + 1}"
                raise DataError(
                    f"{file}, line {line}: {what} is {shown(cell)}, not a finite number"
                )
            at.append(len(ids) - 1)
            columns.append(column)
            values.append(float(number))
    items = names if header else [str(number + 1) for number in range(width)]
    return _ratings(file, (ids, lines), items, (at, columns, values), n_empty)


def _ratings(
    file: str,
    of_rows: tuple[list[str], list[int]],
    items: list[str],
    cells: tuple[Any, Any, Any],
    n_empty: int,
) -> RawRatings:
    # From the ids and lines of the rows, the names of the columns, and the cells that are filled.
    ids, lines = of_rows
    rows, columns, values = map(np.asarray, cells)
    remarks = [
        f"read as a matrix with a row per user and a column per item: "
        f"{counted(len(ids), 'row')}, {counted(len(set(columns.tolist())), 'column')}"
    ]
    if not n_empty:
        kept = values != 0
        rows, columns, values = rows[kept], columns[kept], values[kept]
        remarks += [] if kept.all() else [ZERO_IS_NONE]
    if not len(values):
        raise DataError(f"{file}: the file holds no ratings")
    remarks += _not_items(items, len(ids), columns, values)
    for row in _nameless(ids, rows):
        raise DataError(f"{file}, line {lines[row]}: column 1, which names the row, is empty")
    for column in _nameless(items, columns):
        raise DataError(f"{file}: column {column + 1} has ratings, and no name in the first line")
    arrays = {
        "user": _chosen(ids, rows), "item": _chosen(items, columns),
        "rating": values.astype(np.float32),
    }  # fmt: skip
    if plain(items[0]) in RECOGNIZED["item"]:
        arrays["user"], arrays["item"] = arrays["item"], arrays["user"]
        remarks[0] = remarks[0].replace("row per user and a column per item", "row per item")
    return RawRatings(arrays, taken_from(_NAMES, arrays), remarks=remarks)


def _not_items(
    names: list[str], n_rows: int, columns: npt.NDArray[Any], values: npt.NDArray[Any]
) -> list[str]:
    # A remark on full columns with numbers that the others do not have, such as an age.
    counts = np.bincount(columns, minlength=len(names))
    full = np.isin(columns, np.flatnonzero(counts == n_rows))
    rest = values[~full]
    if n_rows < _FEWEST_ROWS or not len(rest):
        return []
    other = columns[full & ((values < rest.min()) | (values > rest.max()))]
    if not len(other):
        return []
    which = few([names[column] for column in np.unique(other)])
    return [
        f"{which}: every row has a value, some outside the range of the other columns; remove from "
        "the file what is not an item"
    ]


def _nameless(names: list[str], used: Any) -> list[int]:
    # Those that are used.
    empty = [number for number, name in enumerate(names) if not name]
    return np.intersect1d(used, empty).tolist() if empty else []


def _chosen(names: list[str], rows: Any) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(names, pa.string()).take(pa.array(rows))])


def rows_of(file: str, source: Source) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row, with the number of its last line."""
    separator = source.separator or _separator(first_lines(file)[:1])
    try:
        with opened(file) as stream:
            text = io.TextIOWrapper(stream, source.encoding or "utf-8", newline="")
            # Every file of several that were joined may begin with a byte-order mark.
            reader = csv.reader((line.removeprefix(BOM) for line in text), delimiter=separator)
            for row in reader:
                if any(row):
                    yield reader.line_num, [cell.strip() for cell in row]
    except (OSError, csv.Error, ValueError, TypeError, pa.ArrowException, LookupError) as error:
        raise DataError(f"{file}: cannot be read ({error})") from None


def head_of(file: str, separator: str | None = None) -> tuple[list[list[str]], str]:
    """The cells of the first lines, and their separator."""
    lines = first_lines(file)[: _ROWS + 1]
    separator = separator or _separator(lines[:1])
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=separator)]
    except (csv.Error, TypeError):  # the separator may have several letters
        rows = []
    return rows, separator


def _separator(lines: list[str]) -> str:
    return max(_SEPARATORS, key=lines[0].count) if lines else ","


def _filled(rows: list[list[str]]) -> list[str]:
    return [cell for row in rows for cell in row[1:] if cell.lower() not in EMPTY]


def _is_scale(rows: list[list[str]], separator: str) -> bool:
    cells = [cell for row in rows for cell in row[1:]]
    filled = _filled(rows)
    if has_decimal_commas(separator, filled):
        filled = [cell.replace(",", ".") for cell in filled]
    if not filled or not all(map(is_number, filled)) or len({len(row) for row in rows}) > 1:
        return False
    zeros = sum(float(cell) == 0 for cell in filled)
    mostly_empty = len(filled) - zeros < len(cells) / 2
    return mostly_empty or len({float(cell) for cell in filled}) <= _MOST_LEVELS


LAYOUT = Layout(
    name="wide matrix",
    priority=4,
    matches=is_wide,
    resembles=looks_wide,
    read=read,
    has_columns=False,
)
