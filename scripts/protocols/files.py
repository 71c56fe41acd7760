"""The files of a protocol: ratings in the order of their file, and splits by their rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys.errors import DataError
from recsys.ratings import splits
from recsys.ratings.ratings import Ratings
from recsys.ratings.splits import Split

Flags = npt.NDArray[np.bool_]

_NAMES = ["user", "item", "rating", "timestamp"]
_KINDS = {"ratings.parquet": None, "u.data": "\t", "ratings.dat": ":", "ratings.csv": ","}


def existing(path: Path, *names: str) -> tuple[Path, ...]:
    """The files with these names in a folder.

    Raises:
        DataError: one is not there.
    """
    for name in names:
        if not (path / name).is_file():
            raise DataError(f"{path / name} is not there; the folder must hold {', '.join(names)}")
    return tuple(path / name for name in names)


def movielens_rows(path: Path) -> pd.DataFrame:
    """The ratings of a MovieLens folder, or of one such file, in the order of the file.

    The columns are user, item, rating and, where it is known, timestamp.

    Raises:
        DataError: there is no ratings file.
    """
    files = [path] if path.is_file() else [path / name for name in _KINDS]
    found = next((file for file in files if file.is_file() and file.name in _KINDS), None)
    if found is None:
        raise DataError(f"{path}: must be, or hold, one of {', '.join(_KINDS)}")
    separator = _KINDS[found.name]
    if separator is None:
        table = pd.read_parquet(found)
        table = table.rename(columns={"user_id": "user", "item_id": "item"})
        return table[[name for name in _NAMES if name in table]]
    if separator == ":":  # user::item::rating::timestamp, which pandas' fast parser cannot split
        return pd.read_csv(
            found, sep=":", header=None, usecols=[0, 2, 4, 6], names=range(7)
        ).set_axis(_NAMES, axis=1)
    return pd.read_csv(found, sep=separator, header=0 if separator == "," else None, names=_NAMES)


def ratings_and_order(rows: pd.DataFrame) -> tuple[Ratings, npt.NDArray[np.int64]]:
    """Ratings of the rows, and for each rating in their order the row it comes from.

    Raises:
        DataError: a user has rated an item twice.
    """
    rating = "rating" if "rating" in rows else None
    ratings = Ratings.from_frame(rows, "user", "item", rating)
    if ratings.n_ratings != len(rows):
        twice = len(rows) - ratings.n_ratings
        raise DataError(f"{twice} ratings are of a pair that was rated before; remove one of each")
    users, items = ratings.users.rows(rows["user"]), ratings.items.rows(rows["item"])
    return ratings, np.lexsort((items, users))


def with_tables(ratings: Ratings, known: Ratings) -> Ratings:
    """The ratings with what other ratings of the same users and items know of them."""
    items = known.item_table.iloc[known.items.rows(ratings.items.ids)]
    users = known.user_table.iloc[known.users.rows(ratings.users.ids)]
    return replace(
        ratings,
        item_table=items.reset_index(drop=True),
        user_table=users.reset_index(drop=True),
    )


def split_rows(ratings: Ratings, order: npt.NDArray[np.int64], is_test: Flags, how: str) -> Split:
    """The split whose test ratings come from the rows where `is_test` is true.

    Test ratings of items without training ratings stay.
    """
    return splits.by_mask(ratings, is_test[order], how, unseen_items="keep")
