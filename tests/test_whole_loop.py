"""The whole loop on MovieLens 100K: import, serve, traffic, retrain, gate, promote, reload, report.

The first 90 % of the ratings are imported. The others are traffic: people ask for a list, click
what they are about to rate, and rate. What the loop reports of that is counted here, too.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
import pandas as pd
import pytest
import uvicorn
from waiting import until

import recsys
from recsys.app.models import ModelsRequest, models
from recsys.app.online import OnlineRequest, online
from recsys.app.retrain import Watching, retrain
from recsys.app.retrain_request import RetrainRequest
from recsys.service import create_app
from recsys.store.database.ratings_store import RatingsStore

pytestmark = [pytest.mark.data, pytest.mark.slow]

AT_ONCE = 20  # ratings that a person gives after a list
N = 20  # length of a list


class Shown(NamedTuple):
    """A list, and what the person did next."""

    version: str
    items: set[int]
    clicked: bool
    at: int
    """Which request it was."""


@pytest.fixture
def days(ml_100k: Path) -> tuple[recsys.Ratings, pd.DataFrame]:
    """What is imported, and the traffic in order of time."""
    ratings = recsys.read_ratings(ml_100k)
    assert ratings.timestamps is not None
    order = np.argsort(ratings.timestamps, kind="stable")
    early = np.zeros(ratings.n_ratings, bool)
    early[order[: int(0.9 * ratings.n_ratings)]] = True
    late = ratings.select(~early).to_frame().sort_values("timestamp", kind="stable")
    return ratings.select(early), late


@pytest.fixture
def store(store_url: str, tmp_path: Path) -> Iterator[RatingsStore]:
    with RatingsStore.open(store_url, create=True) as opened:
        opened.models.keep_in(tmp_path / "models")
        yield opened


@contextmanager
def serving(app: Any) -> Iterator[httpx.Client]:
    """A client of the application, which serves at a free port of this machine."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive())
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


def sessions(late: pd.DataFrame) -> list[tuple[int, list[tuple[int, float]]]]:
    """The traffic: who rates what in one go, in order of time."""
    found = []
    for user, own in late.groupby("user"):
        for start in range(0, len(own), AT_ONCE):
            part = own[start : start + AT_ONCE]
            pairs = list(zip(part["item"].tolist(), part["rating"].tolist(), strict=True))
            found.append((part["timestamp"].iloc[0], int(str(user)), pairs))
    return [(user, pairs) for _, user, pairs in sorted(found, key=lambda one: one[0])]


def listed(client: httpx.Client, user: int) -> dict[str, Any]:
    found = client.get(f"/v1/users/{user}/recommendations", params={"n": N})
    if found.status_code == 404:  # nobody knows them yet
        found = client.post("/v1/recommendations", json={"ratings": {}, "n": N})
    assert found.status_code == 200, found.text
    return dict(found.json())


def traffic(client: httpx.Client, late: pd.DataFrame) -> dict[int, list[Shown]]:
    """Serves and rates; returns the lists of each person, in order."""
    shown: dict[int, list[Shown]] = {}
    for at, (user, pairs) in enumerate(sessions(late)):
        answer = listed(client, user)
        items = {row["item"] for row in answer["rows"]}
        wanted = next((item for item, _ in pairs if item in items), None)
        if wanted is not None:
            path = f"/v1/served/{answer['served']}/feedback"
            said = client.post(path, json={"item": wanted, "action": "click"})
            assert said.status_code == 200, said.text
        body = [{"user": user, "item": item, "rating": rating} for item, rating in pairs]
        assert client.post("/v1/ratings", json=body).status_code == 200
        version = str(answer["model"]["version"])
        shown.setdefault(user, []).append(Shown(version, items, wanted is not None, at))
    return shown


def wait_for(client: httpx.Client, version: int) -> None:
    """Asks until this version answers."""
    until(lambda: client.get("/v1/model").json()["model"]["version"] == version)


@pytest.mark.parametrize(
    "store_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)], indirect=True
)
def test_the_whole_loop(
    store: RatingsStore, store_url: str, days: tuple[recsys.Ratings, pd.DataFrame]
) -> None:
    early, late = days
    store.importing(early)
    first = retrain(RetrainRequest(store=store_url, hyperparameters={"n_factors": 32}))
    assert first.outcome == "first"
    assert first.account["ratings"] == early.n_ratings == 90_000
    app = create_app(store=store_url)
    with serving(app) as client:
        shown = traffic(client, late)
        assert {one.version for own in shown.values() for one in own} == {"1"}
        assert store.counts()["ratings"] == 100_000
        users = sorted(shown)
        before = {user: listed(client, user)["rows"] for user in users}

        # The service answers while the model is trained, and by the version in service.
        during: list[Any] = []
        watching = Watching(on_stage=lambda _: during.append(listed(client, users[0])["model"]))
        done = retrain(RetrainRequest(store=store_url, margin="10%"), watching)
        assert {one["version"] for one in during} == {1}
        assert done.outcome == "promoted", done.gate
        assert done.gate is not None
        assert done.gate.comparison is not None
        assert done.gate.comparison.n_users >= 50
        assert done.account["ratings"] == 100_000
        assert done.version is not None
        assert done.version.load().seen().nnz == 100_000

        wait_for(client, 2)
        after = {user: listed(client, user) for user in users}
        assert {one["model"]["version"] for one in after.values()} == {2}
        changed = [after[user]["rows"] != before[user] for user in users]
        assert np.mean(changed) > 0.9
        app.state.service.traffic.flush()
        check_online(store_url, shown, n_more=len(users))

        models(ModelsRequest(store=store_url, action="rollback"))
        wait_for(client, 1)
        assert listed(client, users[0])["rows"] == before[users[0]]


def check_online(store_url: str, shown: dict[int, list[Shown]], n_more: int) -> None:
    """The report has the rates that are counted here."""
    found = online(OnlineRequest(store=store_url)).online
    one, two = found.versions
    assert (one.version, two.version) == ("1", "2")
    assert (two.n_lists, two.n_people) == (n_more, n_more)
    assert two.rates["click_through"].mean == 0
    traffic_lists = [every for own in shown.values() for every in own]
    n_clicked = sum(every.clicked for every in traffic_lists)
    assert n_clicked > 50
    assert one.rates["click_through"].mean == n_clicked / one.n_lists
    assert one.n_lists > len(traffic_lists)  # those that were asked for without a session, too
    assert one.rates["hit_rate"].mean >= one.rates["click_through"].mean
    rate = one.rates["click_through"]
    assert rate.low < rate.mean < rate.high
    clicks = next(d for d in found.differences if d.measure == "click_through")
    assert (clicks.version, clicks.against, clicks.answer) == ("2", "1", "less")
    assert not clicks.at_once
