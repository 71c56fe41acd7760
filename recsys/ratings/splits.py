"""Splits into training and test ratings, over the same users and items, deterministic by seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from recsys.errors import DataError
from recsys.ids import IdIndex
from recsys.ratings.ratings import Ratings


@dataclass(frozen=True)
class Split:
    """Training and test ratings with one pair of indexes, and how they were parted."""

    train: Ratings
    test: Ratings
    how: str


def random(ratings: Ratings, test: float = 0.1, seed: int = 0) -> Split:
    """Each rating is a test rating with probability `test`.

    The draws are `numpy.random.default_rng(seed).random(n_ratings)` in row order (user, then item).

    Raises:
        ValueError: `test` is not strictly between 0 and 1.
        DataError: one side came out empty.
    """
    if not 0 < test < 1:
        raise ValueError(f"test must lie strictly between 0 and 1, not {test!r}")
    is_test = np.random.default_rng(seed).random(ratings.n_ratings) < test
    return _split(ratings, is_test, f"random, {test:g} of the ratings to the test, seed {seed}")


def kfold(ratings: Ratings, folds: int = 5, seed: int = 0) -> Iterator[Split]:
    """`folds` splits whose test parts are a random partition of the ratings, equal in size to one.

    Raises:
        ValueError: `folds` is not between 2 and the number of ratings.
    """
    if not 2 <= folds <= ratings.n_ratings:
        raise ValueError(f"folds must lie between 2 and {ratings.n_ratings}, not {folds!r}")
    fold = np.random.default_rng(seed).permutation(ratings.n_ratings) % folds
    for i in range(folds):
        yield _split(ratings, fold == i, f"fold {i + 1} of {folds}, random, seed {seed}")


def given(train: Ratings, test: Ratings) -> Split:
    """A split somebody else made, put over the union of the users and items of both parts.

    Raises:
        DataError: a pair is in both parts, or one has integer ids and the other strings.
    """
    indexes = []
    for kind in ("users", "items"):
        a, b = getattr(train, kind), getattr(test, kind)
        if a.is_integer != b.is_integer:
            raise DataError(f"train and test do not name their {kind} alike: integers and strings")
        indexes.append(IdIndex(np.union1d(a.ids, b.ids), a.kind))
    users, items = indexes
    # What the training part says of an item counts first.
    tables = [part.item_table.set_axis(items.rows(part.items.ids)) for part in (train, test)]
    table = pd.concat(tables)
    table = table[~table.index.duplicated()].sort_index().reset_index(drop=True)
    parts = [part.reindex(users, items, table) for part in (train, test)]
    ones = [part.with_values(np.ones(part.n_ratings)).matrix for part in parts]
    both = ones[0].multiply(ones[1])
    if both.nnz:
        row, column = (int(x[0]) for x in both.nonzero())
        raise DataError(
            f"{both.nnz} ratings are in both parts, first user {users.name(row)}, "
            f"item {items.name(column)}: take them out of one"
        )
    return Split(parts[0], parts[1], "given")


def _split(ratings: Ratings, is_test: np.typing.NDArray[np.bool_], how: str) -> Split:
    if is_test.all() or not is_test.any():
        side = "training" if is_test.all() else "test"
        raise DataError(f"the split ({how}) leaves no {side} ratings of {ratings.n_ratings}")
    return Split(ratings.select(~is_test), ratings.select(is_test), how)
