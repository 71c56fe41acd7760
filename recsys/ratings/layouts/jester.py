"""Jester's rows: how many jokes somebody rated, then a value for each joke, 99 for none."""

from __future__ import annotations

from array import array

import numpy as np
import numpy.typing as npt

from recsys.errors import DataError
from recsys.ids import shown
from recsys.ratings.account import counted
from recsys.ratings.columns import LARGEST
from recsys.ratings.layout import Layout
from recsys.ratings.layouts.wide_matrix import (
    NOT_RATED,
    count_first,
    counts_itself,
    head_of,
    rows_of,
)
from recsys.ratings.raw import RawRatings, taken_from
from recsys.ratings.source import Source
from recsys.ratings.text_format import is_number

_NAMES = {"user": "number of the row", "item": "number of the column", "rating": "cells"}


def is_jester(file: str) -> bool:
    """Whether each of the first rows begins with the number of its values that are not 99."""
    rows, _ = head_of(file)
    return count_first(rows[int(_numbers_columns(rows[0])) :] if rows else [])


def read(file: str, source: Source) -> RawRatings:
    """See `Layout.read`. Users and items are the numbers of their rows and columns, from 1.

    Raises:
        DataError: a row is shorter or longer than the first, has a cell that is not a number, or
            does not begin with the number of its values; names the line.
    """
    n_users, width = 0, 0
    users, items, values = array("q"), array("q"), array("f")
    for line, cells in rows_of(file, source):
        if not width:
            width = len(cells)
            if _numbers_columns(cells):
                continue
        n_users += 1
        found = _values(f"{file}, line {line}", cells, width)
        rated = np.flatnonzero(found != NOT_RATED)
        users.extend([n_users] * len(rated))
        items.extend((rated + 1).tolist())
        values.extend(found[rated].tolist())
    if not len(values):
        raise DataError(f"{file}: the file holds no ratings")
    columns = {
        "user": np.array(users, np.int64),
        "item": np.array(items, np.int64),
        "rating": np.array(values, np.float32),
    }
    remark = (
        f"read as Jester's matrix: {counted(n_users, 'row')} of a count and "
        f"{counted(width - 1, 'item')}, 99 for not rated"
    )
    return RawRatings(columns, taken_from(_NAMES, columns), remarks=[remark], missing=[NOT_RATED])


def _values(here: str, cells: list[str], width: int) -> npt.NDArray[np.float64]:
    # The values of a row, without their number.
    if len(cells) != width:
        raise DataError(f"{here}: {counted(len(cells), 'field')} instead of {width}")
    for cell in cells:
        if not (is_number(cell) and abs(float(cell)) <= LARGEST):
            raise DataError(f"{here}: {shown(cell)} is not a finite number")
    if not counts_itself(cells):
        n = sum(float(cell) != NOT_RATED for cell in cells[1:])
        raise DataError(
            f"{here}: begins with {shown(cells[0])}, and {n} of its values are not 99; correct "
            "the row"
        )
    return np.array(cells[1:], np.float64)


def _numbers_columns(row: list[str]) -> bool:
    # As pandas names the columns of a table that has no names.
    return row == [str(number) for number in range(len(row))]


LAYOUT = Layout(
    name="Jester",
    priority=6,
    matches=is_jester,
    read=read,
    has_columns=False,
)
