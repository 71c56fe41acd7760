"""From the columns of a DataFrame to the arrays that each role needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys.arguments import said
from recsys.errors import ArgumentError, DataError
from recsys.ids import IdArray, shown
from recsys.ratings.columns import LARGEST
from recsys.ratings.numeric import numbers_in
from recsys.ratings.raw import LEAVE_OUT, RawRatings, count_lacking, empty_column, taken_from
from recsys.ratings.times import times_as_seconds


def raw_of(frame: pd.DataFrame, named: Mapping[str, str | None], drops: bool = False) -> RawRatings:
    """The ratings in a table, whose columns are named by role (user, item, rating, timestamp).

    Rating and timestamp may be None; they are absent from the result then. If `drops` is true, rows
    in which a value is missing are left out.

    Raises:
        ArgumentError: two roles have the same column.
        DataError: a column is missing or ambiguous, or a value in it is not of its role.
    """
    arrays: dict[str, Any] = {}
    dropped: dict[str, int] = {}
    columns = {}
    for role, column in named.items():
        if role in ("rating", "timestamp") and (column is None or str(column) == ""):
            continue
        word = "time" if role == "timestamp" else role
        try:
            hash(column)
        except TypeError:  # a list, or a column in place of its name
            raise ArgumentError(
                f"{word} must be the name of a column, not {said(column)}"
            ) from None
        if list(frame.columns).count(str(column)) != 1:
            have = ", ".join(map(repr, frame.columns))
            often = "more than one" if column in frame.columns else "no"
            raise DataError(f"the table has {often} {word} column {column!r}; it has {have}")
        if list(named.values()).count(column) > 1:
            raise ArgumentError(f"{word} must name a column of its own, not {column!r} again")
        columns[role] = column
    for role, column in columns.items():
        lacking = frame[column].isna()
        if role in ("rating", "timestamp") and len(lacking) and lacking.all():
            raise DataError(f"the table: {empty_column(role, str(column))}")
        if drops and lacking.any():
            count_lacking(dropped, role, int(lacking.sum()))
            frame = frame[~lacking]
    if dropped and not len(frame):
        raise DataError("the table holds no complete row")
    for role, column in columns.items():
        arrays[role] = _column(frame[column], role)
    names = {role: str(named[role]) for role in arrays}
    unused = tuple(str(name) for name in frame.columns if name not in named.values())
    return RawRatings(arrays, taken_from(names, arrays), unused, dropped)


def table_rows(table: pd.DataFrame, column: str, kind: str) -> pd.DataFrame:
    """A table of items or users with its ids in the column `kind`, "item" or "user".

    Raises:
        DataError: they were neither there nor in `column`.
    """
    own = column if column in table.columns else kind
    if own not in table.columns:
        raise DataError(f"the {kind} table has no column {column!r}, which names the {kind}s")
    others = [c for c in table.columns if c == own or c != kind]
    return table[others].rename(columns={own: kind})


def _column(series: pd.Series[Any], role: str) -> npt.NDArray[Any]:
    name = series.name
    if role in ("user", "item"):
        missing = series.isna().to_numpy()
        if missing.any():
            row = int(missing.argmax())
            raise DataError(f"row {row}: the {role} id in {name!r} is missing{LEAVE_OUT}")
        values: IdArray = series.to_numpy()
        return values
    if role == "timestamp":
        return times_as_seconds(series)
    if series.dtype.kind in "Mmc":
        raise DataError(f"column {name!r} is {series.dtype}, not numbers")
    numbers = numbers_in(series).to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~(np.abs(numbers) <= LARGEST)  # also true for NaN
    if bad.any():
        row = int(bad.argmax())
        remedy = LEAVE_OUT if series.isna().iloc[row] else ""
        raise DataError(
            f"row {row}: {name!r} is {shown(series.iloc[row])}, not a finite number{remedy}"
        )
    return numbers.astype(np.float32)
