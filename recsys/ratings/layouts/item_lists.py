"""A line per user with their items, as the data sets of NGCF and LightGCN are written."""

from __future__ import annotations

import io
import re
from array import array

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recsys.errors import DataError
from recsys.ratings.columns import first_line
from recsys.ratings.compressed import first_lines, opened
from recsys.ratings.layout import Layout
from recsys.ratings.raw import RawRatings, taken_from
from recsys.ratings.source import Source

_NUMBERS = re.compile(r"\d+(?: +\d+)* *")
_LINES, _FEWEST_LENGTHS = 50, 3
_NAMES = {"user": "first number of a line", "item": "its other numbers"}


def are_lists(file: str) -> bool:
    """Whether lines are whole numbers between blanks, of several lengths, and numbered in turn.

    Without the numbers, lines may be baskets of nobody.
    """
    lines = first_lines(file)[:_LINES]
    if not all(map(_NUMBERS.fullmatch, lines)):
        return False
    rows = [line.split() for line in lines]
    users = [int(row[0]) for row in rows]
    in_turn = users == list(range(users[0], users[0] + len(rows))) if rows else False
    return in_turn and len({len(row) for row in rows}) >= _FEWEST_LENGTHS


def pairs(file: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """User (n,) and item (n,) of each pair, in the order of the file. Users may have no items.

    Raises:
        DataError: a field is not a whole number, or the file cannot be read or has no lines.
    """
    users, items, number, line = array("q"), array("q"), 0, ""
    try:
        with opened(file) as stream:
            for line in io.TextIOWrapper(stream, "ISO-8859-1"):
                number += 1
                row = [int(field) for field in line.split()]
                if row:
                    users.extend(row[:1] * (len(row) - 1))
                    items.extend(row[1:])
    except (ValueError, OverflowError):
        raise DataError(
            f"{file}, line {number}: must be whole numbers, not {line.strip()[:60]!r}"
        ) from None
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{file}: cannot be read ({first_line(error)})") from None
    if not number:
        raise DataError(f"{file}: the file is empty")
    return np.array(users, np.int64), np.array(items, np.int64)


def read(file: str, source: Source) -> RawRatings:
    """See `Layout.read`."""
    columns = dict(zip(("user", "item"), pairs(file), strict=True))
    if not len(columns["user"]):
        raise DataError(f"{file}: the file holds no ratings")
    remark = "read as a user and their items on each line"
    return RawRatings(columns, taken_from(_NAMES, columns), remarks=[remark])


LAYOUT = Layout(
    name="item lists",
    priority=7,
    matches=are_lists,
    read=read,
    has_columns=False,
)
