"""Similar items and users, and titles that fit some words."""

from __future__ import annotations

from typing import Any

from recsys.ids import in_json
from recsys.recommend import questions, similar
from recsys.recommend.choice import Allowed
from recsys.service.asked import Searched, Similar, SimilarUsers, a_user, an_item
from recsys.service.calls import Call, Json, Route, id_at
from recsys.service.routes.shapes import ID, answer


def like_item(call: Call) -> Json:
    """The items most like one."""
    asked = call.asked(Similar)
    item = an_item(call.model, call.path("item"))
    allowed, metric = Allowed(**asked.of_model(call.model)), _metric(asked.metric)
    table = similar.similar_items(
        call.model, item, asked.n, metric, asked.alpha, allowed, asked.opposite
    )
    row = call.model.item_row(item)
    title = call.snapshot.record(row).get("title")
    return call.answer(table, item=id_at(call.model.fitted.items, row), title=title)


def like_user(call: Call) -> Json:
    """The users most like one; only the model's, because others have no stored factors."""
    asked = call.asked(SimilarUsers)
    user = a_user(call.model, call.path("user"))
    table = similar.similar_users(call.model, user, asked.n, _metric(asked.metric), asked.alpha)
    return call.answer(table, user=in_json(user))


def search(call: Call) -> Json:
    """The items whose titles fit some words."""
    asked = call.asked(Searched)
    return call.answer(questions.search_titles(call.model, asked.q, asked.n))


def _metric(name: str) -> Any:
    return name


ROUTES = (
    Route(
        method="GET", path="/v1/items/{item}/similar", handler=like_item, query=Similar,
        summary="Items similar to an item", threaded=True,
        answer=answer(item=ID, title={"type": ["string", "null"]}),
    ),
    Route(
        method="GET", path="/v1/users/{user}/similar", handler=like_user, query=SimilarUsers,
        summary="Users similar to a user", threaded=True, answer=answer("user", user=ID),
    ),
    Route(
        method="GET", path="/v1/search", handler=search, query=Searched,
        summary="Items whose titles match some words", threaded=True, answer=answer(),
    ),
)  # fmt: skip
