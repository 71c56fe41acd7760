"""A model with what the store has and its training had not: new items, and people to forget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys.ids import IdIndex
from recsys.lazy import sp
from recsys.ratings.ratings import Ratings
from recsys.recommend.forgetting import without_users

if TYPE_CHECKING:
    from recsys.recommend.recommender import Recommender
    from recsys.store.database.ratings_store import RatingsStore


def grown(model: Recommender, store: RatingsStore) -> Recommender:
    """The model without the people whom the store forgot, and with the items that came later.

    An item that has ratings is folded in from them. One without ratings joins where the model
    was trained with features of its items.

    Raises:
        RecsysError: the model has no history, or what the store has does not suit the model.
    """
    model = without_users(model, store.forgotten())
    late = _late(model, store)
    return model if late is None else model.update(late)


def _late(model: Recommender, store: RatingsStore) -> Ratings | None:
    # The ratings of the items that the model does not have; of people whom it does not have
    # either, all ratings, or nothing would be known of their taste.
    late = store.late_items(model.fitted.items)
    described = "items" in model.features
    rated = late.ratings["item_id"].unique()
    table = late.items if described else late.items[late.items["item_id"].isin(rated)]
    if not len(table):
        return None
    items = IdIndex(table["item_id"].to_numpy(), "item")
    table = table.set_index("item_id").loc[items.ids].reset_index(drop=True)
    entries = late.ratings[["user_id", "item_id", "rating"]]
    raters = _distinct(entries["user_id"])
    new = raters[model.fitted.users.find(raters) < 0] if len(raters) else raters
    entries = pd.concat([entries, *(_of_the_model(model, store, one) for one in new.tolist())])
    return _ratings(model, entries, items, table)


def _of_the_model(model: Recommender, store: RatingsStore, user: Any) -> pd.DataFrame:
    given = store.given(user)
    if given is None or not len(given):
        return pd.DataFrame({"user_id": [], "item_id": [], "rating": []})
    known = model.fitted.items.find(given.items) >= 0
    return pd.DataFrame(
        {"user_id": user, "item_id": given.items[known], "rating": given.values[known]}
    )


def _ratings(
    model: Recommender, entries: pd.DataFrame, items: IdIndex, table: pd.DataFrame
) -> Ratings:
    # Written out, because a source of a few ratings does not say of what kind they are.
    values = entries["rating"].to_numpy(np.float32)
    has_values = model.scale is not None
    if has_values:
        entries, values = entries[~np.isnan(values)], values[~np.isnan(values)]
    else:
        values = np.where(np.isnan(values), np.float32(1), values)
    users = IdIndex(_distinct(entries["user_id"]), "user")
    rated = _distinct(entries["item_id"])
    more = rated[items.find(rated) < 0] if len(rated) else rated
    both = IdIndex(np.concatenate([items.ids, more.astype(items.ids.dtype)]), "item")
    at = users.rows(entries["user_id"].to_numpy()), both.rows(entries["item_id"].to_numpy())
    matrix = sp.csr_matrix((values, at), shape=(len(users), len(both)))
    matrix.sort_indices()
    about = table.set_axis(both.rows(items.ids)).reindex(pd.RangeIndex(len(both)))
    return Ratings(users, both, matrix, None, about, has_values)


def _distinct(ids: pd.Series[Any]) -> npt.NDArray[Any]:
    return np.asarray(ids.unique())
