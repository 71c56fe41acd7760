"""The page in a browser: people by id, the store, tokens."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live_server import served
from playwright.sync_api import Page, expect
from service_page import FIRST, SECOND, best, opened, rate, ready, title

import recsys
from recsys.recommend import questions
from recsys.recommend.choice import Choice
from recsys.recommend.person import changed_row
from recsys.service import create_app
from recsys.store.database.ratings_store import RatingsStore

pytestmark = pytest.mark.browser


def test_a_person_by_id_and_what_would_follow_from_another_rating(
    page: Any, model: recsys.Recommender
) -> None:
    user = int(model.factors.users.ids[7])
    page.fill("#person", str(user))
    page.keyboard.press("Enter")
    expect(page.locator("#list-title")).to_have_text(f"For person {user}")
    own = questions.recommend(model, user, Choice()).column("title")
    expect(page.locator("#recommended > li .name")).to_have_text(own)
    expect(page.locator("#rate-title")).to_contain_text(f"Ratings of {user}")
    row = int(model.seen()[[7]].indices[0])
    stars = page.locator("#rated .stars").first
    expect(stars).to_have_attribute("aria-label", f"Your rating of {title(model, row)}")
    stars.focus()
    page.keyboard.press("Delete")
    changes = {int(model.factors.items.ids[row]): None}
    changed = questions.recommend_row(model, changed_row(model, user, changes), Choice())
    expect(page.locator("#recommended > li .name")).to_have_text(changed.column("title"))
    expect(page.locator("#kept")).to_contain_text("1 change, in this page only.")
    page.click("#kept >> text=Undo")
    expect(page.locator("#recommended > li .name")).to_have_text(own)
    page.click("#leave")
    expect(page.locator("#list-title")).to_have_text("Popular now")
    expect(page.locator("#rated li")).to_have_count(0)


def test_why_an_item_for_a_person(page: Any, model: recsys.Recommender) -> None:
    user = int(model.factors.users.ids[7])
    page.fill("#person", str(user))
    page.keyboard.press("Enter")
    expect(page.locator("#list-title")).to_have_text(f"For person {user}")
    page.locator("#recommended .name").first.click()
    page.click("#item >> text=Why for me")
    first = questions.recommend(model, user, Choice(n=1))
    said = f"Together +{first.answer['score'][0]:.2f}, the score."
    expect(page.locator("#item .bars > div > p")).to_have_text(said)


def test_an_unknown_person(page: Any) -> None:
    page.fill("#person", "987654321")
    page.keyboard.press("Enter")
    expect(page.locator("#problem")).to_contain_text("987654321")
    page.problems[:] = [one for one in page.problems if "404" not in one]


@pytest.fixture
def with_store(model: recsys.Recommender, tmp_path: Path) -> Iterator[tuple[str, RatingsStore]]:
    store = RatingsStore.open(f"sqlite:///{tmp_path}/store.db", create=True)
    with served(create_app(model, store=store)) as address:
        yield address, store


def test_a_person_whose_ratings_the_server_keeps(
    chromium: Any, model: recsys.Recommender, with_store: tuple[str, RatingsStore]
) -> None:
    address, store = with_store
    page = opened(chromium, address)
    user = int(model.factors.users.ids[7])
    page.fill("#person", str(user))
    page.keyboard.press("Enter")
    expect(page.locator("#list-title")).to_have_text(f"For person {user}")
    expect(page.locator("#kept")).to_contain_text("Each rating is saved on the server.")
    new = next(row for row in range(200) if row not in set(model.seen()[[7]].indices.tolist()))
    item = int(model.factors.items.ids[new])
    with page.expect_response("**/ratings/*"):
        rate(page, title(model, new), "5")
    changed = changed_row(model, user, {item: 5.0})
    after = questions.recommend_row(model, changed, Choice()).column("title")
    expect(page.locator("#recommended > li .name")).to_have_text(after)
    given = store.given(user)
    assert given is not None
    assert dict(zip(given.items.tolist(), given.values.tolist(), strict=True))[item] == 5
    with page.expect_response("**/ratings/*"):
        page.locator("#rated li", has_text=title(model, new)).locator(".remove").click()
    own = questions.recommend(model, user, Choice()).column("title")
    expect(page.locator("#recommended > li .name")).to_have_text(own)
    given = store.given(user)
    assert given is not None
    assert item not in given.items
    assert not page.problems
    page.close()


def test_a_rating_that_is_not_saved_is_taken_back_and_can_be_tried_again(
    chromium: Any, model: recsys.Recommender, with_store: tuple[str, RatingsStore]
) -> None:
    address, store = with_store
    page = opened(chromium, address)
    user = int(model.factors.users.ids[7])
    page.fill("#person", str(user))
    page.keyboard.press("Enter")
    expect(page.locator("#list-title")).to_have_text(f"For person {user}")
    own = questions.recommend(model, user, Choice()).column("title")
    busy = {"status": 503, "json": {"detail": "the store does not answer"}}
    page.route("**/ratings/*", lambda route: route.fulfill(**busy))
    page.locator("#recommended .stars").first.press("5")
    expect(page.locator("#problem")).to_contain_text("the store does not answer")
    expect(page.locator("#recommended > li .name")).to_have_text(own)
    expect(page.locator("#rated li", has_text=own[0])).to_have_count(0)
    page.unroute("**/ratings/*")
    with page.expect_response("**/ratings/*"):
        page.click("#problem button")
    expect(page.locator("#problem")).to_be_hidden()
    expect(page.locator("#rated li", has_text=own[0])).to_have_count(1)
    given = store.given(user)
    assert given is not None
    assert model.factors.items.ids[model.titles.row(own[0])] in given.items
    page.close()


def test_somebody_new_saves_their_ratings_under_an_id(
    chromium: Any, model: recsys.Recommender, with_store: tuple[str, RatingsStore]
) -> None:
    address, store = with_store
    page = opened(chromium, address)
    rate(page, title(model, FIRST), "5")
    page.fill("#person", "70001")
    page.keyboard.press("Enter")
    expect(page.locator("#list-title")).to_have_text("For person 70001")
    expect(page.locator("#recommended > li .name")).to_have_text(best(model, {FIRST: 5}))
    with page.expect_response("**/ratings/*"):
        rate(page, title(model, SECOND), "4")
    both = best(model, {FIRST: 5, SECOND: 4})
    expect(page.locator("#recommended > li .name")).to_have_text(both)
    given = store.given(70001)
    assert given is not None
    assert sorted(given.values.tolist()) == [4, 5]
    page.reload()
    ready(page)
    page.fill("#person", "70001")
    page.keyboard.press("Enter")
    expect(page.locator("#recommended > li .name")).to_have_text(both)
    # The only problem: that nobody had this id at first.
    assert [one for one in page.problems if "404" not in one] == []
    page.close()


def test_clicks_and_ratings_are_feedback_on_the_list(
    chromium: Any, with_store: tuple[str, RatingsStore]
) -> None:
    page = opened(chromium, with_store[0])
    with page.expect_response("**/feedback") as clicked:
        page.locator("#recommended .name").nth(2).click()
    assert clicked.value.status == 200
    with page.expect_response("**/feedback") as starred:
        page.locator("#recommended .stars").first.focus()
        page.keyboard.press("4")
    assert starred.value.status == 200
    sent = [one.value.request.post_data_json for one in (clicked, starred)]
    assert [(one["action"], one.get("value")) for one in sent] == [("click", None), ("rating", 4)]
    page.close()


def test_a_token_is_asked_for_once(
    chromium: Any, model: recsys.Recommender, tmp_path: Path
) -> None:
    file = tmp_path / "tokens"
    digest = hashlib.sha256(b"secret").hexdigest()
    file.write_text(f"{digest} page read,write\n")
    with served(create_app(model, tokens=file)) as address:
        page: Page = chromium.new_page()
        page.goto(address)
        expect(page.locator("#token")).to_be_visible()
        page.fill("#secret", "wrong")
        page.keyboard.press("Enter")
        expect(page.locator("#problem")).to_contain_text("requires a token")
        page.click("#problem button")
        expect(page.locator("#token")).to_be_visible()
        page.fill("#secret", "secret")
        page.keyboard.press("Enter")
        expect(page.locator("#recommended > li")).to_have_count(10)
        page.reload()
        ready(page)
        expect(page.locator("#recommended > li")).to_have_count(10)
        expect(page.locator("#token")).to_be_hidden()
        page.close()
