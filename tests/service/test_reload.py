"""Another model takes the place of the one in service between two requests, or not at all."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from http_client import Client, problem
from waiting import until

import recsys
from recsys.service import create_app


@pytest.fixture
def folder(model: recsys.Recommender, other_model: recsys.Recommender, tmp_path: Path) -> Path:
    recsys.save(model, tmp_path / "first.safetensors")
    recsys.save(other_model, tmp_path / "second.safetensors")
    (tmp_path / "damaged.safetensors").write_bytes(
        (tmp_path / "second.safetensors").read_bytes()[:-200] + bytes(200)
    )
    return tmp_path


@pytest.fixture
def app(folder: Path) -> Iterator[Any]:
    made = create_app(folder / "first.safetensors", watch=folder / "first.safetensors")
    yield made
    made.state.service.stop()


def version(client: Client) -> Any:
    return client.ok("GET", "/v1/model")["model"]["version"]


def test_a_file_of_the_folder_replaces_the_model_and_can_be_rolled_back(app: Any) -> None:
    client = Client(app)
    before = version(client)
    after = client.ok("POST", "/v1/model", json={"file": "second.safetensors"})["model"]
    assert after == {"name": "second", "version": version(client)}
    assert after["version"] != before
    about = client.ok("GET", "/v1/model")
    assert about["before"] == {"name": "first", "version": before}
    assert about["spec"]["n_factors"] == 4
    assert client.ok("POST", "/v1/model/rollback")["model"]["version"] == before
    assert client.ok("POST", "/v1/model/rollback")["model"]["version"] == after["version"]


@pytest.mark.parametrize("name", ["damaged.safetensors", "missing.safetensors"])
def test_a_bad_file_keeps_the_old_model_and_says_so(app: Any, name: str, folder: Path) -> None:
    client = Client(app)
    before = version(client)
    said = problem(client.post("/v1/model", {"file": name}), 503)
    assert name in said
    assert str(folder) not in said
    about = client.ok("GET", "/v1/model")
    assert about["model"]["version"] == before
    assert about["refused"]["wanted"] == {"file": name}
    assert "recsys_model_refused 1.0" in client.get("/v1/metrics").text


@pytest.mark.parametrize(
    "body",
    [
        {"file": "../first.safetensors"}, {"file": "/etc/passwd"}, {"file": ".hidden"},
        {"file": ""}, {"file": "a\0b"}, {"file": 5}, {"version": 1}, {}, {"path": "x"},
        {"file": "first.safetensors", "version": 1},
    ],
)  # fmt: skip
def test_only_names_in_the_folder_are_files(app: Any, body: Any) -> None:
    assert problem(Client(app).post("/v1/model", body), 400)


def test_without_an_earlier_model_there_is_nothing_to_roll_back_to(app: Any) -> None:
    assert "no earlier model" in problem(Client(app).post("/v1/model/rollback"), 400)


def test_a_watched_file_is_loaded_when_it_changes(app: Any, folder: Path) -> None:
    client = Client(app)
    before = version(client)
    shutil.copy(folder / "second.safetensors", folder / "new")
    os.replace(folder / "new", folder / "first.safetensors")
    until(lambda: version(client) != before)
    assert client.ok("GET", "/v1/model")["spec"]["n_factors"] == 4
    now = version(client)
    # Written over, as cp does: the model is in memory, and half a file is refused.
    shutil.copy(folder / "damaged.safetensors", folder / "first.safetensors")
    until(lambda: client.ok("GET", "/v1/model")["refused"] is not None)
    assert version(client) == now
    assert client.get("/v1/users/1/recommendations").status_code == 200


def test_no_answer_fails_or_is_mixed_while_models_are_replaced(
    app: Any, model: recsys.Recommender, other_model: recsys.Recommender
) -> None:
    client, user = Client(app), int(model.fitted.users.ids[0])
    lists = {
        "first": model.recommend(user)["item"].tolist(),
        "second": other_model.recommend(user)["item"].tolist(),
    }
    assert lists["first"] != lists["second"]
    stop, seen, wrong = threading.Event(), set(), []

    def ask() -> None:
        own = Client(app)
        while not stop.is_set():
            answer = own.get(f"/v1/users/{user}/recommendations")
            if answer.status_code != 200:
                wrong.append(answer.text)
                continue
            found = answer.json()
            name = found["model"]["name"]
            seen.add(name)
            if [row["item"] for row in found["rows"]] != lists[name]:
                wrong.append(answer.text)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for one in threads:
        one.start()
    for i in range(20):
        client.ok("POST", "/v1/model", json={"file": f"{('second', 'first')[i % 2]}.safetensors"})
    stop.set()
    for one in threads:
        one.join()
    assert wrong == []
    assert seen == {"first", "second"}


def test_workers_learn_from_each_other_what_was_asked_for(folder: Path) -> None:
    changes = folder / "changes"
    changes.touch()
    apps = [create_app(folder / "first.safetensors", changes=changes) for _ in range(2)]
    clients = [Client(app) for app in apps]
    before = version(clients[0])
    assert version(clients[1]) == before
    clients[0].ok("POST", "/v1/model", json={"file": "second.safetensors"})
    until(lambda: version(clients[1]) == version(clients[0]) != before)
    clients[1].ok("POST", "/v1/model/rollback")
    until(lambda: version(clients[0]) == version(clients[1]) == before)
    for app in apps:
        app.state.service.stop()


def test_the_model_of_the_shelf_is_followed(
    model: recsys.Recommender, other_model: recsys.Recommender, tmp_path: Path
) -> None:
    with recsys.RatingsStore.open(f"sqlite:///{tmp_path}/store.db", create=True) as store:
        with pytest.raises(recsys.errors.ModelError, match="train one with recsys retrain"):
            create_app(store=store)
        versions = [store.models.add("main", one).version for one in (model, other_model)]
        store.models.promote(versions[0])
        app = create_app(store=store)
        client = Client(app)
        assert client.ok("GET", "/v1/model")["model"] == {"name": "main", "version": versions[0]}
        store.models.promote(versions[1])
        until(lambda: version(client) == versions[1])
        client.ok("POST", "/v1/model/rollback")
        assert version(client) == versions[0]
        current = store.models.current("main")
        assert current is not None
        assert current.version == versions[0]
        changed = client.ok("POST", "/v1/model", json={"version": versions[1]})
        assert changed["model"]["version"] == versions[1]
        assert "no model version 99" in problem(client.post("/v1/model", {"version": 99}), 404)
        current.file.write_bytes(b"damaged")
        assert problem(client.post("/v1/model", {"version": versions[0]}), 503)
        assert version(client) == versions[1]
        app.state.service.stop()


def test_two_versions_share_the_people(
    model: recsys.Recommender, other_model: recsys.Recommender, tmp_path: Path
) -> None:
    with recsys.RatingsStore.open(f"sqlite:///{tmp_path}/store.db", create=True) as store:
        versions = [store.models.add("main", one).version for one in (model, other_model)]
        store.models.promote(versions[0])
        store.models.share(versions[1], 0.5)
        app = create_app(store=store)
        client, arms = Client(app), {}
        for user in model.fitted.users.ids[:40].tolist():
            found = client.ok("GET", f"/v1/users/{user}/recommendations")["model"]
            arms[user] = found["arm"]
            assert found["version"] == versions[found["arm"] == "candidate"]
            again = client.ok("GET", f"/v1/users/{user}/recommendations")["model"]
            assert again == found
        for arm in ("current", "candidate"):  # a person stands on the map of their own model
            user = next(one for one, label in arms.items() if label == arm)
            at = client.ok("POST", "/v1/map/place", json={"user": user})["model"]
            assert at["version"] == versions[arm == "candidate"]
            assert client.ok("GET", f"/v1/map?user={user}")["model"] == at
        assert client.ok("GET", "/v1/map")["model"]["arm"] == "current"
        assert 8 < list(arms.values()).count("candidate") < 32
        app.state.service.stop()
        served = store.lists().served
        assert set(served["arm"]) == {"current", "candidate"}
