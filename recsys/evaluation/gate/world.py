"""Is this still the same world? How much of what a served model learned from is in some data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recsys.errors import DataError
from recsys.ids import IdIndex
from recsys.ratings.matching import is_in
from recsys.ratings.ratings import Ratings
from recsys.recommend.recommender import Recommender

LEAST_FOUND = 0.9
"""Share of a served model's ratings, users and items that must be in the candidate's data."""


@dataclass(frozen=True)
class Found:
    """How many of the ratings, users or items of a history are in some data."""

    what: str
    n: int
    of: int

    @property
    def share(self) -> float:
        """Those found / all, 0 to 1."""
        return self.n / self.of

    @property
    def enough(self) -> bool:
        """Whether the share is at least `LEAST_FOUND`."""
        return self.n >= LEAST_FOUND * self.of

    def __str__(self) -> str:
        # Rounded down, so that no share below the limit reads as the limit.
        percent = math.floor(1000 * self.share) / 10
        return f"{self.n:,} of the {self.of:,} {self.what} ({percent:g} %)"


def history_in(model: Recommender, data: Sequence[Ratings]) -> tuple[Found, ...]:
    """How much of a model's history is in some data: ratings, users, items.

    A rating is found where its user and item are a pair of the data, whatever its value. Ids are
    compared as `IdIndex.find` does: 7 and "7" are the same.

    Args:
        model: the model in service; it needs its history.
        data: ratings without a pair in common.

    Raises:
        DataError: the history is empty.
    """
    history = model.seen()
    if not history.nnz:
        raise DataError("the history of the model in service is empty; train it again")
    fitted = model.fitted
    pairs = sum(int(is_in(fitted.users, fitted.items, history, part).sum()) for part in data)
    rows = np.diff(history.indptr) > 0
    columns = np.bincount(history.indices, minlength=history.shape[1]) > 0
    return (
        Found("ratings", pairs, int(history.nnz)),
        _found(fitted.users, rows, [part.users for part in data]),
        _found(fitted.items, columns, [part.items for part in data]),
    )


def _found(index: IdIndex, used: npt.NDArray[np.bool_], others: Sequence[IdIndex]) -> Found:
    there = np.zeros(len(index), bool)
    for other in others:
        rows = index.find(other.ids)
        there[rows[rows >= 0]] = True
    return Found(f"{index.kind}s", int((there & used).sum()), int(used.sum()))
