"""The OpenAPI document says what the service does, and nothing that it says breaks the service."""

from __future__ import annotations

import re
from typing import Any

import hypothesis
import pytest
from fuzzing import asked, storm
from http_client import Client
from hypothesis import given, settings
from hypothesis import strategies as st

import recsys
from recsys.recommend.choice import Choice
from recsys.service import create_app
from recsys.service.application import ROUTES
from recsys.service.asked import Listed
from recsys.settings import settings_of


@pytest.fixture(scope="module")
def document(client: Client) -> Any:
    return client.ok("GET", "/openapi.json")


def test_every_route_is_described(document: Any) -> None:
    described = {
        (path, method.upper()) for path, one in document["paths"].items() for method in one
    }
    assert described == {(one.path, one.method) for one in ROUTES}
    ids = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(set(ids)) == len(ids)


def test_everything_a_choice_has_is_a_parameter_and_a_field(document: Any) -> None:
    names = {one.name for one in settings_of(Choice)}
    get = document["paths"]["/v1/users/{user}/recommendations"]["get"]
    assert names <= {one["name"] for one in get["parameters"] if one["in"] == "query"}
    for path in ("/v1/recommendations", "/v1/users/{user}/what-if", "/v1/batch/recommendations"):
        content = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        assert names <= content["schema"]["properties"].keys()


def test_parameters_have_their_meaning_default_and_limits(document: Any) -> None:
    get = document["paths"]["/v1/users/{user}/recommendations"]["get"]
    found = {one["name"]: one for one in get["parameters"]}
    for setting in settings_of(Listed):
        assert found[setting.name]["description"] == setting.meaning
    assert found["n"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 1000, "default": 10}
    assert found["risk"]["schema"]["enum"] == ["mean", "lower", "upper", "thompson"]


def test_examples_in_the_document_are_answered(document: Any) -> None:
    import pandas as pd

    # A world in which the ids and titles of the examples exist.
    titles = ["Toy Story (1995)", "Heat (1995)", *(f"Film {i} (1990)" for i in range(60))]
    items = pd.DataFrame({"item": range(1, 63), "title": titles, "genres": "Comedy"})
    rows = [(user, 1 + (7 * user + 5 * i) % 62, 1 + (user + i) % 5)
            for user in range(150, 200) for i in range(25)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "rating"])
    ratings = recsys.Ratings.from_frame(frame, items=items)
    client = Client(create_app(recsys.train(recsys.ImplicitALS(4), ratings)))
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            if one["tags"] == ["changes"] or (path.startswith("/v1/model") and method == "post"):
                continue
            where = re.sub(r"{(\w+)}", lambda m: {"user": "196", "item": "50"}[m[1]], path)
            query = {
                p["name"]: p["example"]
                for p in one["parameters"]
                if p["in"] == "query" and p["required"]
            }
            body = one.get("requestBody", {}).get("content", {}).get("application/json", {})
            answer = client.request(
                method.upper(), where, params=query,
                **({"json": body["example"]} if body else {}),
            )  # fmt: skip
            assert answer.status_code == 200, (method, path, answer.text)


@pytest.fixture(scope="module")
def storm_client(model: recsys.Recommender, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("storm")
    with recsys.RatingsStore.open(f"sqlite:///{folder}/store.db", create=True) as store:
        app = create_app(model, store=store)
        yield Client(app)
        app.state.service.stop()


@hypothesis.seed(0)
@settings(max_examples=150, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
@given(data=st.data())
def test_no_request_is_a_bug(storm_client: Client, document: Any, data: st.DataObject) -> None:
    request = data.draw(asked(document))
    answer = storm_client.request(**request)
    assert answer.status_code != 500, (request, answer.text)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"]


@pytest.mark.long
def test_ten_thousand_requests_are_answered_without_a_bug_or_a_hang(
    storm_client: Client, document: Any
) -> None:
    found = storm(storm_client.app, document, 10_000, first=1)
    assert found["requests"] == 10_000
    assert found["bugs"] == []
    assert found["slowest_s"] < 10
    assert found["statuses"][200] > 1000
