"""Lists for several people together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.arguments import require_one_of
from recsys.errors import ArgumentError, DataError
from recsys.models.common import FloatArray
from recsys.recommend.answer import Table
from recsys.recommend.choice import HOWS, Choice, How
from recsys.recommend.explain import Person, somebody, user_of
from recsys.recommend.index import top_of_scores
from recsys.recommend.parts import ModelParts
from recsys.recommend.person import ratings_row
from recsys.recommend.tables import item_table, why_filtered

Member = tuple[str, Person]
"""What messages call a person, and the person."""

_JOINED: Mapping[str, Callable[..., Any]] = {
    "average": np.mean,
    "least-misery": np.min,
    "most-pleasure": np.max,
}


def recommend_group(
    model: ModelParts, people: Sequence[Any], choice: Choice, how: How = "average"
) -> Table:
    """The best items for several people together; see `Recommender.recommend_group`."""
    if not _is_list(people) or not len(people):
        raise ArgumentError("people must be a list of users and of ratings, with at least one")
    return recommend_together(model, [_member(model, one) for one in people], choice, how)


def _is_list(people: object) -> bool:
    # Of people; a text or a number is one of them.
    return (
        isinstance(people, Iterable)
        and isinstance(people, Sized)
        and not isinstance(people, str | bytes | bytearray | Mapping)
    )


def recommend_together(
    model: ModelParts, members: Sequence[Member], choice: Choice, how: How = "average"
) -> Table:
    """The same for people as explanations take them, each with the name that messages use."""
    require_one_of("how", how, HOWS)
    if choice.risk is not None:
        raise ArgumentError("risk is for one user at a time: leave it out for a group")
    group = [person for _, person in members]
    for name, (history, person) in members:
        if model.fitted.indifferent(person)[0] or not model.feedback.of(history).nnz:
            raise DataError(f"no rating of {name} counts for the model; leave this user out")
    scores = np.concatenate([model.fitted.scores(person) for _, person in group])
    joined: FloatArray = _JOINED[how](scores, axis=0)[None].astype(np.float32)
    candidates = model.candidates(choice)
    if candidates is not None:
        others = np.ones(joined.shape[1], bool)
        others[candidates] = False
        joined[0, others] = -np.inf
    if choice.exclude_seen:
        for history, _ in group:
            joined[0, history.indices] = -np.inf
    rows, best = (one[0] for one in top_of_scores(joined, min(choice.n, joined.shape[1])))
    rows, best = rows[rows >= 0], best[rows >= 0]
    why = "the others are excluded"
    if choice.where is not None and candidates is not None:
        why = why_filtered(model, choice.where, len(candidates), why)
    table = item_table(model, rows, best, choice.n, why)
    of_each: npt.NDArray[Any] = scores[:, rows]
    answer = dict(table.answer) | {"least": of_each.min(axis=0), "most": of_each.max(axis=0)}
    return Table(answer, table.items, table.rows, table.notes)


def _member(model: ModelParts, who: Any) -> Member:
    if isinstance(who, Mapping):
        return "a new user", somebody(model, ratings_row(model, who))
    return f"user {who}", user_of(model, who)
