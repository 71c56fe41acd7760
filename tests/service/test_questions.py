"""What the service answers is what the model answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from http_client import Client

import recsys
from recsys.recommend import groups, onboarding, questions, similar
from recsys.recommend.answer import Table
from recsys.recommend.choice import Choice
from recsys.service import create_app

User = int


@pytest.fixture(scope="module")
def user(model: recsys.Recommender) -> User:
    return int(model.fitted.users.ids[3])


@pytest.fixture(scope="module")
def rated(model: recsys.Recommender, user: User) -> dict[str, float]:
    """What the user rated, by id as text."""
    own = model.seen()[[model.fitted.users.row(user)]]
    ids = model.fitted.items.ids[own.indices].tolist()
    return {str(item): float(value) for item, value in zip(ids, own.data, strict=True)}


def same(found: Any, table: Table) -> None:
    """The rows and remarks of an answer are those of the table."""
    assert [dict(sorted(row.items())) for row in found["rows"]] == json.loads(
        json.dumps([dict(sorted(row.items())) for row in table.to_dict()["rows"]])
    )
    assert found["remarks"] == table.remarks
    assert len(table) > 0


@pytest.mark.parametrize(
    ("query", "choice"),
    [
        ("", Choice()),
        ("n=3", Choice(n=3)),
        ("exclude_seen=false&n=200", Choice(exclude_seen=False, n=200)),
        ("where=year>1980&min_ratings=5", Choice(where="year>1980", min_ratings=5)),
        ("rerank=mmr=0.5", Choice(rerank="mmr=0.5")),
    ],
)
def test_a_list_is_the_list_of_the_model(
    client: Client, model: recsys.Recommender, user: User, query: str, choice: Choice
) -> None:
    found = client.ok("GET", f"/v1/users/{user}/recommendations?{query}")
    same(found, questions.recommend(model, user, choice))
    assert found["folded_in"] is False
    assert found["user"] == user


def test_lists_of_items_are_repeated_parameters(
    client: Client, model: recsys.Recommender, user: User
) -> None:
    ids = model.fitted.items.ids[:4].tolist()
    query = "&".join(f"among={item}" for item in ids)
    found = client.ok("GET", f"/v1/users/{user}/recommendations?{query}&exclude_seen=false")
    assert {row["item"] for row in found["rows"]} == set(ids)
    assert found["remarks"][0].startswith("Only 4 of the 10 requested")


def test_a_person_with_the_ratings_of_a_user_gets_their_list(
    client: Client, user: User, rated: dict[str, float]
) -> None:
    stored = client.ok("GET", f"/v1/users/{user}/recommendations")
    folded = client.ok("POST", "/v1/recommendations", json={"ratings": rated})
    assert folded["folded_in"] is True
    assert [row["item"] for row in folded["rows"]] == [row["item"] for row in stored["rows"]]


def test_titles_are_as_good_as_ids(client: Client, model: recsys.Recommender) -> None:
    items = model.fitted.items.ids[:2].tolist()
    titles = [str(model.items.values("title")[row]) for row in (0, 1)]
    by_id = client.ok("POST", "/v1/recommendations", json={"ratings": {str(i): 4 for i in items}})
    by_title = client.ok("POST", "/v1/recommendations", json={"ratings": dict.fromkeys(titles, 4)})
    assert by_id["rows"] == by_title["rows"]


def test_reasons_come_with_each_row(client: Client, user: User) -> None:
    found = client.ok("GET", f"/v1/users/{user}/recommendations?n=3&why=true")
    assert [one["item"] for one in found["why"]] == [row["item"] for row in found["rows"]]
    for one, row in zip(found["why"], found["rows"], strict=True):
        assert sum(term["share"] for term in one["terms"]) == pytest.approx(row["score"], abs=1e-4)


def test_an_explanation_is_that_of_the_model(
    client: Client, model: recsys.Recommender, user: User, rated: dict[str, float]
) -> None:
    item = int(model.fitted.items.ids[5])
    found = client.ok("GET", f"/v1/users/{user}/explanations/{item}")["explanation"]
    assert found == json.loads(json.dumps(model.explain(user, item).to_dict()))
    again = client.ok("POST", "/v1/explanations", json={"ratings": rated, "item": item})
    assert again["explanation"]["score"] == pytest.approx(found["score"], abs=1e-5)


def test_what_if_changes_the_ratings_of_a_user(
    client: Client, model: recsys.Recommender, user: User, rated: dict[str, float]
) -> None:
    gone = next(iter(rated))
    body = {"ratings": {gone: None}, "n": 5}
    found = client.ok("POST", f"/v1/users/{user}/what-if", json=body)
    same(found, questions.what_if(model, user, {int(gone): None}, Choice(n=5)))
    not_there = next(str(i) for i in model.fitted.items.ids if str(i) not in rated)
    refused = client.post(f"/v1/users/{user}/what-if", {"ratings": {not_there: None}})
    assert refused.status_code == 400
    assert f"user {user} has no rating of item" in refused.json()["detail"]


def test_a_group_gets_one_list(client: Client, model: recsys.Recommender, user: User) -> None:
    item = int(model.fitted.items.ids[0])
    body = {"people": [user, {str(item): 5}], "together": "least-misery", "n": 4}
    found = client.ok("POST", "/v1/groups/recommendations", json=body)
    same(
        found,
        groups.recommend_group(model, [user, {item: 5.0}], Choice(n=4), "least-misery"),
    )


def test_a_batch_has_a_list_for_each_user(
    client: Client, model: recsys.Recommender, user: User
) -> None:
    users = [user, int(model.fitted.users.ids[0]), user]
    found = client.ok("POST", "/v1/batch/recommendations", json={"users": users, "n": 3})
    assert [one["user"] for one in found["lists"]] == users
    for one in found["lists"]:
        alone = client.ok("GET", f"/v1/users/{one['user']}/recommendations?n=3")
        assert one["rows"] == alone["rows"]


def test_similar_items_and_users(client: Client, model: recsys.Recommender, user: User) -> None:
    item = int(model.fitted.items.ids[2])
    found = client.ok("GET", f"/v1/items/{item}/similar?n=3&metric=dot")
    same(found, similar.similar_items(model, item, 3, "dot"))
    assert found["item"] == item
    found = client.ok("GET", f"/v1/users/{user}/similar?n=3")
    same(found, similar.similar_users(model, user, 3))


def test_search_and_onboarding(client: Client, model: recsys.Recommender) -> None:
    title = str(model.items.values("title")[4])
    found = client.ok("GET", "/v1/search", params={"q": title, "n": 2})
    same(found, questions.search_titles(model, title, 2))
    asked = client.ok("POST", "/v1/onboarding", json={"answered": {}, "n": 2})
    same(asked, onboarding.onboard(model, 2, {}, Choice(n=2)))
    first = str(asked["rows"][0]["item"])
    after = client.ok("POST", "/v1/onboarding", json={"answered": {first: None}, "n": 2})
    assert first not in {str(row["item"]) for row in after["rows"]}


@pytest.mark.parametrize(("kind", "key"), [("items", "item"), ("users", "user")])
def test_pages_have_everything_once(
    client: Client, model: recsys.Recommender, kind: str, key: str
) -> None:
    cursor, found = "", []
    while cursor is not None:
        more = f"&cursor={cursor}" if cursor else ""
        page = client.ok("GET", f"/v1/{kind}?limit=37{more}")
        found += [row[key] for row in page["rows"]]
        cursor = page["next"]
    assert found == getattr(model.fitted, kind).ids.tolist()
    assert page["total"] == len(found)


def test_the_pages_of_an_item_and_of_a_user(
    client: Client, model: recsys.Recommender, user: User, rated: dict[str, float]
) -> None:
    item = int(model.fitted.items.ids[1])
    found = client.ok("GET", f"/v1/items/{item}")
    assert found["n_ratings"] == model.popularity[1]
    assert found["title"] == model.items.values("title")[1]
    found = client.ok("GET", f"/v1/users/{user}")
    assert found["n_ratings"] == len(rated)
    assert found["liked"] == json.loads(json.dumps(questions.liked(model, user).to_dict()["rows"]))
    page = client.ok("GET", f"/v1/users/{user}/ratings?limit=1000")
    assert {str(row["item"]): row["rating"] for row in page["rows"]} == rated


def test_every_answer_names_its_model(client: Client, model: recsys.Recommender) -> None:
    about = client.ok("GET", "/v1/model")
    assert about["model"]["name"] == "implicit-als"
    assert about["spec"] == model.fitted.spec.to_dict()
    assert client.ok("GET", "/v1/ready")["model"] == about["model"]
    assert client.ok("GET", "/v1/health")["status"] == "ok"


def test_text_ids_with_every_character_have_an_address() -> None:
    import pandas as pd

    names = ["a b", "ü/é", "100%", "?x=1&y", "#", "名前", "\u202eabc"]
    rows = [(name, f"item {i}", 1 + (i + j) % 5) for j, name in enumerate(names) for i in range(6)
            if (i + j) % 3]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "rating"])
    client = Client(create_app(recsys.train(recsys.PureSVD(2), recsys.Ratings.from_frame(frame))))
    from urllib.parse import quote

    for name in names:
        if "/" in name:
            continue
        found = client.ok("GET", f"/v1/users/{quote(name, safe='')}/recommendations?n=1")
        assert found["user"] == name
