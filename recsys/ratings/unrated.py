"""Items and users of whom a table knows something, and nobody a rating."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys.ids import IdIndex, as_id_array


class Where(NamedTuple):
    """The files of tables, for messages."""

    items: str | None = None
    users: str | None = None


class Unrated(NamedTuple):
    """Tables of items and users that are not in an index, with their ids in a column."""

    items: pd.DataFrame | None = None
    """With the ids in the column `item`; None if there are none."""
    users: pd.DataFrame | None = None
    """With the ids in the column `user`."""
    where: Where = Where()
    """Their files, where they are not those next to the ratings."""


NOTHING_MORE = Unrated()
"""No such items and users."""


def placed(table: pd.DataFrame, rows: npt.NDArray[np.int64], n: int) -> pd.DataFrame:
    """A table of n rows: those given are the rows of `table`, the others are missing."""
    return table.set_axis(rows).reindex(pd.RangeIndex(n))


def joined(
    index: IdIndex, table: pd.DataFrame, more: pd.DataFrame | None
) -> tuple[IdIndex, pd.DataFrame]:
    """An index and its table with `more` ids and rows; as they are if there are none that fit."""
    if more is None:
        return index, table
    ids = as_id_array(more[index.kind].to_numpy(), index.kind)
    if index.is_integer and ids.dtype.kind != "i":
        return index, table
    if not index.is_integer:
        ids = np.array([str(one) for one in ids.tolist()], object)
    new = index.find(ids) < 0
    both = IdIndex(np.concatenate([index.ids, ids[new]]), index.kind)
    own = table.set_axis(both.rows(index.ids))
    others = more[new].drop(columns=index.kind).set_axis(both.rows(ids[new]))
    return both, pd.concat([own, others]).sort_index().reset_index(drop=True)
