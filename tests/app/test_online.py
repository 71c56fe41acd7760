"""Online metrics: from lists and what people did with them to rates, in both databases."""

import time
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from recsys.app.online import OnlineReport, OnlineRequest, online, outcomes
from recsys.errors import ArgumentError
from recsys.store.database.ratings_store import RatingsStore
from recsys.store.database.records import Rating, Served

DAY = 24 * 60 * 60


@pytest.fixture
def store(store_url: str) -> Iterator[RatingsStore]:
    with RatingsStore.open(store_url, create=True) as opened:
        yield opened


def serve(store: RatingsStore, name: str, user: int | None, when: float, version: str = "1") -> str:
    store.served([Served(name, [10, 20, 30], version, user, "current", when)])
    return name


def report(url: str, **given: str) -> OnlineReport:
    return online(OnlineRequest(store=url, **given))


def test_what_counts_by_visible_arithmetic(store: RatingsStore, store_url: str) -> None:
    now = time.time()
    hour = now - 3600
    serve(store, "clicked", 1, hour)
    serve(store, "rated on the list", 1, hour)
    serve(store, "rated elsewhere", 2, hour)
    serve(store, "rated before", 3, hour)
    serve(store, "rated too late", 4, now - 9 * DAY)
    serve(store, "rated something else", 5, hour)
    serve(store, "dismissed", 6, hour)
    serve(store, "of nobody", None, hour)
    serve(store, "too old", 1, now - 40 * DAY)
    store.feedback("clicked", 10, "click")
    store.feedback("rated on the list", 20, "rating", 5.0)
    store.feedback("dismissed", 30, "dismiss")
    store.feedback("too old", 30, "click")
    store.write(2, [Rating(20, 1.0)])
    store.write(3, [Rating(20, 1.0, hour - 1)])
    store.write(4, [Rating(20, 1.0, now - 9 * DAY + 8 * DAY)])
    store.write(5, [Rating(99, 5.0)])
    (one,) = report(store_url).online.versions
    assert (one.version, one.arm, one.n_lists, one.n_people) == ("1", "current", 8, 7)
    assert one.rates["click_through"].mean == 1 / 8
    assert one.rates["hit_rate"].mean == 3 / 8
    assert one.rates["dismissed"].mean == 1 / 8
    (one,) = report(store_url, within="8.5d").online.versions
    assert one.rates["hit_rate"].mean == 4 / 8
    assert report(store_url, since="1s").online.versions == ()
    assert report(store_url, since="60d").online.versions[0].n_lists == 9


def test_clicks_of_known_rates_are_found_again(store: RatingsStore, store_url: str) -> None:
    # A tenth of the people get version 2, whose lists are clicked twice as often.
    rng, now = np.random.default_rng(0), time.time()
    truth, lists, clicked = {"1": 0.2, "2": 0.4}, [], []
    for user in range(800):
        version = "2" if user % 4 == 0 else "1"
        for i in range(5):
            name = f"{user}-{i}"
            arm = "candidate" if version == "2" else "current"
            lists.append(Served(name, [1, 2], version, user, arm, now - 3600))
            if rng.random() < truth[version]:
                clicked.append(name)
    store.served(lists)
    for name in clicked:
        store.feedback(name, 1, "click")
    found = report(store_url).online
    assert {one.version: one.arm for one in found.versions} == {"1": "current", "2": "candidate"}
    for one in found.versions:
        rate = one.rates["click_through"]
        assert rate.low < truth[one.version] < rate.high
        # A binomial of so many lists: people do not differ here.
        width = 2 * 1.96 * (rate.mean * (1 - rate.mean) / one.n_lists) ** 0.5
        assert rate.high - rate.low == pytest.approx(width, rel=0.2)
    clicks = next(one for one in found.differences if one.measure == "click_through")
    assert (clicks.version, clicks.against, clicks.answer) == ("2", "1", "more")
    assert clicks.low < 0.2 < clicks.high
    assert clicks.n_people == (200, 600)
    other = report(store_url, against="2").online.differences[0]
    assert (other.version, other.answer) == ("1", "less")
    with pytest.raises(ArgumentError, match="version 7 has served no list in this time; 1, 2 have"):
        report(store_url, against="7")
    assert report(store_url, name="main").online.versions == ()  # nothing is on the shelf
    assert report(store_url).to_dict()["versions"][0]["click_through"]["low"] > 0


def test_nothing_was_served() -> None:
    lists = pd.DataFrame(columns=["id", "time", "user", "model", "arm", "items"])
    feedback = pd.DataFrame(columns=["id", "item", "action", "value", "time"])
    rated = pd.DataFrame(columns=["user", "item", "time"])
    found = outcomes(lists, feedback, rated, DAY)
    assert found.empty
    assert list(found) == [
        "person", "version", "arm", "time", "click_through", "hit_rate", "dismissed",
    ]  # fmt: skip
