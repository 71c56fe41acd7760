"""`GET /v1/map` and `POST /v1/map/place`."""

from pathlib import Path
from typing import Any

import pytest
from http_client import Client

import recsys
from recsys.maps.live_map import live_map
from recsys.service import create_app


@pytest.fixture(scope="module")
def shown(client: Client) -> Any:
    return client.ok("GET", "/v1/map")


def test_the_map_is_that_of_the_model(shown: Any, model: recsys.Recommender) -> None:
    assert shown["items"] == model.factors.items.ids.tolist()
    assert shown["titles"] == model.item_table["title"].tolist()
    assert shown["ratings"] == model.popularity.tolist()
    about = shown.pop("model")
    assert about["name"] == "implicit-als"
    assert shown == live_map(model).to_dict()


def test_the_map_is_sent_once(client: Client) -> None:
    first = client.get("/v1/map")
    again = client.get("/v1/map", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/v1/map", headers={"If-None-Match": '"x"'}).status_code == 200


def test_another_model_is_another_map(client: Client, other_model: recsys.Recommender) -> None:
    other = Client(create_app(other_model)).get("/v1/map")
    assert other.headers["etag"] != client.get("/v1/map").headers["etag"]


def test_one_model_under_two_names_says_its_own(model: recsys.Recommender) -> None:
    for name in ("first", "second"):
        found = Client(create_app(model, name=name)).ok("GET", "/v1/map")
        assert found["model"]["name"] == name


def test_a_user_stands_where_their_ratings_stand(client: Client, model: recsys.Recommender) -> None:
    user = int(model.factors.users.ids[5])
    own = model.seen()[[5]]
    ids = model.factors.items.ids[own.indices].tolist()
    ratings = {str(item): float(value) for item, value in zip(ids, own.data, strict=True)}
    by_id = client.ok("POST", "/v1/map/place", json={"user": user})
    by_ratings = client.ok("POST", "/v1/map/place", json={"ratings": ratings})
    assert by_id["folded_in"] is False
    assert by_ratings["folded_in"] is True
    assert by_id["near"] == by_ratings["near"]
    assert by_id["components"] == by_ratings["components"]


def test_a_user_with_a_change_stands_where_the_changed_ratings_stand(
    client: Client, model: recsys.Recommender
) -> None:
    user = int(model.factors.users.ids[5])
    own = model.seen()[[5]]
    ids = model.factors.items.ids[own.indices].tolist()
    rest = {str(item): float(value) for item, value in zip(ids[1:], own.data[1:], strict=True)}
    changed = client.ok("POST", "/v1/map/place", json={"user": user, "ratings": {ids[0]: None}})
    assert changed["folded_in"] is True
    expected = client.ok("POST", "/v1/map/place", json={"ratings": rest})
    assert changed["near"] == expected["near"]


def test_a_new_item_in_the_store_leaves_the_map_as_it_is(
    model: recsys.Recommender, tmp_path: Path
) -> None:
    app = create_app(model, store=f"sqlite:///{tmp_path}/store.db")
    client = Client(app)
    before = client.get("/v1/map")
    user = int(model.factors.users.ids[5])
    client.put("/v1/items/9001", json={"title": "New (2026)"})
    assert client.put(f"/v1/users/{user}/ratings/9001", json={"rating": 5}).status_code == 200
    assert client.ok("GET", "/v1/items/9001")["title"] == "New (2026)"
    assert client.get("/v1/map").content == before.content
    found = client.ok("POST", "/v1/map/place", json={"user": user})
    assert len(found["near"]) == 10


def test_somebody_without_ratings_stands_nowhere(client: Client) -> None:
    found = client.ok("POST", "/v1/map/place", json={"ratings": {}})
    assert found["neighbourhoods"] is None
    assert found["near"] == []


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({}, 400, "ratings"),
        ({"ratings": {"1": None}}, 400, "must be a number"),
        ({"user": 1, "ratings": 3}, 400, "must map items"),
        ({"ratings": [1]}, 400, "must map items"),
        ({"ratings": {"no such item": 3}}, 404, "no such item"),
        ({"user": 999999}, 404, "999999"),
        ({"ratings": {}, "more": 1}, 400, "more"),
    ],
)
def test_what_cannot_be_placed(client: Client, body: Any, status: int, word: str) -> None:
    found = client.post("/v1/map/place", json=body)
    assert found.status_code == status
    assert word in found.json()["detail"]


def test_a_model_without_factors_has_no_map(sample: recsys.Ratings) -> None:
    client = Client(create_app(recsys.train(recsys.EASE(), sample)))
    for found in (
        client.get("/v1/map"),
        client.post("/v1/map/place", json={"ratings": {}}),
    ):
        assert found.status_code == 409
        assert "no factors to map" in found.json()["detail"]
