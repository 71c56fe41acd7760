"""The questions a model answers, as functions from a model and a request to a `Table`.

`Recommender` has a method for each, which returns a DataFrame; the command line asks here, and so
need not import pandas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from recsys.arguments import require_one_of
from recsys.errors import ArgumentError
from recsys.ids import as_id_array, several
from recsys.lazy import sp
from recsys.recommend.answer import Table
from recsys.recommend.choice import Choice
from recsys.recommend.index import Excluded, Found
from recsys.recommend.parts import ModelParts
from recsys.recommend.person import FoldedIn, changed_row, ratings_row
from recsys.recommend.ranking import FittedRanker, dislikes_alone
from recsys.recommend.risk import LEVEL, AtRisk
from recsys.recommend.tables import checked_n, item_table, marked, why_filtered

Unknown = Literal["raise", "popular"]
"""What is done about a user who is not in the data."""

INTERVAL = f"low and high are the {LEVEL:.0%} interval of the expected rating"
"""The note on an answer with intervals."""

Ends = npt.NDArray[np.float64]

_UNKNOWN = get_args(Unknown)
_BLOCK = 8192  # users ranked together
_NONE = np.zeros(0, np.int32)
_NO_ORDER = "all scores are equal, so the order means nothing"
_GET_POPULAR = "these are the most popular items, without scores"
_NEWCOMER = "popular: no ratings that count"
_DISLIKES = "popular: only dislikes"
_UNLIKE = ", except those similar to what they disliked"
_STRANGER = "popular: not in the data"


def recommend(model: ModelParts, user: object, choice: Choice, unknown: Unknown = "raise") -> Table:
    """The best items for a user; see `Recommender.recommend`."""
    if _popular(unknown) and model.fitted.users.find([user])[0] < 0:
        return _ranked(
            model, None, choice, _NONE, None, _STRANGER, f"user {user} is not in the data"
        )
    return recommend_known(model, model.fitted.users.row(user), choice)


def recommend_known(model: ModelParts, row: int, choice: Choice) -> Table:
    """The best items for the training user in a row."""
    known = model.has_history
    seen = model.seen_by(row) if choice.exclude_seen or known else _NONE
    needed = known and _needs_counted(model, row)
    counted = model.feedback.of(model.seen()[[row]]) if needed else None
    ranker = model.ranker(choice.only_risk)
    people = ranker.fitted.people(slice(row, row + 1), counted)
    if ranker.is_newcomer(row, counted, people):
        return _of_newcomer(model, choice, seen, counted, "this user")
    table = _ranked(model, people, choice, seen, lambda: model.feedback.of(model.seen()[[row]]))
    # Where there are counts, to know nothing is to be a newcomer.
    if ranker.counts is None and ranker.fitted.indifferent(people)[0]:
        return table.noting(remark=f"{_nothing_counts(model, 'this user')}: {_NO_ORDER}")
    described = "users" in model.features and model.from_features("users")[row]
    return table.noting(remark=_by_features(model, "this user")) if described else table


def recommend_for(model: ModelParts, ratings: Any, choice: Choice) -> Table:
    """The best items for a person who is not in the data; see `Recommender.recommend_for`."""
    return recommend_row(model, ratings_row(model, ratings), choice)


def recommend_row(model: ModelParts, row: sp.csr_matrix, choice: Choice) -> Table:
    """The best items for a person with some ratings (1, n_items), who is folded in."""
    return recommend_folded(FoldedIn(model, row), choice)


def recommend_folded(person: FoldedIn, choice: Choice) -> Table:
    """The same, where the person may have been folded in before."""
    model, row, counted = person.model, person.row, person.counted
    people, is_newcomer = person.under(choice.only_risk)
    if is_newcomer:
        return _of_newcomer(model, choice, row.indices, counted, "this user", row.nnz > 0)
    table = _ranked(model, people, choice, row.indices, lambda: counted)
    if counted.nnz:
        return table.noting(remark=person.remark)
    why = _nothing_counts(model, "this user")
    return table.noting(remark=f"{why}: all such users get this list")


def _of_newcomer(
    model: ModelParts,
    choice: Choice,
    seen: npt.NDArray[np.int32],
    counted: sp.csr_matrix | None,
    who: str,
    rated: bool = True,
) -> Table:
    # The most popular items, without what is like something they disliked.
    if counted is not None and dislikes_alone(counted)[0]:
        why = _only_dislikes(model, who)
        like = model.ranker().like_disliked(counted)
        return _ranked(model, None, choice, seen, None, _DISLIKES, why, like)
    why = _nothing_counts(model, who) if rated else f"nothing is known about {who}"
    return _ranked(model, None, choice, seen, None, _NEWCOMER, why)


def _needs_counted(model: ModelParts, row: int | None = None) -> bool:
    # Other models have all they need in the factors of users: it would be a copy. The ratings of
    # one person, in a row, say faster than a matrix that they do not dislike everything.
    knows, likes = model.feedback.knows_dislikes, model.feedback.surely_likes
    knows = knows and (row is None or not likes(model.ratings_of(row)))
    return knows or model.fitted.item_vectors is None


def what_if(
    model: ModelParts, user: object, changes: Mapping[Any, float | None], choice: Choice
) -> Table:
    """The list of a training user if they had rated otherwise; see `Recommender.what_if`."""
    return noting_approximation(
        model, recommend_row(model, changed_row(model, user, changes), choice)
    )


def noting_approximation(model: ModelParts, table: Table) -> Table:
    """A list under changes; where the model folds in approximately, with a remark that says so."""
    spec = model.fitted.spec
    if spec.folds_in_exactly:
        return table
    note = f"{spec.name} folds in approximately: the list may differ even if no rating changed"
    return table.noting(remark="; ".join(filter(None, [table.notes.get("remark"), note])))


def recommend_many(
    model: ModelParts, users: Any, choice: Choice, unknown: Unknown = "raise"
) -> Table:
    """The best items of many users; see `Recommender.recommend_many`."""
    index = model.fitted.users
    if users is None:
        rows = np.arange(len(index))
    else:
        asked = several(users)
        rows = index.find(asked) if _popular(unknown) else index.rows(asked)
    ranker, width = model.ranker(choice), min(choice.n, len(model.fitted.items))
    found = np.empty((len(rows), width), np.int32), np.empty((len(rows), width), np.float32)
    # Where the choice has a risk: the ends of the intervals of the scores.
    ends = np.full((2, len(rows), width if choice.risk else 0), np.nan)
    new, stranger = np.zeros(len(rows), np.int64), rows < 0
    blank = np.zeros(len(rows), bool)  # whose order says nothing, where counts are unknown
    seen = model.seen() if choice.exclude_seen else model.history
    known = np.flatnonzero(~stranger)
    for start in range(0, len(known), _BLOCK):
        at = known[start : start + _BLOCK]
        block = rows[at]
        of_block = None if seen is None else seen[block]
        history = None
        if of_block is not None and (_needs_counted(model) or ranker.reranking is not None):
            history = model.feedback.of(of_block)
        people = ranker.fitted.people(block, history)
        flags = ranker.newcomers(block, history, people)
        new[at] = flags
        if history is not None:
            new[at] += flags & dislikes_alone(history)
        blank[at] = ranker.fitted.indifferent(people)
        if ranker.reranking is None:
            lists = ranker.ranked(people, width, of_block, flags, history)
        else:
            wanted = ranker.reranking.wanted(width)
            longer = ranker.ranked(people, wanted, of_block, flags, history)
            lists = ranker.reranking.lists(longer, history, width)
        found[0][at], found[1][at] = lists
        if isinstance(ranker.fitted, AtRisk):
            there = np.nonzero(lists[0] >= 0)
            low_high = ranker.fitted.intervals(people, there[0], lists[0][there])
            ends[:, at[there[0]], there[1]] = low_high
    if stranger.any():
        found[0][stranger], found[1][stranger] = _most_popular(model, ranker, width)
    given = rows if users is None else several(users)
    return _batch(model, given, rows, found, ends, new, blank, choice)


def _batch(
    model: ModelParts,
    asked: Any,
    rows: npt.NDArray[np.int64],
    found: Found,
    ends: npt.NDArray[np.float64],
    new: npt.NDArray[np.int64],
    blank: npt.NDArray[np.bool_],
    choice: Choice,
) -> Table:
    # The answer to many users, of whom those that were not found have row −1. Those who get the
    # most popular items are 1 in `new`, and 2 where there are only dislikes.
    (items, scores), stranger = found, rows < 0
    left = items >= 0
    who, at = np.nonzero(left)
    ids = model.fitted.users.ids[np.maximum(rows, 0)]
    if stranger.any():
        given = as_id_array(asked, "user")
        ids = given if given.dtype == ids.dtype else np.where(stranger, given.astype(object), ids)
    popular = (new > 0) | stranger
    answer: dict[str, npt.NDArray[Any]] = {
        "user": ids[who],
        "rank": at + 1,
        "item": model.fitted.items.ids[items[left]],
        "score": np.where(popular[who], np.float32(np.nan), scores[left]),
    }
    if choice.risk is not None:
        known = ~popular[who]
        answer |= {name: np.where(known, end[left], np.nan) for name, end in _named(ends)}
    described = model.from_features("items")[items[left]]
    if popular.any() or described.any():
        words = np.array([None, _NEWCOMER, _DISLIKES, _STRANGER], object)
        by_item = marked(described)
        answer["remark"] = np.where(popular[who], words[new + 3 * stranger][who], by_item)
    n, short = len(rows), int((left.sum(axis=1) < choice.n).sum())
    why = f"{short} of {n} users have fewer than {choice.n} items left" if short else ""
    remarks = []
    if (new == 1).any():
        who_new = f"{(new == 1).sum()} of {n} users"
        remarks.append(f"{_nothing_counts(model, who_new)}: {_GET_POPULAR}")
    if (new == 2).any():
        who_new = f"{(new == 2).sum()} of {n} users"
        remarks.append(f"{_only_dislikes(model, who_new)}: {_GET_POPULAR}{_UNLIKE}")
    if stranger.any():
        remarks.append(f"{stranger.sum()} of {n} users are not in the data: {_GET_POPULAR}")
    by_features = model.from_features("users")[np.maximum(rows, 0)] & ~popular
    if by_features.any():
        remarks.append(_by_features(model, f"{by_features.sum()} of {n} users"))
    if (blank & (new == 0)).any():
        rest = _nothing_counts(model, f"{(blank & (new == 0)).sum()} of {n} users")
        remarks.append(f"{rest}: {_NO_ORDER}")
    interval = "" if choice.risk is None else INTERVAL
    return Table(answer).noting(shortfall=why, remark="; ".join(remarks), interval=interval)


def liked(model: ModelParts, user: object, n: int = 10) -> Table:
    """The n items a training user rated highest; see `Recommender.liked`."""
    row = model.fitted.users.row(user)
    return liked_of(model, model.seen_by(row), model.ratings_of(row), n)


def liked_of(
    model: ModelParts, items: npt.NDArray[np.int32], values: npt.NDArray[np.float32], n: int = 10
) -> Table:
    """The same of anybody, from the rows of the items they rated, and their ratings."""
    n = checked_n(n)
    history, given = model.seen(), len(items)
    if (model.account or {}).get("kind") == "counts":  # what was returned is not liked
        values, items = values[values > 0], items[values > 0]
    # Among equal ratings the most rated first: they say more about taste that others recognize.
    popularity = np.bincount(history.indices, minlength=history.shape[1])[items]
    best = np.lexsort((items, -popularity, -values))[:n]
    why = f"they rated {given} items"
    return item_table(model, items[best], values[best], n, why, called="rating")


def search_titles(model: ModelParts, words: str, n: int = 10) -> Table:
    """The items whose titles fit some words best; see `Recommender.search_titles`."""
    n = checked_n(n)
    if not isinstance(words, str) or not words.strip():
        raise ArgumentError("words must have at least one letter or digit of a title")
    rows, scores = model.titles.search(words, n)
    why = "no other title matches these words"
    if not any(model.items.titles or ()):
        why = "the items of this model have no titles"
    return item_table(model, rows, scores, n, why)


def _ranked(
    model: ModelParts,
    people: Any,
    choice: Choice,
    seen: npt.NDArray[np.int32],
    history: Callable[[], sp.csr_matrix] | None,
    remark: str = "",
    why: str = "",
    avoided: npt.NDArray[np.integer] = _NONE,
) -> Table:
    # The answer to one person, who has seen the items in these increasing rows; `history` gives
    # their counted ratings. With a remark, about each row, they get the most popular items: `why`
    # says so. Items that are avoided are left out, too.
    columns = seen if choice.exclude_seen else _NONE
    if len(avoided):
        columns = np.union1d(columns, avoided).astype(np.int32)
    if choice.exclude:
        columns = np.union1d(columns, model.item_rows(choice.exclude)).astype(np.int32)
    # What one question leaves out is excluded: the items of the index need not be packed again.
    allowed = model.candidates(choice.without_exclude)
    ranker = model.ranker(choice.only_risk)
    if allowed is not None:
        ranker = replace(ranker, candidates=allowed)
    k = min(choice.n, len(model.fitted.items))
    excluded = np.array([0, len(columns)]), columns
    if remark:
        items, scores = _most_popular(model, ranker, k, excluded)
        scores = np.full_like(scores, np.nan)
    elif (reranking := model.reranking(choice)) is not None:
        longer = ranker.ranked(people, reranking.wanted(k), excluded)
        items, scores = reranking.lists(longer, None if history is None else history(), k)
    else:
        items, scores = ranker.ranked(people, k, excluded)
    items, scores = items[0], scores[0]
    if items[-1] < 0:
        items, scores = items[items >= 0], scores[items >= 0]
    short = "" if len(items) == choice.n else _why_short(model, choice, allowed, len(columns))
    table = item_table(model, items, scores, choice.n, short)
    if not remark:
        return _with_interval(table, ranker.fitted, people, items)
    each = np.full(len(table), remark, object)
    answer = dict(table.answer) | {"remark": each}
    without = _UNLIKE if len(avoided) else ""
    return replace(table, answer=answer).noting(remark=f"{why}: {_GET_POPULAR}{without}")


def _why_short(model: ModelParts, choice: Choice, allowed: Any, n_excluded: int) -> str:
    # Why a list is short, where these items are allowed; None for all.
    pool = len(model.fitted.items) if allowed is None else len(allowed)
    why = f"of {pool} items, {n_excluded} are excluded"
    if choice.where is None or allowed is None:
        return why
    return why_filtered(model, choice.where, len(allowed), why)


def _with_interval(table: Table, fitted: Any, people: Any, items: npt.NDArray[np.int32]) -> Table:
    # The answer to one person with the ends of the intervals after the scores.
    if not isinstance(fitted, AtRisk):
        return table
    ends = fitted.intervals(people, np.zeros(len(items), np.int64), items)
    first = {name: table.answer[name] for name in ("rank", "item", "score")}
    answer = first | dict(_named(ends)) | dict(table.answer)
    return replace(table, answer=answer).noting(interval=INTERVAL)


def _named(ends: Iterable[Ends]) -> Iterator[tuple[str, Ends]]:
    return zip(("low", "high"), ends, strict=True)


def _most_popular(
    model: ModelParts, ranker: FittedRanker, k: int, excluded: Excluded | None = None
) -> Found:
    # The list (1, k) of somebody of whom nothing is known.
    model.require_counts()
    return ranker.popular(1, k, excluded)


def _popular(unknown: str) -> bool:
    require_one_of("unknown", unknown, _UNKNOWN)
    return unknown == "popular"


def _nothing_counts(model: ModelParts, who: str) -> str:
    return f"no rating of {who} counts for the model (feedback {model.feedback})"


def _only_dislikes(model: ModelParts, who: str) -> str:
    return f"every rating of {who} counts against its item (feedback {model.feedback})"


def _by_features(model: ModelParts, who: str) -> str:
    known = ", ".join(column.name for column in model.features["users"].coding.columns)
    return f"{_nothing_counts(model, who)}: recommended by their features ({known})"
