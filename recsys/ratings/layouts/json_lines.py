"""JSON: an object per line, as Amazon's reviews, or one list of objects, also in a document."""

from __future__ import annotations

import json
from array import array
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from recsys.errors import DataError
from recsys.ids import shown
from recsys.ratings.columns import LARGEST, NULLS, assign_roles, few
from recsys.ratings.item_tables import normalized
from recsys.ratings.json_objects import objects
from recsys.ratings.layout import ItemFiles, Layout, named
from recsys.ratings.numeric import numbers_in
from recsys.ratings.raw import LEAVE_OUT, RawRatings, count_lacking, empty_column, taken_from
from recsys.ratings.source import Source
from recsys.ratings.times import times_as_seconds
from recsys.visible import writable


def read(file: str, source: Source) -> RawRatings:
    """See `Layout.read`. An object without a user, item or value is an error.

    Raises:
        DataError: a line is not an object, or a value is missing or wrong; names the line.
    """
    keys: dict[str, None] = {}
    roles: dict[str, str] = {}
    dropped: dict[str, int] = {}
    remarks: list[str] = []
    lines, cells = _cells(file, keys, roles, source, dropped, remarks)
    if roles != assign_roles(list(keys), source.columns, file):
        # A later line has a key that the first has not.
        roles = assign_roles(list(keys), source.columns, file)
        dropped.clear()
        lines, cells = _cells(file, keys, roles, source, dropped, [])
    columns = {role: _column(role, roles[role], cells[role], lines, file) for role in roles}
    unused = tuple(key for key in keys if key not in roles.values())
    return RawRatings(columns, taken_from(roles, columns), unused, dropped, remarks)


def read_items(file: str) -> pd.DataFrame:
    """The items in a JSON file."""
    return normalized(pd.DataFrame([writable(row) for _, row in objects(file)]))


def _cells(
    file: str,
    keys: dict[str, None],
    roles: dict[str, str],
    source: Source,
    dropped: dict[str, int],
    remarks: list[str],
) -> tuple[array[int], dict[str, list[Any]]]:
    # The line of each row, and its values by role. Fills `keys`, and `roles` where it is empty;
    # counts in `dropped` which rows are left out. Adds to `remarks`.
    lines: array[int] = array("q")
    cells: dict[str, list[Any]] = {role: [] for role in roles}
    filled: set[str] = set()
    for number, row in objects(file, remarks):
        if not row.keys() <= keys.keys():
            keys.update(dict.fromkeys(row))
        if not roles:
            roles.update(_roles(row, source, file))
            cells = {role: [] for role in roles}
        absent = [role for role, key in roles.items() if _is_absent(role, row.get(key))]
        filled.update(roles.keys() - absent)
        lacking = next(iter(absent), None)
        if lacking is not None and source.drops:
            count_lacking(dropped, lacking)
            continue
        lines.append(number)
        for role, key in roles.items():
            cells[role].append(row.get(key))
    for role in ("rating", "timestamp"):
        if role in roles and role not in filled:
            raise DataError(f"{file}: {empty_column(role, roles[role])}")
    if not lines:
        raise DataError(f"{file}: the file holds no {'complete row' if dropped else 'ratings'}")
    return lines, cells


def _roles(row: dict[str, Any], source: Source, file: str) -> dict[str, str]:
    try:
        return assign_roles(list(row), source.columns, file)
    except DataError as error:
        lists = [key for key, cell in row.items() if isinstance(cell, list)]
        inside = [key for key in lists if any(isinstance(one, dict) for one in row[key])]
        if not inside:
            raise
        raise DataError(
            f"{error}; if the rows are in the lists at {few(inside)}, write each as an object of "
            "its own, with the user and item"
        ) from None


def _is_absent(role: str, cell: Any) -> bool:
    if role in ("user", "item"):
        return cell is None or cell == ""
    return cell is None or cell != cell or cell in ("", *NULLS)


def _column(role: str, key: str, cells: list[Any], lines: array[int], file: str) -> Any:
    for line, cell in zip(lines, cells, strict=True):
        if cell is None:
            raise DataError(f"{file}, line {line}: {key!r} is missing{LEAVE_OUT}")
        if isinstance(cell, dict | list) or (isinstance(cell, bool) and role != "rating"):
            raise DataError(f"{file}, line {line}: {key!r} is {json.dumps(cell)[:60]}, not a value")
    if role == "rating" and {type(cell) for cell in cells} > {bool}:
        line = next(n for n, cell in zip(lines, cells, strict=True) if isinstance(cell, bool))
        raise DataError(f"{file}, line {line}: {key!r} is true or false, and elsewhere a number")
    if role == "timestamp":
        try:
            return times_as_seconds(pd.Series(cells, name=key, dtype=object))
        except DataError as error:
            raise DataError(f"{file}, {error} (rows count from 0)") from None
    if role == "rating":
        return _numbers(key, cells, lines, file)
    for line, cell in zip(lines, cells, strict=True):
        if cell != writable(cell):
            raise DataError(f"{file}, line {line}: {key!r} has half of a surrogate pair")
    if all(isinstance(cell, str) for cell in cells):
        return pa.chunked_array([pa.array(cells, pa.string())])
    found = np.empty(len(cells), object)
    found[:] = cells
    return found


def _numbers(key: str, cells: list[Any], lines: array[int], file: str) -> Any:
    values = numbers_in(pd.Series(cells, dtype=object)).to_numpy(np.float64)
    bad = ~(np.abs(values) <= LARGEST)  # also true for NaN
    if bad.any():
        at = int(bad.argmax())
        raise DataError(
            f"{file}, line {lines[at]}: {key!r} is {shown(cells[at])}, not a finite number"
        )
    return values.astype(np.float32)


_is_json = named("*.jsonl", "*.ndjson", "*.json")

LAYOUT = Layout(
    name="JSON lines",
    priority=46,
    files=("ratings.jsonl", "ratings.ndjson", "ratings.json"),
    matches=_is_json,
    read=read,
    items=ItemFiles(
        files=(
            "movies.jsonl",
            "movies.ndjson",
            "movies.json",
            "items.jsonl",
            "items.ndjson",
            "items.json",
        ),
        matches=_is_json,
        read=read_items,
    ),
)
