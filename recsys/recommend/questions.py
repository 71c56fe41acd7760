"""The questions a model answers, as functions from a model and a request to a `Table`.

`Recommender` has a method for each, which returns a DataFrame; the command line asks here, and so
need not import pandas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.errors import ArgumentError
from recsys.ids import several
from recsys.models.common import FloatArray
from recsys.recommend.answer import Table
from recsys.recommend.choice import Choice
from recsys.recommend.parts import ModelParts
from recsys.recommend.similarity import Metric, check_metric

_BLOCK = 8192  # users ranked together
_NONE = np.zeros(0, np.int32)
_LARGEST = 1e6  # rating of a new person; no scale goes so far


def recommend(model: ModelParts, user: object, choice: Choice) -> Table:
    """The best items for a training user; see `Recommender.recommend`."""
    row = model.fitted.users.row(user)
    history = model.seen() if choice.exclude_seen else model.history
    seen, counted = _NONE, None
    if history is not None:
        seen = history.indices[history.indptr[row] : history.indptr[row + 1]]
        # Only models without user factors need it; for the others it would be a copy.
        if model.fitted.item_vectors is None:
            counted = model.feedback.of(history[[row]])
    return _ranked(model, model.fitted.people(slice(row, row + 1), counted), choice, seen)


def recommend_for(model: ModelParts, ratings: Mapping[Any, float], choice: Choice) -> Table:
    """The best items for a person who is not in the data; see `Recommender.recommend_for`."""
    row = ratings_row(model, ratings)
    counted = model.feedback.of(row)
    table = _ranked(model, model.fitted.fold_in_users(counted), choice, row.indices)
    if counted.nnz or "remark" in table.notes:
        return table
    return table.noting(
        remark=f"nothing this person rated counts for the model (feedback {model.feedback}): "
        "everybody like that gets this list"
    )


def recommend_many(model: ModelParts, users: Any, choice: Choice) -> Table:
    """The best items of many training users; see `Recommender.recommend_many`."""
    index = model.fitted.users
    rows = np.arange(len(index)) if users is None else index.rows(several(users))
    width = min(choice.n, len(model.fitted.items))
    items = np.empty((len(rows), width), np.int32)
    scores = np.empty((len(rows), width), np.float32)
    ranker = model.ranker(choice)
    seen = model.seen() if choice.exclude_seen else model.history
    n_blank = 0
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        known = None if seen is None else seen[block]
        history = None
        if known is not None and model.fitted.item_vectors is None:
            # Only models without user factors need it; for the others it would be a copy.
            history = model.feedback.of(known)
        people = model.fitted.people(block, history)
        n_blank += int(model.fitted.indifferent(people).sum())
        found = ranker.ranked(people, width, known)
        items[start : start + _BLOCK], scores[start : start + _BLOCK] = found
    left = items >= 0
    who, at = np.nonzero(left)
    answer = {
        "user": index.ids[rows[who]],
        "rank": at + 1,
        "item": model.fitted.items.ids[items[left]],
        "score": scores[left],
    }
    short = int((left.sum(axis=1) < choice.n).sum())
    why = f"{short} of {len(rows)} users have fewer than {choice.n} items left" if short else ""
    blank = _nothing_counts(model, f"{n_blank} of {len(rows)} users") if n_blank else ""
    return Table(answer).noting(shortfall=why, remark=blank)


def similar_items(
    model: ModelParts, item: object, n: int = 10, metric: Metric = "cosine", alpha: float = 0.5
) -> Table:
    """The n items most similar to one; see `Recommender.similar_items`."""
    _check_n(n)
    row = model.item_row(item)
    weights = model.fitted.similarities(row)
    if weights is not None:
        check_metric(metric, alpha)
        if metric != "cosine":
            raise ArgumentError(
                f"metric does not apply to {model.fitted.spec.name}, which compares items by its "
                f"own weights; leave out metric={metric!r}"
            )
        order = np.argsort(-weights, kind="stable")[:n]
        best = order[weights[order] > 0]
        return _items(model, best, weights[best], n, "no more items have a positive weight")
    rows, scores = model.item_similarity.search(row, n, metric, alpha)
    return _items(model, rows, scores, n, _why_no_more(model.factors.item_factors[row], "items"))


def similar_users(
    model: ModelParts, user: object, n: int = 10, metric: Metric = "cosine", alpha: float = 0.5
) -> Table:
    """The n users most similar to one; see `Recommender.similar_users`."""
    _check_n(n)
    row = model.fitted.users.row(user)
    rows, scores = model.user_similarity.search(row, n, metric, alpha)
    ranks = np.arange(1, len(rows) + 1)
    answer: dict[str, npt.NDArray[Any]] = {
        "rank": ranks,
        "user": model.fitted.users.ids[rows],
        "score": scores,
    }
    if model.history is not None:
        answer |= {"n_ratings": np.diff(model.history.indptr)[rows]}
    return _short(Table(answer), n, _why_no_more(model.factors.user_factors[row], "users"))


def liked(model: ModelParts, user: object, n: int = 10) -> Table:
    """The n items a training user rated highest; see `Recommender.liked`."""
    _check_n(n)
    row = model.fitted.users.row(user)
    history = model.seen()
    begin, end = history.indptr[row], history.indptr[row + 1]
    values, items = history.data[begin:end], history.indices[begin:end]
    if (model.account or {}).get("kind") == "counts":  # what was returned is not liked
        values, items = values[values > 0], items[values > 0]
    # Among equal ratings the most rated first: they say more about taste that others recognize.
    popularity = np.bincount(history.indices, minlength=history.shape[1])[items]
    best = np.lexsort((items, -popularity, -values))[:n]
    why = f"they rated {end - begin} items"
    return _items(model, items[best], values[best], n, why, called="rating")


def ratings_row(model: ModelParts, ratings: Any) -> sp.csr_matrix:
    """The ratings of a new person as one row (1, n_items).

    Args:
        model: whose items are rated.
        ratings: item id or title → rating; a mapping, or a pandas Series.

    Raises:
        ArgumentError: there are no ratings, one is not a finite number or outside the range of the
            training ratings, or an item comes twice.
        UnknownIdError: an item is not there.
    """
    if not isinstance(ratings, Mapping) and hasattr(ratings, "to_dict"):
        ratings = ratings.to_dict()
    if not isinstance(ratings, Mapping):
        raise ArgumentError(f"ratings must map items to ratings, not be a {type(ratings).__name__}")
    if not ratings:
        raise ArgumentError("ratings must hold at least one rating of a new person")
    items = model.item_rows(ratings)
    scale = model.scale
    values = np.array([_rating(item, value, scale) for item, value in ratings.items()], np.float32)
    order = np.argsort(items)
    twice = np.flatnonzero(np.diff(items[order]) == 0)
    if len(twice):
        again = list(ratings)[order[twice[0] + 1]]
        raise ArgumentError(f"ratings name one item twice, the second time as {again!r}")
    parts = values[order], items[order].astype(np.int32), np.array([0, len(items)])
    return sp.csr_matrix(parts, shape=(1, len(model.fitted.items)))


def _rating(item: object, value: Any, scale: tuple[float, float] | None) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ArgumentError(f"rating of {item!r} must be a number, not {value!r}") from None
    if not abs(number) <= _LARGEST:  # NaN fails the comparison, too
        raise ArgumentError(f"rating of {item!r} must be finite and sensible, not {value!r}")
    if scale is not None and not scale[0] <= np.float32(number) <= scale[1]:
        raise ArgumentError(
            f"rating of {item!r} must be on the scale of the training ratings, {scale[0]:g} to "
            f"{scale[1]:g}, not {value!r}"
        )
    return number


def _ranked(model: ModelParts, people: Any, choice: Choice, seen: npt.NDArray[np.int32]) -> Table:
    # The answer to one person, who has seen the items in these increasing rows.
    columns = seen if choice.exclude_seen else _NONE
    if choice.exclude:
        columns = np.union1d(columns, model.item_rows(choice.exclude)).astype(np.int32)
    ranker = model.ranker(Choice(among=choice.among) if choice.among is not None else None)
    k = min(choice.n, len(model.fitted.items))
    items, scores = ranker.ranked(people, k, (np.array([0, len(columns)]), columns))
    found = items[0] >= 0
    candidates = ranker.candidates
    pool = len(model.fitted.items) if candidates is None else len(candidates)
    why = f"of {pool} items, {len(columns)} are excluded"
    table = _items(model, items[0][found], scores[0][found], choice.n, why)
    if not model.fitted.indifferent(people)[0]:
        return table
    return table.noting(remark=_nothing_counts(model, "this user"))


def _nothing_counts(model: ModelParts, who: str) -> str:
    return (
        f"nothing {who} rated counts for the model (feedback {model.feedback}): all scores are "
        "equal, and the order says nothing"
    )


def _items(
    model: ModelParts,
    rows: npt.NDArray[np.integer],
    scores: FloatArray,
    n: int,
    why_short: str,
    called: str = "score",
) -> Table:
    ranks = np.arange(1, len(rows) + 1)
    answer = {"rank": ranks, "item": model.fitted.items.ids[rows], called: scores}
    return _short(Table(answer, model.items, rows), n, why_short)


def _short(table: Table, n: int, why: str) -> Table:
    if len(table) >= n:
        return table
    return table.noting(shortfall=f"{len(table)} of the {n} asked for: {why}")


def _why_no_more(vector: FloatArray, kind: str) -> str:
    if vector.any():
        return f"there are no more {kind}"
    return "it has no ratings that count for the model, so nothing is like it"


def _check_n(n: int) -> None:
    Choice(n=n)
