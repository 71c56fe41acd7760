"""Lists of items: for a user, for some ratings, for a group, for many users."""

from __future__ import annotations

from typing import Any

from recsys.errors import ArgumentError
from recsys.ids import in_json
from recsys.recommend import groups, questions
from recsys.recommend.answer import Table
from recsys.recommend.choice import Choice
from recsys.service.asked import MOST, GroupListed, Listed, a_user, ratings_of
from recsys.service.calls import Call, Json, Route, fragment, in_json_bytes, rows_in_json
from recsys.service.kept import MadeList
from recsys.service.people import Somebody, somebody_new
from recsys.service.routes.shapes import CHANGES, ID, RATINGS, SERVED, WHY, answer


def _listed(call: Call, who: Somebody, asked: Listed, choice: Choice, **more: Any) -> Json:
    # A list of which all that it depends on is the same as before is not made again.
    if call.body is not None or not call.snapshot.lists.keeps:
        found = _made(call, who, asked, choice)
    else:
        name = who.user, call.query
        found = call.snapshot.lists.get(name, who.key, lambda: _made(call, who, asked, choice))
    if call.service.traffic is not None:
        more["served"] = call.service.traffic.keep(call.snapshot, who.user, found.items)
    call.service.metrics.listed(who.folded_in)
    first = {"model": call.snapshot.about, "folded_in": who.folded_in}
    return first | more | found.parts


def _made(call: Call, who: Somebody, asked: Listed, choice: Choice) -> MadeList:
    table = who.recommend(choice)
    remarks = in_json_bytes(table.remarks) if table.notes else b"[]"
    parts = {"remarks": remarks, "rows": rows_in_json(table, call.snapshot)}
    if asked.why and (why := call.reasons(who, table)):
        parts["why"] = in_json_bytes([one.to_dict() for one in why])
    size = 1000 + sum(map(len, parts.values()))
    items = table.answer["item"].tolist()
    return MadeList(items, {name: fragment(one) for name, one in parts.items()}, size)


def _with_reasons(call: Call, who: Somebody, asked: Listed, table: Table, **more: Any) -> Json:
    why = call.reasons(who, table) if asked.why else ()
    call.service.metrics.listed(who.folded_in)
    return call.answer(table, who.folded_in, why, **more)


def for_user(call: Call) -> Json:
    """The best items for a person the model or the store knows."""
    asked, choice = call.snapshot.listed(call.query)
    who = call.service.called(call.snapshot, call.path("user"))
    return _listed(call, who, asked, choice, user=in_json(who.user))


def for_ratings(call: Call) -> Json:
    """The best items for somebody with these ratings."""
    asked = call.given(Listed, "ratings")
    who = somebody_new(call.model, call.ratings())
    return _listed(call, who, asked, asked.choice(call.model))


def what_if(call: Call) -> Json:
    """The list of a person if they had rated otherwise."""
    asked = call.given(Listed, "ratings")
    user = a_user(call.model, call.path("user"))
    changes = call.ratings(none=True)
    who = call.service.person(call.snapshot, user).changed(changes)
    table = questions.noting_approximation(call.model, who.recommend(asked.choice(call.model)))
    return _with_reasons(call, who, asked, table, user=in_json(user))


def for_group(call: Call) -> Json:
    """One list for several people."""
    asked = call.given(GroupListed, "people")
    people = call.field("people")
    if not isinstance(people, list) or not people:
        raise ArgumentError("people must be a list of user ids and of ratings, with at least one")
    if len(people) > MOST:
        raise ArgumentError(f"people must have at most {MOST} entries, not {len(people):,}")
    if asked.why:
        raise ArgumentError("why is for one user at a time: leave it out for a group")
    members = [_member(call, one) for one in people]
    how: Any = asked.together
    table = groups.recommend_together(call.model, members, asked.choice(call.model), how)
    return call.answer(table)


def _member(call: Call, one: Any) -> tuple[str, Any]:
    # What messages call a person, and the person as explanations take them.
    if isinstance(one, dict):
        ratings = ratings_of(call.model, one, "people")
        return "a new user", somebody_new(call.model, ratings).explained()
    user = a_user(call.model, one)
    return f"user {user}", call.service.person(call.snapshot, user).explained()


def for_many(call: Call) -> Json:
    """A list for each of many users."""
    asked = call.given(Listed, "users")
    users = call.field("users")
    if not isinstance(users, list) or not users or len(users) > MOST:
        raise ArgumentError(f"users must be a list of 1 to {MOST} user ids")
    if asked.why:
        raise ArgumentError("why is for one user at a time: leave it out of a batch")
    choice = asked.choice(call.model)
    ids = [a_user(call.model, one) for one in users]
    people = [call.service.person(call.snapshot, one) for one in ids]
    same = list(dict.fromkeys(who.user for who in people if not who.folded_in))
    remarks: list[str] = []
    by_user: dict[Any, Any] = {}
    if same:
        together = questions.recommend_many(call.model, same, choice)
        remarks += together.remarks
        items = call.model.fitted.items
        for row in together.to_dict()["rows"]:
            known = call.snapshot.record(items.row(row["item"]))
            by_user.setdefault(row.pop("user"), []).append(row | known)
    lists = []
    for who in people:
        if who.folded_in:
            table = who.recommend(choice)
            remarks += [f"User {who.user}: {one}" for one in table.remarks]
            by_user[who.user] = fragment(rows_in_json(table, call.snapshot))
        lists.append(
            {
                "user": in_json(who.user),
                "folded_in": who.folded_in,
                "rows": by_user.get(who.user, []),
            }
        )
    return {"model": call.snapshot.about, "remarks": remarks, "lists": lists}


_LISTS = {
    "type": "array",
    "items": {"type": "object", "properties": {"user": ID, "rows": answer()["properties"]["rows"]}},
}
_PEOPLE = {
    "type": "array",
    "minItems": 1,
    "maxItems": MOST,
    "items": {"anyOf": [*ID["anyOf"], RATINGS]},
    "description": "User ids, and new users as item → rating.",
}
_USERS = {"type": "array", "minItems": 1, "maxItems": MOST, "items": ID}
_MANY = answer(lists=_LISTS)
_MANY = _MANY | {"required": ["model", "remarks", "lists"]}

ROUTES = (
    Route(
        method="GET", path="/v1/users/{user}/recommendations", handler=for_user, query=Listed,
        summary="The best items for a user",
        answer=answer(folded=True, user=ID, why=WHY, served=SERVED),
    ),
    Route(
        method="POST", path="/v1/recommendations", handler=for_ratings, fields=Listed,
        body={"ratings": RATINGS}, required=("ratings",),
        summary="The best items for a new user with these ratings",
        answer=answer(folded=True, why=WHY, served=SERVED),
        example={"ratings": {"Toy Story (1995)": 5}, "n": 5, "why": True},
    ),
    Route(
        method="POST", path="/v1/users/{user}/what-if", handler=what_if, fields=Listed,
        body={"ratings": CHANGES}, required=("ratings",),
        summary="The best items for a user with changed ratings",
        answer=answer(folded=True, user=ID, why=WHY),
        example={"ratings": {"Toy Story (1995)": 1}},
    ),
    Route(
        method="POST", path="/v1/groups/recommendations", handler=for_group, fields=GroupListed,
        body={"people": _PEOPLE}, required=("people",), threaded=True,
        summary="One list for several users", answer=answer(),
        example={"people": [196, {"Toy Story (1995)": 5}], "together": "least-misery"},
    ),
    Route(
        method="POST", path="/v1/batch/recommendations", handler=for_many, fields=Listed,
        body={"users": _USERS}, required=("users",), threaded=True,
        summary="A list for each of many users", answer=_MANY,
        example={"users": [196, 186], "n": 5},
    ),
)  # fmt: skip
