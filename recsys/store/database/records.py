"""What goes into a ratings store and comes out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.ids import IdArray

if TYPE_CHECKING:
    import pandas as pd

Id = int | str
OnRows = Callable[[int, int | None], None]
"""Called with how many ratings are done, and how many there are, where that is known."""
ACTIONS = ("click", "rating", "dismiss")
"""What people do with an item of a list."""


class Rating(NamedTuple):
    """A rating to be written."""

    item: Id
    value: float | None = None
    """None: seen, without a value."""
    time: float | None = None
    """Seconds since 1970; None for now."""


class UserRating(NamedTuple):
    """A rating with the person who gave it."""

    user: Id
    item: Id
    value: float | None = None
    time: float | None = None


def ignored(done: int, total: int | None) -> None:
    """An `OnRows` that does nothing."""


@dataclass(frozen=True, eq=False)
class Given:
    """What a person rated, in order of the items' ids as text."""

    items: IdArray
    """(n,) ids: int64, or object array of str."""
    values: npt.NDArray[np.float32]
    """(n,) NaN where the item was seen, without a value."""
    times: npt.NDArray[np.float64]
    """(n,) seconds since 1970; NaN where the time is not known."""

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True)
class Written:
    """What a write did."""

    seq: int
    """Its number; later writes have larger ones."""
    n: int
    """Ratings that were written or removed."""
    new_users: int = 0
    """People that the store did not know."""

    def to_dict(self) -> dict[str, int]:
        """Ready for JSON."""
        return {"seq": self.seq, "n": self.n, "new_users": self.new_users}


@dataclass(frozen=True)
class StoredItem:
    """What the store says of an item."""

    id: Id
    title: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Late:
    """Items that a model does not have, ready for `Ratings.from_frame(ratings, items=items)`."""

    items: pd.DataFrame
    """Columns item_id, title, and one for each attribute."""
    ratings: pd.DataFrame
    """Columns user_id, item_id, rating (NaN without a value), timestamp (NaN where not known)."""


@dataclass(frozen=True)
class Served:
    """A list that somebody was shown."""

    id: str
    items: Sequence[Id]
    """Best first."""
    model: str
    """Version of the model."""
    user: Id | None = None
    arm: str | None = None
    time: float | None = None
    """Seconds since 1970; None for now."""


class Lists(NamedTuple):
    """What was served since some time, and what people did with it."""

    served: pd.DataFrame
    """Columns id, time, user, model, arm, items (lists of ids)."""
    feedback: pd.DataFrame
    """Columns id (of the list), item, action, value, time."""


def described(name: str, ids: Sequence[Any], rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """A table of items or people with a column for each of their attributes.

    Args:
        name: of the column of ids.
        ids: one for each row.
        rows: with `attributes`, and of items `title`.
    """
    import pandas as pd

    columns: dict[str, Any] = {name: list(ids)}
    if not rows or "title" in rows[0]:
        columns["title"] = [row["title"] for row in rows]
    facts = [row["attributes"] or {} for row in rows]
    for one in dict.fromkeys(key for fact in facts for key in fact):
        columns.setdefault(one, [fact.get(one) for fact in facts])
    return pd.DataFrame(columns)
