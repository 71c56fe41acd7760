"""The map of the items, and where somebody stands on it."""

from __future__ import annotations

import hashlib

import orjson
from starlette.responses import Response

from recsys.maps.live_map import MOST, live_map, place
from recsys.service.asked import Mapped, Nothing, a_user
from recsys.service.calls import Call, Json, Route
from recsys.service.people import somebody_new
from recsys.service.routes.shapes import CHANGES, ID, MODEL, REMARKS, record


def whole(call: Call) -> Response:
    """The items in two planes, of the model that serves: a person, where one is named."""
    body = _body(call.of(call.asked(Mapped).user))
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in call.request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def _body(call: Call) -> bytes:
    # Hundreds of kilobytes that are the same for all who ask; a model keeps its map likewise. The
    # map is that of the model as it was loaded: it is not drawn again for each new item.
    key, base = "live map, as JSON", call.snapshot.base
    found, name = live_map(base), orjson.dumps(call.snapshot.about)
    kept = base.derived.get(key)
    if kept is None or kept[0] != name:
        kept = name, orjson.dumps({"model": call.snapshot.about} | found.to_dict())
        base.derived[key] = kept
    body: bytes = kept[1]
    return body


def placed(call: Call) -> Json:
    """Where a person, or somebody with these ratings, stands on the map."""
    call.given(Nothing, "ratings", "user")
    call = call.of(call.fields.get("user"))
    found = live_map(call.snapshot.base)
    if "user" in call.fields:
        who = call.service.person(call.snapshot, a_user(call.model, call.field("user")))
        if "ratings" in call.fields:
            who = who.changed(call.ratings(none=True))
    else:
        who = somebody_new(call.model, call.ratings())
    at = place(found, call.model, who.ratings())
    return {"model": call.snapshot.about, "folded_in": who.folded_in} | at


_POINT = {"type": ["array", "null"], "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
_COLUMNS = record(
    x={"type": "array", "items": {"type": "number"}},
    y={"type": "array", "items": {"type": "number"}},
)
_NEAR = record(item=ID, title={"type": "string"}, cosine={"type": "number"})
_TEXTS = {"type": "array", "items": {"type": "string"}}

ROUTES = (
    Route(
        method="GET", path="/v1/map", handler=whole, query=Mapped, threaded=True, tag="map",
        summary=f"The items in two planes, at most the {MOST:,} most rated",
        answer=record(
            model=MODEL, n_items={"type": "integer"}, items={"type": "array", "items": ID},
            titles=_TEXTS, groups=_TEXTS, group={"type": "array", "items": {"type": "integer"}},
            palette=record(light=_TEXTS, dark=_TEXTS),
            neighbourhoods=_COLUMNS, components=_COLUMNS, remarks=REMARKS,
        ),
    ),
    Route(
        method="POST", path="/v1/map/place", handler=placed, threaded=True, tag="map",
        body={"ratings": CHANGES, "user": ID},
        summary="The place on the map of a new user with these ratings, or a user with these "
        "changes",
        answer=record(
            model=MODEL, folded_in={"type": "boolean"}, neighbourhoods=_POINT, components=_POINT,
            near={"type": "array", "items": _NEAR}, remarks=REMARKS,
        ),
        example={"ratings": {"Toy Story (1995)": 5}},
    ),
)  # fmt: skip
