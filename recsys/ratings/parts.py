"""Ratings in several files that belong together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from recsys.errors import DataError
from recsys.ratings.raw import RawRatings, taken_from


def joined(parts: Sequence[RawRatings], where: str) -> RawRatings:
    """The ratings of all parts, in their order.

    Raises:
        DataError: there are none, or the parts have different columns.
    """
    if not parts:
        raise DataError(f"{where} holds no ratings")
    names = {role: taken.name for role, taken in parts[0].taken.items()}
    for part in parts:
        if {role: taken.name for role, taken in part.taken.items()} != names:
            raise DataError(f"{where}: the parts have different columns")
    columns = {role: _joined([part.columns[role] for part in parts]) for role in names}
    dropped: dict[str, int] = {}
    for part in parts:
        for reason, n in part.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + n
    remarks = list(dict.fromkeys(one for part in parts for one in part.remarks))
    return RawRatings(columns, taken_from(names, columns), parts[0].unused, dropped, remarks)


def _joined(columns: Sequence[Any]) -> Any:
    if all(isinstance(column, np.ndarray) for column in columns):
        return np.concatenate(columns)
    if any(isinstance(column, np.ndarray) for column in columns):
        return np.concatenate([np.asarray(column, dtype=object) for column in columns])
    if len({column.type for column in columns}) > 1:  # numbers in one part, text in another
        columns = [column.cast(pa.string()) for column in columns]
    return pa.chunked_array([chunk for column in columns for chunk in column.chunks])
