"""Why an item is recommended, and what to ask somebody new."""

from __future__ import annotations

from recsys.errors import ArgumentError
from recsys.ids import in_json
from recsys.recommend import explain
from recsys.recommend.choice import Choice
from recsys.recommend.onboarding import onboard
from recsys.service.asked import Nothing, Onboarded, a_user, an_item
from recsys.service.calls import Call, Json, Route
from recsys.service.people import Somebody, somebody_new
from recsys.service.routes.shapes import CHANGES, EXPLANATION, ID, MODEL, RATINGS, answer, record


def for_user(call: Call) -> Json:
    """Why an item has its score for a person."""
    call.asked(Nothing)
    user = a_user(call.model, call.path("user"))
    who = call.service.person(call.snapshot, user)
    return _explained(call, who, call.path("item")) | {"user": in_json(user)}


def for_ratings(call: Call) -> Json:
    """Why an item has its score for somebody with these ratings."""
    call.given(Nothing, "ratings", "item")
    return _explained(call, somebody_new(call.model, call.ratings()), call.field("item"))


def _explained(call: Call, who: Somebody, item: object) -> Json:
    found = explain.explain(call.model, who.explained(), an_item(call.model, item))
    return {
        "model": call.snapshot.about,
        "folded_in": who.folded_in,
        "explanation": found.to_dict(),
    }


def ask(call: Call) -> Json:
    """The items to ask somebody new about next."""
    asked = call.given(Onboarded, "answered")
    if call.fields.get("answered") is None:
        raise ArgumentError("the body has no 'answered'; give {} before the first answer")
    choice = Choice(n=asked.n, **asked.of_model(call.model))
    return call.answer(onboard(call.model, asked.n, call.ratings("answered", none=True), choice))


_EXPLAINED = record(model=MODEL, folded_in={"type": "boolean"}, explanation=EXPLANATION)

ROUTES = (
    Route(
        method="GET", path="/v1/users/{user}/explanations/{item}", handler=for_user,
        summary="Why an item has its score for a user", threaded=True, answer=_EXPLAINED,
    ),
    Route(
        method="POST", path="/v1/explanations", handler=for_ratings,
        body={"ratings": RATINGS, "item": ID}, required=("ratings", "item"), threaded=True,
        summary="Why an item has its score for a new user with these ratings", answer=_EXPLAINED,
        example={"ratings": {"Toy Story (1995)": 5}, "item": "Heat (1995)"},
    ),
    Route(
        method="POST", path="/v1/onboarding", handler=ask, fields=Onboarded,
        body={"answered": CHANGES}, required=("answered",), threaded=True,
        summary="What to ask a new user about next", answer=answer(),
        example={"answered": {"Toy Story (1995)": 5, "Heat (1995)": None}, "n": 3},
    ),
)  # fmt: skip
