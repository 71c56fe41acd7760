"""The ratings of a person as one row: of somebody new, or of a user under changes; `FoldedIn`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from recsys.arguments import said
from recsys.csr import one_row
from recsys.errors import ArgumentError
from recsys.lazy import sp
from recsys.recommend.choice import Choice
from recsys.recommend.parts import ModelParts
from recsys.recommend.signs import blind_to
from recsys.visible import brief

if TYPE_CHECKING:
    from recsys.ratings.ratings import Ratings

_NOBODY = np.zeros(0, np.int64)
_LARGEST = 1e6  # rating of a new person; no scale goes so far


@dataclass(frozen=True, eq=False)
class FoldedIn:
    """A person by their ratings. What a model makes of them is the same for each of their lists."""

    model: ModelParts
    row: sp.csr_matrix
    """(1, n_items) what they rated."""

    @cached_property
    def counted(self) -> sp.csr_matrix:
        """(1, n_items) what of it counts."""
        return self.model.feedback.of(self.row)

    @cached_property
    def remark(self) -> str:
        """What to know where low ratings count as likes; see `blind_to`."""
        return blind_to(self.model, self.row, self.counted)

    def under(self, risk: Choice | None) -> tuple[Any, bool]:
        """The person as the fit sees them, and whether it knows nothing about them."""
        return self._plain if risk is None else self._under(risk)

    @cached_property
    def _plain(self) -> tuple[Any, bool]:
        return self._under(None)

    def _under(self, risk: Choice | None) -> tuple[Any, bool]:
        ranker = self.model.ranker(risk, folds_in=True)
        people = ranker.fitted.fold_in_users(self.counted)
        return people, bool(ranker.newcomers(_NOBODY, self.counted, people)[0])


def ratings_row(model: ModelParts, ratings: Any) -> sp.csr_matrix:
    """The ratings of a new person as one row (1, n_items).

    Args:
        model: whose items are rated.
        ratings: item id or title → rating; a mapping, a pandas Series, or `Ratings` of one user.

    Raises:
        ArgumentError: a rating is not a finite number or outside the range of the training
            ratings, an item comes twice, or `Ratings` are not of one user.
        UnknownIdError: an item is not there.
    """
    if hasattr(ratings, "matrix") and hasattr(ratings, "users"):
        ratings = by_item(ratings)
    ratings = as_mapping("ratings", ratings)
    items = model.item_rows(ratings)
    scale = model.scale
    values = np.array(
        [checked_rating(item, value, scale) for item, value in ratings.items()], np.float32
    )
    order = np.argsort(items)
    twice = np.flatnonzero(np.diff(items[order]) == 0)
    if len(twice):
        again = list(ratings)[order[twice[0] + 1]]
        raise ArgumentError(f"ratings name one item twice, the second time as {again!r}")
    return one_row(items[order].astype(np.int32), values[order], len(model.fitted.items))


def as_mapping(name: str, ratings: Any) -> Mapping[Any, Any]:
    """Ratings by item, of a mapping or a pandas Series.

    Raises:
        ArgumentError: they are neither; `name` is what the argument is called.
    """
    table = hasattr(ratings, "to_dict") and not isinstance(ratings, type | Mapping)
    found = ratings.to_dict() if table and getattr(ratings, "ndim", 1) == 1 else ratings
    if not isinstance(found, Mapping):
        raise ArgumentError(f"{name} must map items to ratings, not be {said(ratings)}")
    return found


def by_item(ratings: Ratings) -> dict[Any, float]:
    """Item id → rating of the only user of some ratings.

    Raises:
        ArgumentError: they are not of one user.
    """
    rows = np.flatnonzero(np.diff(ratings.matrix.indptr))
    if len(rows) != 1:
        some = ", ".join(str(one) for one in ratings.users.ids[rows[:3]])
        raise ArgumentError(
            f"the ratings must be from one user, not {len(rows):,} users ({some}, ...); keep one "
            "user's ratings"
        )
    row = ratings.matrix[rows[0]]
    ids = ratings.items.ids[row.indices].tolist()
    return dict(zip(ids, row.data.tolist(), strict=True))


def checked_rating(item: object, value: Any, scale: tuple[float, float] | None) -> float:
    """A rating of an item as a number.

    Raises:
        ArgumentError: it is none, or not on the scale.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ArgumentError(f"rating of {item!r} must be a number, not {brief(value)}") from None
    if not abs(number) <= _LARGEST:  # NaN fails the comparison, too
        limits = f"between {-_LARGEST:,.0f} and {_LARGEST:,.0f}"
        raise ArgumentError(f"rating of {item!r} must be {limits}, not {brief(value)}")
    if scale is not None and not scale[0] <= np.float32(number) <= scale[1]:
        raise ArgumentError(
            f"rating of {item!r} must be on the scale of the training ratings, {scale[0]:g} to "
            f"{scale[1]:g}, not {value!r}"
        )
    return number


def changed_row(
    model: ModelParts, user: object, changes: Mapping[Any, float | None]
) -> sp.csr_matrix:
    """The ratings (1, n_items) of a training user with some changed, added or, by None, removed.

    Raises:
        UnknownIdError: the user or an item is not in the data.
        ArgumentError: a rating cannot be one, or one is to be removed that is not there.
    """
    own = model.seen()[[model.fitted.users.row(user)]]
    return changed(model, own, changes, f"user {user}")


def changed(
    model: ModelParts, own: sp.csr_matrix, changes: Mapping[Any, float | None], name: str
) -> sp.csr_matrix:
    """The ratings (1, n_items) `own` of a person, called `name` in messages, under changes.

    Raises:
        UnknownIdError: an item is not in the data.
        ArgumentError: a rating cannot be one, or one is to be removed that is not there.
    """
    changes = as_mapping("ratings", changes)
    removed = model.item_rows([item for item, value in changes.items() if value is None])
    missing = removed[~np.isin(removed, own.indices)]
    if len(missing):
        raise ArgumentError(
            f"{name} has no rating of item {model.fitted.items.name(int(missing[0]))} to remove"
        )
    given = ratings_row(model, {i: value for i, value in changes.items() if value is not None})
    keep = ~np.isin(own.indices, [*removed, *given.indices])
    columns = np.concatenate([own.indices[keep], given.indices])
    values = np.concatenate([own.data[keep], given.data])
    order = np.argsort(columns)
    return one_row(columns[order], values[order], own.shape[1])
