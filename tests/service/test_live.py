"""Ratings that are written change the next answer; new items appear; people can leave."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from http_client import Client, problem

import recsys
from recsys.errors import StoreUnavailable
from recsys.recommend import questions
from recsys.recommend.choice import Choice
from recsys.service import create_app
from recsys.store.database.records import Rating


@pytest.fixture
def store(store_url: str) -> Iterator[recsys.RatingsStore]:
    with recsys.RatingsStore.open(store_url, create=True) as found:
        yield found


@pytest.fixture
def app(model: recsys.Recommender, store: recsys.RatingsStore) -> Iterator[Any]:
    made = create_app(model, store=store)
    yield made
    made.state.service.stop()


@pytest.fixture
def client(app: Any) -> Client:
    return Client(app)


def first(client: Client, user: object, n: int = 10) -> list[Any]:
    found = client.ok("GET", f"/v1/users/{user}/recommendations?n={n}")
    return [row["item"] for row in found["rows"]]


def test_a_rating_changes_the_next_answer(client: Client, model: recsys.Recommender) -> None:
    user = int(model.fitted.users.ids[0])
    best = first(client, user)[0]
    before = client.ok("GET", f"/v1/users/{user}/recommendations")
    assert before["folded_in"] is False
    written = client.ok("PUT", f"/v1/users/{user}/ratings/{best}", json={"rating": 1.5})
    assert (written["written"], written["item"]) == (1, best)
    after = client.ok("GET", f"/v1/users/{user}/recommendations")
    assert after["folded_in"] is True
    row = questions.what_if(model, user, {best: 1.5}, Choice())
    assert [one["item"] for one in after["rows"]] == row.column("item")
    assert best not in first(client, user, 100)


def test_ratings_are_read_again_when_they_have_changed_and_only_then(
    app: Any, client: Client, model: recsys.Recommender, store: recsys.RatingsStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    user = int(model.fitted.users.ids[0])
    reads, given = [], store.given

    def counted(who: object) -> Any:
        reads.append(who)
        return given(who)

    monkeypatch.setattr(store, "given", counted)
    items = first(client, user, 3)
    client.ok("PUT", f"/v1/users/{user}/ratings/{items[0]}", json={"rating": 4})
    for n in (3, 4, 5):  # lists that differ, so that each is made
        assert items[0] not in first(client, user, n)
    assert reads.count(user) == 2  # before the rating, and after it
    store.write(user, [Rating(items[1], 4.0)])  # another process
    assert items[1] not in first(client, user, 6)
    assert reads.count(user) == 3


def test_their_history_is_still_seen_after_the_first_write(
    client: Client, model: recsys.Recommender
) -> None:
    user = int(model.fitted.users.ids[1])
    seen = set(model.fitted.items.ids[model.seen_by(1)].tolist())
    client.ok("PUT", f"/v1/users/{user}/ratings/{first(client, user)[0]}", json={"rating": 4})
    assert not seen & set(first(client, user, 300))
    page = client.ok("GET", f"/v1/users/{user}/ratings?limit=1000")
    assert page["total"] == len(seen) + 1


def test_removing_what_was_written_brings_back_the_stored_factors(
    client: Client, model: recsys.Recommender
) -> None:
    user = int(model.fitted.users.ids[2])
    before = client.ok("GET", f"/v1/users/{user}/recommendations")
    item = before["rows"][0]["item"]
    client.ok("PUT", f"/v1/users/{user}/ratings/{item}", json={"rating": 4})
    client.ok("DELETE", f"/v1/users/{user}/ratings/{item}")
    after = client.ok("GET", f"/v1/users/{user}/recommendations")
    assert after["folded_in"] is False
    assert after["rows"] == before["rows"]


def test_somebody_new_is_known_after_their_first_rating(
    client: Client, model: recsys.Recommender
) -> None:
    item = int(model.fitted.items.ids[0])
    assert "not in the data" in problem(client.get("/v1/users/777777/recommendations"), 404)
    client.ok("PUT", f"/v1/users/777777/ratings/{item}", json={"rating": 5})
    found = client.ok("GET", "/v1/users/777777/recommendations")
    alone = client.ok("POST", "/v1/recommendations", json={"ratings": {str(item): 5}})
    assert found["rows"] == alone["rows"]
    assert client.ok("GET", "/v1/users/777777")["n_ratings"] == 1
    group = client.ok("POST", "/v1/groups/recommendations", json={"people": [777777]})
    assert [row["item"] for row in group["rows"]] == [row["item"] for row in alone["rows"]]
    batch = client.ok("POST", "/v1/batch/recommendations", json={"users": [777777]})
    assert batch["lists"][0]["rows"] == alone["rows"]
    assert batch["lists"][0]["folded_in"] is True


def test_a_person_reads_their_own_writes_on_another_worker(
    client: Client, model: recsys.Recommender, store: recsys.RatingsStore
) -> None:
    other = create_app(model, store=store)
    item = int(model.fitted.items.ids[3])
    client.ok("PUT", f"/v1/users/888888/ratings/{item}", json={"rating": 5})
    assert first(Client(other), 888888) == first(client, 888888)
    other.state.service.stop()


def test_a_new_item_has_to_be_described_and_appears_with_its_ratings(
    client: Client, model: recsys.Recommender
) -> None:
    users = model.fitted.users.ids[:6].tolist()
    refused = client.put(f"/v1/users/{users[0]}/ratings/909090", {"rating": 5})
    assert "describe a new item first" in problem(refused, 404)
    about = {"title": "The New One (2026)", "attributes": {"genres": "Drama"}}
    assert client.ok("PUT", "/v1/items/909090", json=about)["item"] == 909090
    for user in users[:5]:
        client.ok("PUT", f"/v1/users/{user}/ratings/909090", json={"rating": 5})
    found = client.ok("GET", "/v1/items/909090")
    assert (found["title"], found["n_ratings"]) == ("The New One (2026)", 5)
    assert len(client.ok("GET", "/v1/items/909090/similar")["rows"]) == 10
    assert 909090 in first(client, users[5], 300)
    assert 909090 not in first(client, users[0], 300)
    assert client.ok("GET", "/v1/search?q=the new one")["rows"][0]["item"] == 909090


def test_one_rating_of_a_new_item_on_an_end_of_the_scale_is_enough(client: Client) -> None:
    client.ok("PUT", "/v1/items/909091", json={"title": "Rated Once (2026)"})
    client.ok("PUT", "/v1/users/777771/ratings/909091", json={"rating": 1})
    assert client.ok("GET", "/v1/items/909091")["n_ratings"] == 1


def test_a_described_item_without_ratings_appears_where_the_model_knows_features(
    sample: recsys.Ratings, store: recsys.RatingsStore
) -> None:
    model = recsys.train(recsys.ImplicitALS(8, seed=0), sample, features=True)
    app = create_app(model, store=store)
    client, user = Client(app), int(model.fitted.users.ids[0])
    about = {"title": "Unrated (1999)", "attributes": {"genres": "Comedy", "year": 1999}}
    client.ok("PUT", "/v1/items/909092", json=about)
    assert client.ok("GET", "/v1/items/909092")["from_features"] is True
    assert 909092 in first(client, user, 300)
    app.state.service.stop()


def test_many_ratings_are_written_together_or_not_at_all(
    client: Client, model: recsys.Recommender, store: recsys.RatingsStore
) -> None:
    item, user = int(model.fitted.items.ids[0]), int(model.fitted.users.ids[4])
    wrong = [{"user": 5550, "item": item, "rating": 4}, {"user": 5551, "item": item, "rating": 9}]
    assert "entry 2: rating of" in problem(client.post("/v1/ratings", wrong), 400)
    assert store.given(5550) is None
    right = [{"user": 5550, "item": item, "rating": 4}, {"user": user, "item": item, "rating": 2}]
    headers = {"Idempotency-Key": "k1"}
    written = client.ok("POST", "/v1/ratings", json=right, headers=headers)
    assert written["written"] == 2
    assert client.ok("POST", "/v1/ratings", json=right, headers=headers) == written
    other = client.post("/v1/ratings", right[:1], headers=headers)
    assert "was already used for another request" in problem(other, 422)
    given = store.given(user)  # the history came with them
    assert given is not None
    assert set(model.fitted.items.ids[model.seen_by(4)].tolist()) <= set(given.items.tolist())


def test_people_whom_only_the_store_knows_are_listed_among_the_others(
    client: Client, model: recsys.Recommender
) -> None:
    users, item = model.fitted.users.ids.tolist(), int(model.fitted.items.ids[0])
    new = [0, users[-1] + 5, 2**53 + 1]
    assert not set(new) & set(users)
    for user in new:
        client.ok("PUT", f"/v1/users/{user}/ratings/{item}", json={"rating": 5})
    rows, cursor = [], None
    while cursor != "":
        more = "" if cursor is None else f"&cursor={cursor}"
        page = client.ok("GET", f"/v1/users?limit=7{more}")
        assert page["total"] == len(users) + len(new)
        rows += page["rows"]
        cursor = page["next"] or ""
    assert [int(row["user"]) for row in rows] == sorted([*users, *new])
    assert rows[-1] == {"user": str(2**53 + 1), "n_ratings": 1}  # JavaScript would round it
    for row in rows:  # each can be asked for
        if int(row["user"]) in new:
            client.ok("GET", f"/v1/users/{row['user']}/recommendations")
    client.ok("DELETE", f"/v1/users/{new[0]}")
    listed = client.ok("GET", "/v1/users?limit=1000")["rows"]
    assert new[0] not in [row["user"] for row in listed]


def test_a_person_who_leaves_is_forgotten_by_store_and_model(
    client: Client, model: recsys.Recommender, store: recsys.RatingsStore
) -> None:
    user = int(model.fitted.users.ids[5])
    client.ok("PUT", f"/v1/users/{user}/ratings/{first(client, user)[0]}", json={"rating": 4})
    gone = client.ok("DELETE", f"/v1/users/{user}")
    assert gone == {"forgotten": True, "n_ratings": len(model.seen_by(5)) + 1}
    for path in ("", "/recommendations", "/ratings", "/similar"):
        assert "not in the data" in problem(client.get(f"/v1/users/{user}{path}"), 404)
    assert store.given(user) is None
    assert store.lists().served["user"].tolist() == []
    listed = client.ok("GET", "/v1/users?limit=1000")
    assert user not in [row["user"] for row in listed["rows"]]
    assert "not in the data" in problem(client.delete(f"/v1/users/{user}"), 404)
    # Whoever comes back under that id is somebody new.
    item = int(model.fitted.items.ids[0])
    client.ok("PUT", f"/v1/users/{user}/ratings/{item}", json={"rating": 5})
    assert client.ok("GET", f"/v1/users/{user}")["n_ratings"] == 1


def test_others_get_the_same_after_somebody_left(client: Client, model: recsys.Recommender) -> None:
    stays, leaves = model.fitted.users.ids[[7, 6]].tolist()
    before = client.ok("GET", f"/v1/users/{stays}/recommendations")
    client.ok("DELETE", f"/v1/users/{leaves}")
    after = client.ok("GET", f"/v1/users/{stays}/recommendations")
    assert after["folded_in"] is False
    assert after["rows"] == before["rows"]


def test_lists_and_feedback_on_them_are_kept(
    client: Client,
    app: Any,
    model: recsys.Recommender,
    store: recsys.RatingsStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = int(model.fitted.users.ids[8])
    client.ok("DELETE", f"/v1/users/{user}/ratings/{first(client, user)[0]}")  # adopts the history
    found = client.ok("GET", f"/v1/users/{user}/recommendations?n=3")
    again = client.ok("GET", f"/v1/users/{user}/recommendations?n=3")
    assert found["served"] != again["served"]
    item = found["rows"][1]["item"]
    path = f"/v1/served/{found['served']}/feedback"
    assert client.ok("POST", path, json={"item": item, "action": "click"}) == {"kept": True}
    assert "is not on list" in problem(client.post(path, {"item": 1, "action": "click"}), 404)
    assert "action must be one of" in problem(client.post(path, {"item": item, "action": "x"}), 400)
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("nobody else can have served it"))
    for name in ("none", found["served"][:16] + "0" * 16):
        nothing = client.post(f"/v1/served/{name}/feedback", {"item": item, "action": "click"})
        assert f"no list '{name}' was served" in problem(nothing, 404)
    monkeypatch.undo()
    app.state.service.stop()  # writes what waits
    lists = store.lists()
    assert {found["served"], again["served"]} < set(lists.served["id"])
    row = lists.served.set_index("id").loc[found["served"]]
    assert (row["user"], row["items"]) == (user, [one["item"] for one in found["rows"]])
    assert row["model"] == found["model"]["version"]
    assert lists.feedback[["item", "action"]].to_numpy().tolist() == [[item, "click"]]


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/v1/users/1/ratings/1", {}, "rating is missing"),
        ("/v1/users/1/ratings/1", {"rating": "5"}, "rating must be a number"),
        ("/v1/users/1/ratings/1", {"rating": 6}, "on the scale of the training ratings"),
        ("/v1/users/1/ratings/1", {"rating": 4, "time": -1}, "time must be seconds since 1970"),
        ("/v1/users/1/ratings/1", {"rating": 4, "stars": 4}, "there is no field 'stars'"),
        ("/v1/items/5", {"title": ""}, "title must be text"),
        ("/v1/items/5", {"attributes": {"a": []}}, "attributes: 'a' must be text"),
        ("/v1/items/5", {"attributes": []}, "attributes must be an object"),
    ],
)
def test_a_wrong_change(client: Client, path: str, body: Any, said: str) -> None:
    assert said in problem(client.put(path, body), 400)


def test_ids_have_the_kind_of_the_model(client: Client) -> None:
    answer = client.put("/v1/users/ann/ratings/1", {"rating": 4})
    assert "user 'ann' is not in the data" in problem(answer, 404)
    answer = client.put("/v1/items/new", {"title": "New"})
    assert "item 'new' is not in the data" in problem(answer, 404)


def test_without_a_store_nothing_can_be_written(model: recsys.Recommender) -> None:
    client = Client(create_app(model))
    answers = [
        client.put("/v1/users/1/ratings/1", {"rating": 4}),
        client.delete("/v1/users/1/ratings/1"),
        client.post("/v1/ratings", [{"user": 1, "item": 1, "rating": 4}]),
        client.put("/v1/items/1", {"title": "x"}),
        client.delete("/v1/users/1"),
        client.post("/v1/served/x/feedback", {"item": 1, "action": "click"}),
    ]
    for answer in answers:
        assert "this service has no store" in problem(answer, 409)


def test_a_model_of_what_was_seen_takes_ratings_without_values(
    checkerboard: Any, store: recsys.RatingsStore
) -> None:
    ratings, held_out = checkerboard
    app = create_app(recsys.train(recsys.ImplicitALS(2, seed=0), ratings), store=store)
    client = Client(app)
    client.ok("PUT", "/v1/users/50/ratings/2", json={})
    client.ok("PUT", "/v1/users/50/ratings/4", json={"rating": None})
    assert all(item % 2 == 0 for item in first(client, 50, 3))
    client.ok("PUT", f"/v1/users/0/ratings/{held_out[0]}", json={})
    assert held_out[0] not in first(client, 0)
    assert np.isnan(store.given(50).values).all()  # type: ignore[union-attr]
    app.state.service.stop()


def test_a_store_that_does_not_answer_is_said_and_asked_again(
    app: Any, client: Client, model: recsys.Recommender, store: recsys.RatingsStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def gone(*_: object, **__: object) -> None:
        raise StoreUnavailable("the store is away; try again")

    path = f"/v1/users/{int(model.fitted.users.ids[0])}/recommendations"
    client.ok("GET", path)
    with monkeypatch.context() as away:
        for name in ("mark", "items_since", "write"):
            away.setattr(store, name, gone)
        store.put_item(4, "Changed")  # the service looks what changed
        app.state.service.live.look()
        for answer in (client.get(path), client.put("/v1/users/5/ratings/1", {"rating": 4})):
            assert problem(answer, 503) == "the store is away; try again"
            assert answer.headers["retry-after"] == "1"
        assert client.ok("GET", "/v1/model")["refused"] is None
        assert client.get("/v1/search?q=simulated").status_code == 200  # needs no store
    client.ok("GET", path)
