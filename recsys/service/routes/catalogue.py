"""Items and users: what is known of them, page by page."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.errors import ArgumentError, UnknownIdError
from recsys.ids import IdIndex, in_json
from recsys.recommend import questions
from recsys.service.asked import Nothing, Page, a_user, an_item
from recsys.service.calls import Call, Json, Route, id_at
from recsys.service.everybody import everybody
from recsys.service.routes.shapes import ID, MODEL, page, record

_LIKED = 10  # items on the page of a user


def paged(index: IdIndex, asked: Page) -> tuple[range, str | None]:
    """Rows of the ids after the cursor, and the cursor of the page that follows.

    A cursor is the last id of a page, so that pages stay right where ids join or go.

    Raises:
        ArgumentError: the cursor is none.
    """
    first = 0
    if asked.cursor is not None:
        try:
            after: Any = index.parse(asked.cursor)
            first = int(np.searchsorted(index.ids, after, side="right"))
        except (UnknownIdError, OverflowError):
            raise ArgumentError(
                f"cursor must be the `next` of another page, not {asked.cursor!r}"
            ) from None
    last = min(first + asked.limit, len(index))
    return range(first, last), str(index.ids[last - 1]) if first < last < len(index) else None


def items(call: Call) -> Json:
    """The items in the order of their ids."""
    index = call.model.fitted.items
    found, after = paged(index, call.asked(Page))
    return _page(call, [_item(call, row) for row in found], after, len(index))


def item(call: Call) -> Json:
    """What is known of one item."""
    call.asked(Nothing)
    row = call.model.item_row(an_item(call.model, call.path("item")))
    described = bool(call.model.from_features("items")[row])
    return {"model": call.snapshot.about, "from_features": described} | _item(call, row)


def _item(call: Call, row: int) -> Json:
    counts = call.model.counts
    n = None if counts is None else int(counts.items[row])
    own = {"item": id_at(call.model.fitted.items, row), "n_ratings": n}
    return call.snapshot.record(row) | own


def users(call: Call) -> Json:
    """The users in the order of their ids, with those whom only the store knows."""
    index = everybody(call.service.store, call.snapshot)
    found, after = paged(index, call.asked(Page))
    rows = call.model.fitted.users.find(index.ids[found.start : found.stop])
    listed = [_user(call, id_at(index, at), row) for at, row in zip(found, rows, strict=True)]
    return _page(call, listed, after, len(index))


def user(call: Call) -> Json:
    """What is known of one person, and what they liked most."""
    call.asked(Nothing)
    name = a_user(call.model, call.path("user"))
    rated = _rated(call, name)
    known = None if call.service.store is None else call.service.store.user(name)
    row = call.service.person(call.snapshot, name).ratings()
    liked = questions.liked_of(call.model, row.indices, row.data, _LIKED)
    return {
        "model": call.snapshot.about,
        "user": in_json(name),
        "n_ratings": len(rated.items),
        "attributes": known or {},
        "liked": call.answer(liked)["rows"],
    }


def _user(call: Call, user: int | str, row: int) -> Json:
    counts, store = call.model.counts, call.service.store
    if row < 0 and store is not None:
        mark = store.mark(user)
        return {"user": user, "n_ratings": 0 if mark is None else mark[1]}
    return {"user": user, "n_ratings": None if counts is None else int(counts.users[row])}


class Rated(NamedTuple):
    """What a person rated."""

    items: IdIndex
    """Their ids."""
    values: npt.NDArray[np.float32]
    """NaN for what was seen, without a value."""
    times: npt.NDArray[np.float64] | None
    """None where the ratings are those of the training."""


def _rated(call: Call, name: int | str) -> Rated:
    given = None if call.service.store is None else call.service.store.given(name)
    if given is None:
        row = call.model.fitted.users.row(name)
        items = call.model.fitted.items.ids[call.model.seen_by(row)]
        return Rated(IdIndex(items, "item"), call.model.ratings_of(row), None)
    index = IdIndex(given.items, "item")
    order = index.find(given.items).argsort()
    return Rated(index, given.values[order], given.times[order])


def _rating(call: Call, rated: Rated, at: int) -> Json:
    value = float(rated.values[at])
    found = {"item": id_at(rated.items, at), "rating": None if np.isnan(value) else value}
    if rated.times is not None and not np.isnan(rated.times[at]):
        found["time"] = float(rated.times[at])
    row = int(call.model.fitted.items.find([found["item"]])[0])
    return (call.snapshot.record(row) if row >= 0 else {}) | found


def ratings(call: Call) -> Json:
    """What a person rated, in the order of the ids of the items."""
    asked = call.asked(Page)
    name = a_user(call.model, call.path("user"))
    rated = _rated(call, name)
    found, after = paged(rated.items, asked)
    listed = [_rating(call, rated, at) for at in found]
    return _page(call, listed, after, len(rated.items)) | {"user": in_json(name)}


def _page(call: Call, found: list[Json], after: str | None, total: int) -> Json:
    return {"model": call.snapshot.about, "rows": found, "next": after, "total": total}


_COUNT = {"type": ["integer", "null"], "description": "Ratings that count for the model."}
_ITEM = record(model=MODEL, item=ID, n_ratings=_COUNT, from_features={"type": "boolean"})
_OF_USER = _COUNT | {
    "description": "Ratings that count for the model, or for a user not in it, those in the store."
}
_USER = record(model=MODEL, user=ID, n_ratings=_OF_USER)

ROUTES = (
    Route(
        method="GET", path="/v1/items", handler=items, query=Page, tag="catalogue",
        summary="The items, page by page", answer=page("item"), threaded=True,
    ),
    Route(
        method="GET", path="/v1/items/{item}", handler=item, tag="catalogue",
        summary="Details of an item", answer=_ITEM,
    ),
    Route(
        method="GET", path="/v1/users", handler=users, query=Page, tag="catalogue",
        summary="The users, page by page", answer=page("user"), threaded=True,
    ),
    Route(
        method="GET", path="/v1/users/{user}", handler=user, tag="catalogue", threaded=True,
        summary="Details of a user, and what they liked", answer=_USER,
    ),
    Route(
        method="GET", path="/v1/users/{user}/ratings", handler=ratings, query=Page, threaded=True,
        tag="catalogue", summary="What a user rated, page by page", answer=page("item"),
    ),
)  # fmt: skip
