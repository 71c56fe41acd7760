"""`RawRatings`: what a layout reads from a source, before anything is decided about its values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from recsys.ratings.account import Taken
from recsys.ratings.columns import ROLES


@dataclass
class RawRatings:
    """The columns of a source by role, and what the account says of them."""

    columns: dict[str, Any]
    """Column by role. User and item ids: NumPy array, or Arrow column of int64 or text; rating:
    float32, finite; timestamp: float64, seconds since 1970. Rating and timestamp may be absent."""
    taken: Mapping[str, Taken]
    """Role → the column taken for it."""
    unused: tuple[str, ...] = ()
    """Other columns of the source."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Reason → number of rows that were left out."""
    remarks: list[str] = field(default_factory=list)
    """What else a person should know."""
    missing: list[float] = field(default_factory=list)
    """Values that were left out because they stand for "not rated"."""

    @property
    def n_rows(self) -> int:
        """Rows that are left."""
        return len(self.columns["user"])


LEAVE_OUT = "; --incomplete drop leaves out rows like this (in Python incomplete='drop')"
"""The remedy for a row in which something is missing."""


def empty_column(role: str, name: str) -> str:
    """What to say of a column of ratings or times without a value in any row.

    >>> empty_column("timestamp", "date")
    "'date' is empty in every row; --column timestamp= reads no times (in Python timestamp='')"
    """
    none = "no times" if role == "timestamp" else "every row as seen"
    return f"{name!r} is empty in every row; --column {role}= reads {none} (in Python {role}='')"


def count_lacking(dropped: dict[str, int], role: str, n: int = 1) -> None:
    """Counts rows that are left out because they lack a value of this role.

    >>> dropped = {"no user": 2}
    >>> count_lacking(dropped, "user")
    >>> count_lacking(dropped, "timestamp", 4)
    >>> dropped
    {'no user': 3, 'no time': 4}
    """
    why = f"no {'time' if role == 'timestamp' else role}"
    dropped[why] = dropped.get(why, 0) + n


def taken_from(names: Mapping[str, str], columns: Mapping[str, Any]) -> dict[str, Taken]:
    """Role → name of its column and its value in the first row."""
    return {
        role: Taken(names[role], _example(role, columns[role]))
        for role in sorted(names, key=ROLES.index)
    }


def _example(role: str, column: Any) -> str:
    if not len(column):
        return ""
    first = str(column[0])
    return first.removesuffix(".0") if role == "timestamp" else first
