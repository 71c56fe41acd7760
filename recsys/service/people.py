"""Who asks: a training user with stored factors, or somebody whose ratings are folded in."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.csr import one_row
from recsys.lazy import sp
from recsys.recommend import explain, questions
from recsys.recommend.person import FoldedIn, changed, ratings_row

if TYPE_CHECKING:
    from recsys.recommend.answer import Table
    from recsys.recommend.choice import Choice
    from recsys.recommend.recommender import Recommender
    from recsys.store.database.records import Given

_SEEN = 1.0  # what counts for an item that was seen, where ratings have no scale


class Row(NamedTuple):
    """The ratings of one person."""

    items: npt.NDArray[np.int32]
    """(n,) increasing rows of the items."""
    values: npt.NDArray[np.float32]
    """(n,)"""


@dataclass(frozen=True, eq=False)
class Somebody:
    """A person as one model sees them."""

    model: Recommender
    user: int | str | None
    """Their id; None for somebody without one."""
    given: Row | None = None
    """Ratings to fold in; None where the stored factors are theirs."""
    row: int = -1
    """Of those factors."""

    @property
    def folded_in(self) -> bool:
        """Whether their factors come from their ratings at the time of the request."""
        return self.given is not None

    @property
    def size(self) -> int:
        """In bytes, about."""
        if self.given is None:
            return 500
        vectors = self.model.fitted.item_vectors
        width = 0 if vectors is None else vectors[0].shape[1]
        return 3000 + 4 * width + 16 * len(self.given.items)

    @cached_property
    def key(self) -> Hashable:
        """Equal for people who get the same lists from the model."""
        if self.given is None:
            return self.user
        digest = hashlib.blake2b(self.given.items.tobytes(), digest_size=16)
        digest.update(self.given.values.tobytes())
        return digest.digest()

    def ratings(self) -> sp.csr_matrix:
        """(1, n_items) what they rated.

        Raises:
            ModelError: the model has no history.
        """
        if self.given is None:
            return self.model.seen()[[self.row]]
        return self._folded_in.row

    @cached_property
    def _folded_in(self) -> FoldedIn:
        assert self.given is not None
        return FoldedIn(self.model, one_row(*self.given, len(self.model.fitted.items)))

    def recommend(self, choice: Choice) -> Table:
        """Their list."""
        if self.given is None:
            return questions.recommend_known(self.model, self.row, choice)
        return questions.recommend_folded(self._folded_in, choice)

    def explained(self) -> explain.Person:
        """The person as explanations take them."""
        if self.given is None:
            return explain.user_of(self.model, self.user)
        return explain.somebody(self.model, self.ratings())

    def changed(self, changes: Mapping[Any, float | None]) -> Somebody:
        """The same person with other ratings; None removes one.

        Raises:
            ArgumentError: a rating cannot be one, or one is to be removed that is not there.
        """
        name = "this person" if self.user is None else f"user {self.user}"
        return Somebody(
            self.model, self.user, _of(changed(self.model, self.ratings(), changes, name))
        )


def somebody_new(model: Recommender, ratings: Mapping[Any, Any]) -> Somebody:
    """A person with some ratings and no id."""
    return Somebody(model, None, _of(ratings_row(model, ratings)))


def _of(row: sp.csr_matrix) -> Row:
    return Row(row.indices, row.data)


def trained(model: Recommender, user: int | str) -> Somebody:
    """A training user.

    Raises:
        UnknownIdError: the user is not in the data.
    """
    return Somebody(model, user, row=model.fitted.users.row(user))


def stored(model: Recommender, user: int | str, given: Given) -> Somebody:
    """A person whose ratings the store has.

    Where they are those of the training, the stored factors are theirs. Items that the model does
    not have say nothing to it.
    """
    rows = model.fitted.items.find(given.items).astype(np.int32)
    order = rows.argsort()
    items, values = rows[order], given.values[order]
    if len(items) and items[0] < 0:
        known = items >= 0
        items, values = items[known], values[known]
    if np.isnan(values).any():  # seen, without a value
        middle = _SEEN if model.scale is None else sum(model.scale) / 2
        values = np.nan_to_num(values, nan=middle)
    at = int(model.fitted.users.find([user])[0])
    if at >= 0 and model.has_history:
        same = np.array_equal(model.seen_by(at), items)
        if same and np.array_equal(model.ratings_of(at), values):
            return Somebody(model, user, row=at)
    return Somebody(model, user, Row(items, values))
