"""Items and users of whom a table knows something, and nobody a rating."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys.ids import IdIndex, as_id_array

if TYPE_CHECKING:
    from recsys.ratings.ratings import Ratings


class Unrated(NamedTuple):
    """Tables of items and users that are not in an index, with their ids in a column."""

    items: pd.DataFrame | None = None
    """With the ids in the column `item`; None if there are none."""
    users: pd.DataFrame | None = None
    """With the ids in the column `user`."""


def placed(table: pd.DataFrame, rows: npt.NDArray[np.int64], n: int) -> pd.DataFrame:
    """A table of n rows: those given are the rows of `table`, the others are missing."""
    return table.set_axis(rows).reindex(pd.RangeIndex(n))


def with_unrated(ratings: Ratings) -> Ratings:
    """The ratings over all items and users of their tables; see `Ratings.with_unrated`.

    Items whose ids are text where those of the ratings are whole numbers stay out.
    """
    users, user_table = _joined(ratings.users, ratings.user_table, ratings.unrated.users)
    items, item_table = _joined(ratings.items, ratings.item_table, ratings.unrated.items)
    if users is ratings.users and items is ratings.items:
        return ratings
    return ratings.reindex(users, items, item_table, user_table)


def _joined(
    index: IdIndex, table: pd.DataFrame, more: pd.DataFrame | None
) -> tuple[IdIndex, pd.DataFrame]:
    if more is None:
        return index, table
    ids = as_id_array(more[index.kind].to_numpy(), index.kind)
    if index.is_integer and ids.dtype.kind != "i":
        return index, table
    if not index.is_integer:
        ids = np.array([str(one) for one in ids.tolist()], object)
    new = index.find(ids) < 0
    joined = IdIndex(np.concatenate([index.ids, ids[new]]), index.kind)
    own = table.set_axis(joined.rows(index.ids))
    others = more[new].drop(columns=index.kind).set_axis(joined.rows(ids[new]))
    return joined, pd.concat([own, others]).sort_index().reset_index(drop=True)
