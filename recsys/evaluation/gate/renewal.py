"""A fair contest between the model in service and its successor, on ratings that came since.

Neither model may be asked for a rating that it has seen. The model in service was trained on every
rating up to a day, and its successor should be trained on everything there is, which leaves nothing
to measure that one on. So the gate judges the recipe, one step back in time:

    ratings that the model in service has seen │ older half of the new ones │ newest half
    ◀────────── training of the candidate ──────────────────────────────────▶ ◀── test ──▶

The candidate is trained without the newest half; the model in service is measured as it would have
served on that day: people are folded in from all ratings before the test, and items that came after
its training from theirs, as the service does. If the gate opens, the same recipe is trained on
everything, and that model is promoted. It differs from the one that was measured by the newest
ratings alone, and more of the latest ratings is what a retraining is for.

Everything new as the test would be no contest: a candidate without any new rating is the model in
service again. A random half would let the candidate learn from the future of what it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from recsys.errors import DataError
from recsys.evaluation.gate import level
from recsys.evaluation.gate.contest import SHARE, Contest, contest, seen_by
from recsys.evaluation.gate.gate import Gate, Terms, World
from recsys.evaluation.gate.world import Found
from recsys.evaluation.protocol.served import Served
from recsys.ratings.account import counted
from recsys.ratings.feedback import Feedback
from recsys.ratings.ratings import Ratings
from recsys.ratings.splits import Split, by_mask
from recsys.ratings.times import iso
from recsys.recommend.recommender import Recommender


def renewal(
    model: Recommender, ratings: Ratings, feedback: Feedback, seed: int = 0
) -> Contest | str:
    """What a candidate and the model in service are measured on; why nothing, in words.

    Where the newest half is of too few people, it is a random half, as in every gate; without
    times, too.

    Args:
        model: the model in service, with its history.
        ratings: all there are.
        feedback: what counts as liked.
        seed: of the random half.

    Raises:
        DataError: the model and the ratings have almost no items in common, or ids of another kind.
    """
    if model.history is None:
        return "the file of the model in service has no history, so what it has seen is unknown"
    split = _newest(model, ratings, seed)
    if isinstance(split, str):
        return split
    held = contest(model, [split], feedback, seed)
    if held.cannot:
        return held.cannot
    train = held.splits[0].train
    return replace(held, current=Served(as_in_service(model, train)))


def period(split: Split) -> str:
    """The kind of a split, as levels in model files name it.

    It names the time of the ratings, so that no gate compares levels of different times: the same
    recipe is far better on the ratings of some weeks than on those of others.
    """
    times = split.test.timestamps
    return "of unseen ratings" if times is None else f"of ratings since {iso(float(times.min()))}"


def without_contest(
    why: str, found: Sequence[Found], terms: Terms, header: Mapping[str, Any] | None
) -> Gate:
    """The gate where there is nothing to measure on: undecided, or closed by another world."""
    unknown = level.check(header, terms.metric, None, level.Measured("", ""))
    return Gate(World(tuple(found), unknown, terms.allow_drift), None, why, ())


def as_in_service(model: Recommender, ratings: Ratings) -> Recommender:
    """The model with the ratings that it has not seen folded in, as it serves them."""
    more = ratings.select(~seen_by(model, ratings)).without_empty()
    return model.update(more) if more.n_ratings else model


def _newest(model: Recommender, ratings: Ratings, seed: int) -> Split | str:
    new = np.flatnonzero(~seen_by(model, ratings))
    n = round(SHARE * len(new))
    if not n:
        few = f"has not seen {counted(len(new), 'rating')}, too few to tell"
        return f"the model in service {few if len(new) else 'has seen every rating'}"
    times = ratings.timestamps
    if times is None or np.isnan(times[new]).any() or np.ptp(times[new]) == 0:
        chosen = np.random.default_rng(seed).choice(new, n, replace=False)
        which = f"a random half of them, seed {seed}"
    else:
        cut = np.sort(times[new])[len(new) - n]
        chosen = new[times[new] >= cut]
        which = f"those from {iso(float(cut))} UTC on"
    is_test = np.zeros(ratings.n_ratings, bool)
    is_test[chosen] = True
    how = (
        f"by time, of the {len(new):,} ratings that the model in service has not seen the newest "
        f"half to the test: {which}"
    )
    try:
        return by_mask(ratings, is_test, how)
    except DataError:
        return f"the newest {n:,} ratings are all of items that no user had rated before"
