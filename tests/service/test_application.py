"""`create_app`: mounted in another application, and counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from http_client import Client
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.routing import Mount

import recsys
from recsys.errors import ArgumentError, ModelFileError
from recsys.service import create_app


def test_it_can_be_mounted_in_another_application(
    model: recsys.Recommender, tmp_path: Path
) -> None:
    with recsys.RatingsStore.open(f"sqlite:///{tmp_path}/store.db", create=True) as store:
        app = create_app(model, store=store)
        client = Client(Starlette(routes=[Mount("/films", app)]))
        user = int(model.fitted.users.ids[0])
        path = f"/films/v1/users/{user}/recommendations"
        found = client.ok("GET", path)
        assert len(found["rows"]) == 10
        item = found["rows"][0]["item"]
        client.ok("PUT", f"/films/v1/users/{user}/ratings/{item}", json={"rating": 4})
        assert client.ok("GET", path)["folded_in"] is True
        assert client.get("/films/v1/users/a%2Fb/recommendations").status_code == 404
        assert "'a/b'" in client.get("/films/v1/users/a%2Fb/recommendations").json()["detail"]
        app.state.service.stop()


def test_a_model_comes_from_memory_or_a_file(
    model: recsys.Recommender, model_file: Path, tmp_path: Path
) -> None:
    for given in (model, model_file, str(model_file)):
        assert Client(create_app(given)).get("/v1/ready").status_code == 200
    assert Client(create_app(model, name="x")).ok("GET", "/v1/ready")["model"]["name"] == "x"
    with pytest.raises(ModelFileError, match="nothing"):
        create_app(tmp_path / "nothing")
    nothing: Any = 5
    with pytest.raises(ArgumentError, match="must be a Recommender or a model file, not int"):
        create_app(nothing)
    with pytest.raises(ArgumentError, match="name a model file, or a store"):
        create_app()


def test_equal_models_have_equal_versions(
    model: recsys.Recommender, other_model: recsys.Recommender
) -> None:
    versions = [
        Client(create_app(one)).ok("GET", "/v1/model")["model"]["version"]
        for one in (model, model, other_model)
    ]
    assert versions[0] == versions[1] != versions[2]


def test_requests_are_counted_by_route_and_status(model: recsys.Recommender) -> None:
    client = Client(create_app(model))
    user = int(model.fitted.users.ids[0])
    for path in (f"/v1/users/{user}/recommendations", "/v1/users/0000/recommendations", "/nothing"):
        client.get(path)
    client.post("/v1/recommendations", {"ratings": {}})
    found = {
        (one.name, *sorted(one.labels.values())): one.value
        for family in text_string_to_metric_families(client.get("/v1/metrics").text)
        for one in family.samples
    }
    route = "/v1/users/{user}/recommendations"
    assert found["recsys_requests_total", *sorted([route, "GET", "200"])] == 1
    assert found["recsys_requests_total", *sorted([route, "GET", "404"])] == 1
    assert found["recsys_requests_total", *sorted(["other", "GET", "404"])] == 1
    assert found["recsys_request_seconds_count", route] == 2
    assert found["recsys_stored_total",] == found["recsys_folded_in_total",] == 1
    assert found["recsys_model_users",] == len(model.fitted.users)


def test_lists_that_were_made_before_are_the_same(
    model: recsys.Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recsys.app.serve import Limits

    user = int(model.fitted.users.ids[0])
    path = f"/v1/users/{user}/recommendations?n=5"
    kept, fresh = Client(create_app(model)), Client(create_app(model, limits=Limits(cache=0)))
    first = kept.ok("GET", path)
    assert first == fresh.ok("GET", path)
    monkeypatch.setattr(
        "recsys.recommend.questions.recommend_known", None
    )  # nobody may ask it again
    assert kept.ok("GET", path) == first
    with pytest.raises(AssertionError):
        fresh.ok("GET", path)
