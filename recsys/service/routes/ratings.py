"""What people and items change: ratings, items, feedback on lists, and people who leave."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from recsys.errors import ArgumentError, UnknownIdError
from recsys.ids import in_json
from recsys.recommend.person import checked_rating
from recsys.service.asked import MOST, Nothing, a_user, an_item, text_of
from recsys.service.calls import Call, Json, Route
from recsys.service.routes.shapes import ID, record

if TYPE_CHECKING:
    from recsys.store.database.records import Written

KEY = "idempotency-key"
_LONGEST_KEY = 200
_ATTRIBUTES = 100  # of an item
_LATEST = 253402300800.0  # the year 10000
_ACTIONS = ("click", "rating", "dismiss")


def rate(call: Call) -> Json:
    """Writes one rating."""
    from recsys.store.database.records import Rating

    store, fields = call.service.needs_store(), _only(call.fields, "rating", "time")
    user = a_user(call.model, call.path("user"))
    item, is_late = _item(call, call.path("item"))
    rating = Rating(item, _value(call, item, fields.get("rating")), _time(fields.get("time")))
    written = store.write(user, [rating], adopt=_adopted(call, user), key=_key(call))
    if is_late:
        call.service.live.follow()
    return _acknowledged(written, user=user, item=item)


def unrate(call: Call) -> Json:
    """Removes one rating."""
    call.asked(Nothing)
    store = call.service.needs_store()
    user = a_user(call.model, call.path("user"))
    item, _ = _item(call, call.path("item"))
    written = store.remove(user, item, adopt=_adopted(call, user), key=_key(call))
    return _acknowledged(written, user=user, item=item)


def rate_many(call: Call) -> Json:
    """Writes ratings of several people, all of them or none."""
    from recsys.store.database.records import UserRating

    store = call.service.needs_store()
    given, is_late = [], False
    for at, fields in enumerate(_entries(call.body)):
        try:
            fields = _only(fields, "user", "item", "rating", "time")
            user = a_user(call.model, fields.get("user"))
            item, late = _item(call, fields.get("item"))
            value = _value(call, item, fields.get("rating"))
            given.append(UserRating(user, item, value, _time(fields.get("time"))))
        except ArgumentError as error:
            raise ArgumentError(f"entry {at + 1}: {error}") from None
        is_late = is_late or late
    for user in dict.fromkeys(one.user for one in given):
        adopted = _adopted(call, user)
        if adopted:
            store.write(user, [], adopt=adopted)
    written = store.write_many(given, key=_key(call))
    if is_late:
        call.service.live.follow()
    return _acknowledged(written)


def put_item(call: Call) -> Json:
    """Writes what an item is."""
    store, fields = call.service.needs_store(), _only(call.fields, "title", "attributes")
    text, title = call.path("item"), fields.get("title")
    attributes = fields.get("attributes", {})
    if title is not None and (not isinstance(title, str) or not 0 < len(title) <= MOST):
        raise ArgumentError(f"title must be text of 1 to {MOST} characters, or null")
    if not isinstance(attributes, dict) or len(attributes) > _ATTRIBUTES:
        raise ArgumentError(f"attributes must be an object of at most {_ATTRIBUTES} fields")
    for name, value in attributes.items():
        plain = value is None or isinstance(value, str | int | float | bool)
        if not plain or not name or len(str(value)) > MOST or len(name) > MOST:
            raise ArgumentError(
                f"attributes: {name[:40]!r} must be text of at most {MOST} characters, a number, "
                "true, false or null"
            )
    item = call.model.fitted.items.parse(text)
    written = store.put_item(item, title, attributes)
    if call.snapshot.base.fitted.items.find([item])[0] < 0:
        call.service.live.follow()
    return _acknowledged(written, item=item)


def forget(call: Call) -> Json:
    """Forgets a person: in the store, and in the models that serve."""
    call.asked(Nothing)
    store = call.service.needs_store()
    user = a_user(call.model, call.path("user"))
    known = call.model.fitted.users.find([user])[0] >= 0 or store.user(user) is not None
    if not known:
        raise UnknownIdError(f"user {user} is not in the data")
    if call.service.traffic is not None:
        call.service.traffic.flush()  # lists that wait would come after
    n = store.forget(user, by=call.by or None)
    call.service.live.follow()
    return {"forgotten": True, "n_ratings": n}


def feedback(call: Call) -> Json:
    """Keeps what somebody did with an item of a list."""
    call.service.needs_store()
    fields = _only(call.fields, "item", "action", "value")
    item = an_item(call.model, fields.get("item"))
    row = call.model.fitted.items.find([item])[0]
    if row < 0:
        item = call.model.fitted.items.ids[call.model.item_row(item)].item()
    action = fields.get("action")
    if action not in _ACTIONS:
        raise ArgumentError(f"action must be one of {', '.join(_ACTIONS)}, not {action!r}")
    assert call.service.traffic is not None  # where there is a store
    value = fields.get("value")
    value = None if value is None else checked_rating(item, _number(value, "value"), None)
    call.service.traffic.feedback(call.path("served"), item, action, value)
    return {"kept": True}


def _acknowledged(written: Written, **about: Any) -> Json:
    return {name: in_json(value) for name, value in about.items()} | {
        "written": written.n,
        "seq": written.seq,
    }


def _item(call: Call, given: Any) -> tuple[Any, bool]:
    # Its id, and whether it came after the training, so that the model has to be grown again. Such
    # an item must have been put into the store, or a wrong title would become an item.
    items, text = call.model.fitted.items, text_of(given, "item")
    try:
        row = call.model.item_row(an_item(call.model, text))
        found = items.ids[row : row + 1].tolist()[0]
        return found, bool(call.snapshot.base.fitted.items.find([found])[0] < 0)
    except UnknownIdError as error:
        known = call.service.needs_store().item(text)
        if known is None:
            raise UnknownIdError(
                f"{error}; describe a new item first, with PUT /v1/items/ID"
            ) from None
        return known.id, True


def _value(call: Call, item: Any, rating: Any) -> float | None:
    if rating is None:
        if call.model.scale is not None:
            raise ArgumentError("rating is missing: the ratings of this model are numbers")
        return None
    return checked_rating(item, _number(rating, "rating"), call.model.scale)


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ArgumentError(f"{what} must be a number, not {type(value).__name__}")
    return float(value)


def _time(value: Any) -> float | None:
    if value is None:
        return None
    found = _number(value, "time")
    if not math.isfinite(found) or not 0 <= found < _LATEST:
        raise ArgumentError(f"time must be seconds since 1970, not {value!r}")
    return found


def _adopted(call: Call, user: Any) -> Sequence[Any] | None:
    # The history of a person whom the store does not know yet.
    from recsys.store.database.records import Rating

    if call.service.needs_store().user(user) is not None:
        return None
    history = call.service.history(call.model, user)
    return None if history is None else [Rating(item, value) for item, value in history]


def _key(call: Call) -> str | None:
    key = call.request.headers.get(KEY)
    if key is not None and not 0 < len(key) <= _LONGEST_KEY:
        raise ArgumentError(f"Idempotency-Key must have 1 to {_LONGEST_KEY} characters")
    return key


def _only(fields: Any, *names: str) -> Mapping[str, Any]:
    if not isinstance(fields, dict):
        raise ArgumentError("must be a JSON object")
    for name in fields:
        if name not in names:
            raise ArgumentError(
                f"there is no field {name[:40]!r}; the fields are {', '.join(names)}"
            )
    return fields


def _entries(body: Any) -> list[Any]:
    if not isinstance(body, list) or not 1 <= len(body) <= MOST:
        raise ArgumentError(f"the body must be a list of 1 to {MOST} ratings")
    return body


_RATING = {"type": ["number", "null"], "description": "On the scale of the training ratings."}
_TIME = {"type": ["number", "null"], "description": "Seconds since 1970; defaults to now."}
_DONE = record(written={"type": "integer"}, seq={"type": "integer"})
_KEY = {"Idempotency-Key": "A request repeated with the same key returns the same answer."}
_ENTRY = {
    "type": "object",
    "properties": {"user": ID, "item": ID, "rating": _RATING, "time": _TIME},
    "required": ["user", "item"],
    "additionalProperties": False,
}
_ATTRIBUTE = {"type": ["string", "number", "boolean", "null"]}

ROUTES = (
    Route(
        method="PUT", path="/v1/users/{user}/ratings/{item}", handler=rate, scope="write",
        body={"rating": _RATING, "time": _TIME}, headers=_KEY, threaded=True, tag="changes",
        summary="Write a rating", answer=_DONE, example={"rating": 4.5},
    ),
    Route(
        method="DELETE", path="/v1/users/{user}/ratings/{item}", handler=unrate, scope="write",
        headers=_KEY, threaded=True, tag="changes", summary="Remove a rating", answer=_DONE,
    ),
    Route(
        method="POST", path="/v1/ratings", handler=rate_many, scope="write", headers=_KEY,
        body_schema={"type": "array", "items": _ENTRY, "minItems": 1, "maxItems": MOST},
        threaded=True, tag="changes", summary="Write ratings of several users, all or none",
        answer=_DONE, example=[{"user": 196, "item": 50, "rating": 4}],
    ),
    Route(
        method="PUT", path="/v1/items/{item}", handler=put_item, scope="write", threaded=True,
        body={
            "title": {"type": ["string", "null"], "maxLength": MOST},
            "attributes": {"type": "object", "additionalProperties": _ATTRIBUTE},
        },
        tag="changes", summary="Describe an item, which may be new",
        answer=record(item=ID, seq={"type": "integer"}),
        example={"title": "A new film (2026)", "attributes": {"genres": "Drama"}},
    ),
    Route(
        method="DELETE", path="/v1/users/{user}", handler=forget, scope="admin", threaded=True,
        tag="changes", summary="Forget a user",
        answer=record(forgotten={"type": "boolean"}, n_ratings={"type": "integer"}),
    ),
    Route(
        method="POST", path="/v1/served/{served}/feedback", handler=feedback, scope="write",
        body={"item": ID, "action": {"enum": list(_ACTIONS)}, "value": _RATING},
        required=("item", "action"), threaded=True, tag="changes",
        summary="Report what a user did with an item of a list",
        answer=record(kept={"type": "boolean"}), example={"item": 50, "action": "click"},
    ),
)  # fmt: skip
