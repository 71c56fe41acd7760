"""Users, items and ratings that come after the training: folded in, or added for good."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from recsys.csr import entry_rows, frozen_csr
from recsys.errors import ArgumentError, DataError, ModelError
from recsys.ids import IdIndex
from recsys.kernels import Places, find_entries, inserted
from recsys.lazy import sp
from recsys.models.common import Rows, Side
from recsys.models.factors import Embeddings, Factors
from recsys.models.item_weights import ItemWeights
from recsys.models.resolving import Changed, resolved
from recsys.ratings.source import DUPLICATES
from recsys.recommend.described import with_more
from recsys.recommend.drift import LIMIT
from recsys.recommend.ranking import Counts

if TYPE_CHECKING:
    from recsys.ratings.ratings import Ratings
    from recsys.recommend.parts import ModelParts

M = TypeVar("M", bound="ModelParts")

Combine = Callable[[npt.NDArray[np.float32], npt.NDArray[np.float32]], npt.NDArray[Any]]
"""From stored values (n,) and new ones of the same pairs to those that count."""

_COMBINED: Mapping[str, Combine] = {
    "latest": lambda old, new: new,
    "mean": lambda old, new: (old + new) / 2,
    "max": np.maximum,
    "sum": np.add,
    "count": np.add,
}
"""What counts when a user rates an item again, by what counted in the training."""


def fold_in(model: ModelParts, side: Side, ratings: Ratings) -> Embeddings:
    """See `Recommender.fold_in_users` and `fold_in_items`."""
    factors = model.factors
    if not isinstance(factors, Factors):
        raise ModelError(f"{factors.spec.name} has no factors to fold in; update adds {side}")
    _check(model, ratings)
    counted = model.feedback.of(ratings.matrix)
    columns, index = ratings.items.ids, model.fitted.items
    if side == "items":
        counted, columns, index = counted.T.tocsr(), ratings.users.ids, model.fitted.users
    at = index.rows(columns)
    parts = counted.data, at[counted.indices], counted.indptr
    placed = sp.csr_matrix(parts, shape=(counted.shape[0], len(index)))
    placed.sort_indices()
    return factors.fold_in_users(placed) if side == "users" else factors.fold_in_items(placed)


def update(model: M, new: Ratings) -> M:
    """The model with more ratings; see `Recommender.update`."""
    require_history(model)
    _check(model, new)
    before, trained = model.drift, model.factors
    n_users, n_items = len(model.fitted.users), len(model.fitted.items)
    model = replace(model, saved_counts=model.require_counts())
    model = _grown(_grown(model, "items", new), "users", new)
    merged = _merged(model, _placed(new, model.fitted.users, model.fitted.items))
    drift = replace(
        before,
        added=before.added + merged.n_added,
        changed=before.changed + merged.n_changed,
        users=before.users + len(model.fitted.users) - n_users,
        items=before.items + len(model.fitted.items) - n_items,
        updates=before.updates + 1,
    )
    model = replace(
        model,
        history=merged.history,
        saved_counts=merged.counts,
        late_items=merged.late,
        updated=drift,
    )
    if isinstance(model.factors, Factors):  # item–item models have no rows of users
        changed = _changed(model, merged.users, merged.items)
        model = replace(model, factors=resolved(model.factors, changed, trained))
    return model


def require_history(model: ModelParts) -> None:
    """Raises ModelError if the model has no history."""
    if model.history is None:
        raise ModelError(
            "this model was saved without its history, which an update adds to; train it again, or "
            "save it with its history"
        )


def duplicates_of(model: ModelParts) -> str:
    """What counts when a user rates an item again, as in the training."""
    account = model.account or {}
    by_kind = "sum" if account.get("kind") in ("counts", "seen") else "latest"
    how = account.get("duplicates")
    return how if how in DUPLICATES else by_kind


def remarks(model: ModelParts) -> tuple[str, ...]:
    """What to know about an updated model, each in one sentence without its period."""
    said = []
    if model.drift.due:
        said.append(
            f"{100 * model.drift.share:.0f} % of the ratings are newer than the model, and the "
            f"limit is {100 * LIMIT:.0f} %: retrain it on all ratings"
        )
    n = len(weightless(model))
    if n:
        have = "new item has" if n == 1 else "new items have"
        said.append(
            f"{n:,} {have} no weights in {model.fitted.spec.name}, and cannot be recommended "
            "until the model is retrained"
        )
    if model.feedback.half_life is not None:
        said.append("ratings of users who were solved again do not decay until the next training")
    return tuple(said)


def weightless(model: ModelParts) -> Rows:
    """Rows of the items of an item–item model that joined and have no weights."""
    if not isinstance(model.factors, ItemWeights):
        return np.zeros(0, np.int64)
    for_item = model.factors.weights.getnnz(axis=0)
    return np.asarray(model.late_items[for_item[model.late_items] == 0])


def _check(model: ModelParts, new: Ratings) -> None:
    # Whether the values of the new ratings can be those of the model.
    from recsys.ratings.ratings import Ratings

    if not isinstance(new, Ratings):
        raise ArgumentError(f"new ratings must be Ratings (read_ratings), not {type(new).__name__}")
    kind = (model.account or {}).get("kind")
    is_scale = new.account is not None and new.account.kind == "ratings"
    if kind == "seen" and is_scale:
        raise DataError(
            "the new ratings have values, but the model was trained without; leave out their "
            "rating column"
        )
    if model.scale is None or not new.n_ratings:
        return
    if not new.has_values:
        raise DataError(
            "the new ratings have no values, but the model was trained on ratings; name their "
            "rating column"
        )
    low, high = model.scale
    outside = np.flatnonzero((new.matrix.data < low) | (new.matrix.data > high))
    if len(outside):
        first = outside[0]
        row = int(np.searchsorted(new.matrix.indptr, first, side="right")) - 1
        raise DataError(
            f"user {new.users.name(row)} gave item {new.items.name(new.matrix.indices[first])} "
            f"{new.matrix.data[first]:g}; the scale of the training ratings is {low:g} to {high:g}"
        )


def _grown(model: M, side: Side, new: Ratings) -> M:
    # The model with the users or items that it does not have yet.
    own, theirs = getattr(model.fitted, side), getattr(new, side)
    unknown = np.flatnonzero(own.find(theirs.ids) < 0)
    if not len(unknown):
        return model
    table, old = (
        (new.item_table, model.items) if side == "items" else (new.user_table, model.people)
    )
    more = table[[name for name in old.columns if name in table.columns]].iloc[unknown]
    more.insert(0, own.kind, theirs.ids[unknown])
    return with_more(model, side, more)


def _placed(new: Ratings, users: IdIndex, items: IdIndex) -> sp.csr_matrix:
    # The new ratings in the rows and columns of the model, whose ids may be text where the new ones
    # are numbers, and then in another order.
    rows, columns = users.rows(new.users.ids), items.rows(new.items.ids)
    entries = new.matrix.tocoo()
    parts = entries.data, (rows[entries.row], columns[entries.col])
    placed = sp.csr_matrix(parts, shape=(len(users), len(items)))
    placed.sort_indices()
    return placed


class _Merged(NamedTuple):
    # The history with the new ratings, and what they have changed.
    history: sp.csr_matrix
    n_added: int
    n_changed: int
    counts: Counts
    users: Rows
    items: Rows
    late: npt.NDArray[np.int64]


def _merged(model: ModelParts, more: sp.csr_matrix) -> _Merged:
    # Without a look at the ratings that stay as they are.
    old, was = model.seen(), model.require_counts()
    rows, columns = entry_rows(more), more.indices
    where = find_entries(old.indptr, old.indices, rows, columns)
    stored = old.data[where.at[where.there]]
    values = more.data.copy()
    again = np.flatnonzero(where.there)
    how = duplicates_of(model)
    if how == "error" and len(again):
        user, item = rows[again[0]], columns[again[0]]
        raise DataError(
            f"user {model.fitted.users.name(user)} has rated item {model.fitted.items.name(item)} "
            "before, and the model was trained with duplicates=error; leave such ratings out"
        )
    if len(again):
        values[again] = _COMBINED[how](stored, values[again])
    change = model.feedback.counted(values).astype(np.int64)
    change[where.there] -= model.feedback.counted(stored)
    users, items = was.users.copy(), was.items.copy()
    np.add.at(users, rows, change)
    np.add.at(items, columns, change)
    first = np.flatnonzero((was.items == 0) & (items > 0))
    return _Merged(
        _with_entries(old, where, more, values),
        more.nnz - len(again),
        int((values[again] != stored).sum()),
        Counts(users, items),
        np.flatnonzero(np.diff(more.indptr)),
        np.flatnonzero(np.bincount(columns, minlength=more.shape[1])),
        _both(model.late_items, first, more.shape[1]),
    )


def _with_entries(
    old: sp.csr_matrix, where: Places, more: sp.csr_matrix, values: npt.NDArray[np.float32]
) -> sp.csr_matrix:
    # The entries of `old`, those of `more` that are not there, and the values of those that are.
    new = ~where.there
    at = where.at[new]
    data = inserted(old.data, at, values[new])
    indices = inserted(old.indices, at, more.indices[new].astype(old.indices.dtype))
    data[(where.at + np.cumsum(new))[where.there]] = values[where.there]
    before = np.concatenate([[0], np.cumsum(new)])  # new entries before each of `more`
    return frozen_csr(
        sp.csr_matrix((data, indices, old.indptr + before[more.indptr]), shape=old.shape)
    )


def _changed(model: ModelParts, touched: Rows, items: Rows) -> Changed:
    # Everybody who has to be solved again.
    late = model.late_items
    if not model.factors.spec.users_need_items:
        late = _both(late, items, len(model.fitted.items))
    n, history = len(model.fitted.users), model.seen()

    def ratings_of(rows: Rows) -> sp.csr_matrix:  # by user: what counts may depend on all of them
        return model.feedback.of(history[rows])

    of_late = np.unique(_columns(history, late).indices)
    users = _both(touched, of_late, n)
    raters = _columns(ratings_of(of_late), late)
    parts = raters.data, of_late[raters.indices], raters.indptr
    raters = sp.csr_matrix(parts, shape=(len(late), n))
    return Changed(users, model.require_counts().users[users] > 0, ratings_of, late, raters)


def _both(some: Rows, others: Rows, n: int) -> npt.NDArray[np.int64]:
    # The increasing rows of a table of n that are in one or the other.
    found = np.zeros(n, bool)
    found[some] = found[others] = True
    return np.flatnonzero(found)


def _columns(matrix: sp.csr_matrix, columns: Rows) -> sp.csr_matrix:
    # (n_columns, n_rows) some columns as rows, found in one look at every entry.
    if not len(columns):
        return sp.csr_matrix(np.zeros((0, matrix.shape[0]), np.float32))
    position = np.full(matrix.shape[1], -1, np.int64)
    position[columns] = np.arange(len(columns))
    entries = np.flatnonzero((position >= 0)[matrix.indices])
    rows = np.searchsorted(matrix.indptr, entries, side="right") - 1
    parts = matrix.data[entries], (position[matrix.indices[entries]], rows)
    found = sp.csr_matrix(parts, shape=(len(columns), matrix.shape[0]))
    found.sort_indices()
    return found
