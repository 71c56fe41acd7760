"""The ratings on which a gate decides: those that the model in service has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.csr import positive
from recsys.errors import DataError
from recsys.evaluation.gate.copies import are_copies
from recsys.evaluation.protocol.contenders import Model
from recsys.evaluation.protocol.served import Served, held_against, require_known
from recsys.ratings.feedback import Feedback
from recsys.ratings.matching import is_in, merged
from recsys.ratings.ratings import Ratings
from recsys.ratings.splits import Split, by_mask
from recsys.recommend.recommender import Recommender

LEAST_USERS = 50
"""Users that a decision needs. In draws from MovieLens 100K, a candidate that is worse by exactly
the margin is let through in 2 to 3 % of the draws of 50 users (2.5 % is promised), and in up to 5 %
of those of 30."""
SHARE = 0.5
"""Share of the unseen ratings that a random part has."""


@dataclass(frozen=True)
class Contest:
    """What candidate and served model are measured on."""

    splits: tuple[Split, ...]
    current: Served | Model
    """The model in service; its spec, trained again, where nothing can be decided."""
    how: str
    """How it enters the tables, in words."""
    as_asked: bool
    """Whether the test ratings are those of the split that was asked for."""
    same_training: bool
    """Whether the candidate is trained on nothing that the served model was not trained on, with
    the same feedback."""
    cannot: str = ""
    """Why nothing can be decided; "" where something can."""
    users: npt.NDArray[Any] = field(default_factory=lambda: np.zeros(0, np.int64))
    """Ids of the users that count: with a test rating and a known one that count as liked, and no
    copies of other users. Users without a known one get the most popular items from every model,
    and what a copy likes can be remembered."""


def contest(
    model: Recommender, splits: Sequence[Split], feedback: Feedback, seed: int = 0
) -> Contest:
    """The splits of a gate, made from those that were asked for.

    1. Their test ratings that the served model has not seen. Those that it has seen are training
       ratings: both models know them, and neither is asked for them.
    2. Where these are of fewer than `LEAST_USERS` users that count: a random half of all ratings
       that the served model has not seen, whatever part they are in, if these are of enough users.
       Every other rating is training.

    Which of the two it is depends on the number of users alone, never on a result.

    Raises:
        DataError: the model and the ratings have almost no items in common, or ids of another kind.
    """
    require_known(model, splits[0].test)
    if model.history is None:
        return _undecidable(
            model,
            splits,
            "the file of the model in service has no history, so which ratings it has seen is "
            "unknown; save it with its history",
        )
    asked = [part for split in splits if (part := _unseen_part(model, split)) is not None]
    users_of = [_users(part, feedback) for part in asked]
    chosen = [part for part, users in zip(asked, users_of, strict=True) if len(users)]
    users, as_asked = np.unique(np.concatenate(users_of)) if chosen else np.zeros(0), True
    if len(users) < LEAST_USERS:
        drawn = _random_part(model, splits[0], seed)
        others = np.zeros(0) if drawn is None else _users(drawn, feedback)
        if drawn is not None and len(others) >= LEAST_USERS:
            chosen, users, as_asked = [drawn], others, False
    if not chosen:
        n = sum(split.test.n_ratings for split in splits)
        why = f"the model in service was trained on all of the {n:,} test ratings"
        if asked:
            n = sum(part.test.n_ratings for part in asked)
            why = (
                f"none of the {n:,} test ratings that it has not seen can be used: their users "
                "have no other rating that counts as liked, or are copies of others"
            )
        cannot = f"{why}; compare with an older model, or wait for new ratings"
        same = all(seen_by(model, split.train).all() for split in splits)
        same &= model.feedback.unfitted == feedback.unfitted
        return replace(_undecidable(model, splits, cannot), same_training=same)
    how = "as it is served, on ratings that it has not seen"
    same = (
        all(_is_history(model, split.train) for split in chosen)
        and model.feedback.unfitted == feedback.unfitted
    )
    return Contest(tuple(chosen), Served(model), how, as_asked, same, users=users)


def _undecidable(model: Recommender, splits: Sequence[Split], cannot: str) -> Contest:
    current, how = held_against(model, splits)
    return Contest(tuple(splits), current, how, True, False, cannot)


def _unseen_part(model: Recommender, split: Split) -> Split | None:
    # The split with the seen test ratings among the known ones; None if all are seen.
    seen = seen_by(model, split.test)
    if not seen.any():
        return split
    if seen.all():
        return None
    known = merged(split.seen, split.test.select(seen))
    n = int(seen.sum())
    how = (
        f"what the model in service has not seen of the split {split.how}; {n:,} test ratings that "
        "it has seen are training ratings"
    )
    test = split.test.select(~seen)
    if split.known is not None:
        return replace(split, test=test, how=how, known=known)
    return replace(split, train=known, test=test, how=how)


def _random_part(model: Recommender, split: Split, seed: int) -> Split | None:
    everything = merged(split.train, split.test)
    if split.known is not None:
        everything = merged(everything, split.known)
    unseen = np.flatnonzero(~seen_by(model, everything))
    if len(unseen) < 2:
        return None
    is_test = np.zeros(everything.n_ratings, bool)
    n = round(SHARE * len(unseen))
    is_test[np.random.default_rng(seed).choice(unseen, n, replace=False)] = True
    how = (
        f"random, {SHARE:g} of the {len(unseen):,} ratings that the model in service has not seen "
        f"to the test, seed {seed}"
    )
    try:
        return by_mask(everything, is_test, how)
    except DataError:  # every one is of an item without training ratings
        return None


def seen_by(model: Recommender, ratings: Ratings) -> npt.NDArray[np.bool_]:
    """(n_ratings,) whether each pair of user and item is in the history of a model."""
    assert model.history is not None
    return is_in(model.fitted.users, model.fitted.items, model.history, ratings)


def _is_history(model: Recommender, ratings: Ratings) -> bool:
    assert model.history is not None
    return ratings.n_ratings == model.history.nnz and bool(seen_by(model, ratings).all())


def _users(split: Split, feedback: Feedback) -> npt.NDArray[Any]:
    # Ids of the users that count; see `Contest.users`.
    fitted = feedback.fitted(split.train)
    parts = [positive(fitted.of(part.matrix)) for part in (split.test, split.seen)]
    has_both = np.logical_and.reduce([np.diff(part.indptr) > 0 for part in parts])
    counts = has_both & ~are_copies(split.test.matrix + split.seen.matrix)
    return np.asarray(split.test.users.ids[counts])
