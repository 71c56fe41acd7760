"""The page of the service in a headless browser."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live_server import served
from playwright.sync_api import Page, expect

import recsys
from recsys.recommend import explain, onboarding, questions
from recsys.recommend.choice import Choice
from recsys.recommend.person import changed_row, ratings_row
from recsys.service import create_app
from recsys.store.database.ratings_store import RatingsStore

pytestmark = pytest.mark.browser

DESK, PHONE = (1280, 800), (390, 844)
CASES = [(*size, scheme) for size in (DESK, PHONE) for scheme in ("light", "dark")]
FIRST, SECOND, THIRD = 3, 41, 77  # rows of items


@pytest.fixture(scope="module")
def address(model: recsys.Recommender) -> Iterator[str]:
    with served(create_app(model, name="sample")) as found:
        yield found


def opened(chromium: Any, address: str, width: int = 1280, height: int = 800, scheme: str = "light",
           **more: Any) -> Any:  # fmt: skip
    size = {"width": width, "height": height}
    page = chromium.new_page(viewport=size, color_scheme=scheme, **more)
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda message: page.problems.append(message.text))
    page.on("dialog", lambda dialog: (page.problems.append("a dialog"), dialog.dismiss()))
    page.on("request", lambda one: one.url.startswith(address) or page.problems.append(one.url))
    page.goto(address)
    expect(page.locator("#map-wait")).to_be_hidden()
    expect(page.locator("#where")).not_to_be_empty()
    page.wait_for_timeout(50)  # the map has the size that this leaves it
    return page


@pytest.fixture
def page(chromium: Any, address: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    page = opened(chromium, address, *getattr(request, "param", DESK))
    yield page
    page.close()
    assert not page.problems


def title(model: recsys.Recommender, row: int) -> str:
    return str(model.item_table["title"][row])


def rate(page: Any, words: str, key: str) -> None:
    """Rates a title with the keyboard alone."""
    page.focus("#search")
    page.fill("#search", words)
    expect(page.locator("#found li .name").first).to_have_text(words)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    row = page.locator("#rated li", has_text=words)
    expect(row.locator(".stars")).to_be_focused()
    page.keyboard.press(key)
    expect(page.locator("#rated li.waiting")).to_have_count(0)
    expect(row).to_have_count(1)


def listed(page: Any) -> list[str]:
    found: list[str] = page.locator("#recommended > li .name").all_text_contents()
    return found


def show(page: Any, part: str) -> None:
    if page.viewport_size["width"] < 900:
        page.click(f"nav [data-go={part}]")


def best(model: recsys.Recommender, ratings: dict[int, float], **choice: Any) -> list[str]:
    row = ratings_row(model, {int(model.factors.items.ids[i]): v for i, v in ratings.items()})
    return questions.recommend_row(model, row, Choice(**choice)).column("title")


def test_a_rating_changes_the_list_its_reasons_and_the_place_at_once(
    page: Any, model: recsys.Recommender
) -> None:
    expect(page.locator("#list-title")).to_have_text("Popular now")
    assert page.evaluate("recsysPage.map.you()") is None
    rate(page, title(model, FIRST), "5")
    expect(page.locator("#recommended > li .name")).to_have_text(best(model, {FIRST: 5}))
    expect(page.locator("#list-title")).to_have_text("For you")
    expect(page.locator(".sentence").first).to_contain_text(
        f"Because you loved {title(model, FIRST)}"
    )
    expect(page.locator("#where")).to_contain_text("You are nearest to")
    page.wait_for_timeout(900)
    before = page.evaluate("recsysPage.map.you()")
    rate(page, title(model, SECOND), "1")
    expect(page.locator("#recommended > li .name")).to_have_text(best(model, {FIRST: 5, SECOND: 1}))
    page.wait_for_timeout(900)
    assert page.evaluate("recsysPage.map.you()") != before
    expect(page.locator("#said")).to_contain_text("The list")


def test_stars_by_mouse_and_by_keys(page: Any, model: recsys.Recommender) -> None:
    rate(page, title(model, FIRST), "4")
    stars = page.locator("#rated .stars")
    expect(stars).to_have_attribute("aria-valuetext", "4 of 5")
    expect(stars).to_have_attribute("aria-label", f"Your rating of {title(model, FIRST)}")
    page.keyboard.press("ArrowLeft")
    expect(stars).to_have_attribute("aria-valuetext", "3.5 of 5")
    expect(page.locator("#recommended > li .name")).to_have_text(best(model, {FIRST: 3.5}))
    box = stars.bounding_box()
    stars.click(position={"x": box["width"] * 0.45, "y": 10})
    expect(stars).to_have_attribute("aria-valuetext", "2.5 of 5")
    expect(page.locator("#recommended > li .name")).to_have_text(best(model, {FIRST: 2.5}))
    stars.focus()
    page.keyboard.press("Delete")
    expect(page.locator("#rated li")).to_have_count(0)
    expect(page.locator("#list-title")).to_have_text("Popular now")


def test_a_rating_in_the_list_moves_the_focus_to_the_next_row(page: Any) -> None:
    page.locator("#recommended .stars").first.focus()
    page.keyboard.press("5")
    expect(page.locator("#rated li")).to_have_count(1)
    expect(page.locator("#list-title")).to_have_text("For you")
    expect(page.locator("#recommended > li").first.locator(".stars")).to_be_focused()


def test_why_shows_the_shares_as_signed_bars(page: Any, model: recsys.Recommender) -> None:
    for row, key in ((FIRST, "5"), (SECOND, "1"), (THIRD, "4")):
        rate(page, title(model, row), key)
    ratings = {FIRST: 5.0, SECOND: 1.0, THIRD: 4.0}
    expect(page.locator("#recommended > li .name")).to_have_text(best(model, ratings))
    ids = model.factors.items.ids
    person = ratings_row(model, {int(ids[row]): value for row, value in ratings.items()})
    row = model.titles.row(listed(page)[0])
    expected = explain.explain(model, explain.somebody(model, person), int(ids[row]))
    shares = dict(zip(expected.names, expected.ratings.column("share"), strict=True))
    page.locator("#recommended .why").first.click()
    bars = page.locator("#recommended > li").first.locator(".bars li")
    expect(bars).to_have_count(len(shares))
    for bar in bars.all():
        name = bar.locator(".of").get_attribute("title")
        kind = "minus" if shares[name] < 0 else "plus"
        assert re.search(rf"\b{kind}\b", bar.locator(".bar").get_attribute("class"))
        said = float(bar.locator(".share").inner_text().replace("−", "-"))
        assert said == pytest.approx(shares[name], abs=6e-3)
    widths = [bar.bounding_box()["width"] for bar in page.locator(".bars .bar").all()]
    sizes = [abs(shares[bar.get_attribute("title")]) for bar in page.locator(".bars .of").all()]
    for width, size in zip(widths, sizes, strict=True):
        assert width / max(widths) == pytest.approx(size / max(sizes), abs=0.05)


@pytest.mark.parametrize("page", CASES, indirect=True)
@pytest.mark.parametrize("view", ["neighbourhoods", "components"])
def test_labels_of_the_map_never_overlap(page: Any, model: recsys.Recommender, view: str) -> None:
    for row, key in ((FIRST, "5"), (SECOND, "5"), (THIRD, "1")):
        rate(page, title(model, row), key)
    show(page, "map")
    page.click(f"#views [data-view={view}]")
    page.wait_for_timeout(900)
    page.focus("#view")
    for key in ("0", "+", "+", "ArrowLeft", "ArrowUp", "-", "0"):
        page.keyboard.press(key)
        page.wait_for_timeout(60)
        labels = page.evaluate("recsysPage.map.labels()")
        width, height = page.evaluate("recsysPage.map.size()")
        boxes = [label["box"] for label in labels]
        assert len(boxes) >= 4
        for i, a in enumerate(boxes):
            assert a[0] >= 0 <= a[1]
            assert a[2] <= width
            assert a[3] <= height
            for b in boxes[:i]:
                assert a[0] > b[2] or b[0] > a[2] or a[1] > b[3] or b[1] > a[3]
    assert "you" in [label["text"] for label in labels]


@pytest.mark.parametrize("page", CASES, indirect=True)
def test_nothing_is_wider_than_the_window(page: Any, model: recsys.Recommender) -> None:
    rate(page, title(model, FIRST), "5")
    wide = "[document.documentElement.scrollWidth, document.body.scrollWidth]"
    for part in ("rate", "list", "map", "model"):
        show(page, part)
        assert max(page.evaluate(wide)) <= page.viewport_size["width"]


def test_a_click_on_the_map_shows_what_is_similar(page: Any, model: recsys.Recommender) -> None:
    item = int(model.factors.items.ids[model.popularity.argmax()])
    x, y = page.evaluate(f"recsysPage.map.at({item})")
    box = page.locator("#view").bounding_box()
    page.mouse.click(box["x"] + x, box["y"] + y)
    expected = model.similar_items(item, 8)
    expect(page.locator("#item-title")).to_have_text(title(model, model.popularity.argmax()))
    expect(page.locator("#item .near .name")).to_have_text(expected["title"].tolist())
    page.locator("#item .near .name").first.click()
    expect(page.locator("#item-title")).to_have_text(expected["title"][0])
    page.click("#item [aria-label=Close]")
    expect(page.locator("#item")).to_be_hidden()


def test_ask_me_asks_what_the_model_would_ask(page: Any, model: recsys.Recommender) -> None:
    def next_question(answered: dict[int, float | None]) -> Any:
        table = onboarding.onboard(model, 1, answered, Choice(n=1))
        return int(table.answer["item"][0]), table.column("title")[0]

    page.click("#ask-me")
    item, name = next_question({})
    expect(page.locator("#question")).to_have_text(name)
    page.keyboard.press("5")
    expect(page.locator("#rated li .name")).to_have_text([name])
    other, name = next_question({item: 5})
    expect(page.locator("#question")).to_have_text(name)
    page.click("#ask >> text=Not seen")
    third, name = next_question({item: 5, other: None})
    expect(page.locator("#question")).to_have_text(name)
    assert len({item, other, third}) == 3
    page.click("#ask >> text=Stop")
    expect(page.locator("#ask-me")).to_be_visible()


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


def test_genre_and_variety(page: Any, model: recsys.Recommender) -> None:
    rate(page, title(model, FIRST), "5")
    genre = page.locator("#genre option").nth(1).get_attribute("value")
    page.select_option("#genre", genre)
    where = f"genres has '{genre}'"
    expect(page.locator("#recommended > li .name")).to_have_text(
        best(model, {FIRST: 5}, where=where)
    )
    page.focus("#variety")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#recommended > li .name")).to_have_text(
        best(model, {FIRST: 5}, where=where, rerank="mmr=0.5")
    )


def test_every_control_has_a_name_and_shows_its_focus(page: Any, model: recsys.Recommender) -> None:
    rate(page, title(model, FIRST), "5")
    names = page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, [tabindex="0"]')]
        .filter(one => one.checkVisibility())
        .map(one => [one.outerHTML.slice(0, 90), one.getAttribute('aria-label') ||
            one.labels?.[0]?.textContent || one.textContent.trim()])"""
    )
    assert len(names) > 30
    assert [html for html, name in names if not name] == []
    page.focus("#search")
    for _ in range(12):
        page.keyboard.press("Tab")
        style = page.evaluate(
            "(s => [s.outlineStyle, parseFloat(s.outlineWidth)])"
            "(getComputedStyle(document.activeElement))"
        )
        assert style[0] != "none"
        assert style[1] >= 2


def test_calm_where_motion_is_to_be_reduced(
    chromium: Any, address: str, model: recsys.Recommender
) -> None:
    page = opened(chromium, address, reduced_motion="reduce")
    page.evaluate("() => { Element.prototype.animate = () => { window.animated = true; }; }")
    rate(page, title(model, FIRST), "5")
    expect(page.locator("#list-title")).to_have_text("For you")
    rate(page, title(model, SECOND), "5")
    expect(page.locator("#rated li")).to_have_count(2)
    assert page.evaluate("window.animated") is None
    page.close()


def test_light_and_dark_by_a_button(page: Any) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.click("#scheme")
    assert page.evaluate(paper) != light
    page.click("#scheme")
    assert page.evaluate(paper) == light


def test_the_model(page: Any, model: recsys.Recommender) -> None:
    page.click("nav [data-go=model]")
    card = page.locator("section[aria-label=Model]")
    expect(card).to_contain_text("ImplicitALS")
    expect(card).to_contain_text(f"{len(model.factors.items):,}")
    expect(page.locator("section[aria-label=Drift]")).to_contain_text("0.0 %")
    expect(page.locator("section[aria-label=Hyperparameters]")).to_contain_text("n_factors")
    expect(page.locator("#recommended")).to_be_hidden()


def test_the_traffic(page: Any, model: recsys.Recommender) -> None:
    page.click("nav [data-go=model]")
    total = page.locator("#traffic .big b").first
    expect(total).to_have_text(re.compile(r"^[1-9][\d,]*$"))
    row = page.locator("#traffic tbody tr", has_text="/v1/recommendations")
    expect(row.locator("td").nth(1)).to_have_text(re.compile(r"^[\d.]+ m?s$"))
    before = int(row.locator("td").first.inner_text().replace(",", ""))
    page.click("nav [data-go=rate]")
    rate(page, title(model, FIRST), "5")
    expect(page.locator("#list-title")).to_have_text("For you")
    page.click("nav [data-go=model]")
    expect(row.locator("td").first).to_have_text(f"{before + 1:,}")
    # What the page asks for to show this is not counted.
    assert page.locator("#traffic tbody").get_by_text("/v1/metrics").count() == 0


def test_what_goes_wrong_is_said_and_tried_again(page: Any, model: recsys.Recommender) -> None:
    page.route("**/v1/recommendations", lambda route: route.abort())
    rate(page, title(model, FIRST), "5")
    expect(page.locator("#problem")).to_contain_text("The server does not answer.")
    page.unroute("**/v1/recommendations")
    page.click("#problem button")
    expect(page.locator("#recommended > li .name")).to_have_text(best(model, {FIRST: 5}))
    expect(page.locator("#problem")).to_be_hidden()
    page.problems[:] = [one for one in page.problems if "ERR_FAILED" not in one]


def test_a_map_that_takes_long_is_waited_for(chromium: Any, address: str) -> None:
    page = chromium.new_page()
    asked: list[int] = []

    def first_fails(route: Any) -> None:
        asked.append(1)
        busy = {"status": 503, "json": {"detail": "no answer within 10 s"}}
        route.fulfill(**busy) if len(asked) == 1 else route.continue_()

    page.route("**/v1/map", first_fails)
    page.goto(address)
    expect(page.locator("#map-wait")).to_be_hidden(timeout=9000)
    assert len(asked) == 2
    page.close()


def test_an_unknown_person(page: Any) -> None:
    page.fill("#person", "987654321")
    page.keyboard.press("Enter")
    expect(page.locator("#problem")).to_contain_text("987654321")
    page.problems[:] = [one for one in page.problems if "404" not in one]


def test_a_model_without_factors_has_no_map(chromium: Any, sample: recsys.Ratings) -> None:
    model = recsys.train(recsys.EASE(), sample)
    with served(create_app(model)) as address:
        page: Page = chromium.new_page()
        page.goto(address)
        expect(page.locator("#map-wait")).to_contain_text("no factors to map")
        rate(page, title(model, FIRST), "5")
        expect(page.locator("#recommended > li .name")).to_have_text(best(model, {FIRST: 5}))
        page.close()


def test_a_model_of_likes_has_hearts(
    chromium: Any, checkerboard: tuple[recsys.Ratings, dict[int, int]]
) -> None:
    model = recsys.train(recsys.ImplicitALS(2), checkerboard[0])
    with served(create_app(model)) as address:
        page = opened(chromium, address)
        page.locator("#recommended .heart").first.click()
        expect(page.locator("#rated li")).to_have_count(1)
        expect(page.locator("#rated .heart")).to_have_attribute("aria-pressed", "true")
        page.locator("#rated .heart").click()
        expect(page.locator("#rated li")).to_have_count(0)
        assert not page.problems
        page.close()


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
    rate(page, title(model, new), "5")
    changed = changed_row(model, user, {item: 5.0})
    after = questions.recommend_row(model, changed, Choice()).column("title")
    expect(page.locator("#recommended > li .name")).to_have_text(after)
    given = store.given(user)
    assert given is not None
    assert dict(zip(given.items.tolist(), given.values.tolist(), strict=True))[item] == 5
    page.locator("#rated li", has_text=title(model, new)).locator(".remove").click()
    own = questions.recommend(model, user, Choice()).column("title")
    expect(page.locator("#recommended > li .name")).to_have_text(own)
    given = store.given(user)
    assert given is not None
    assert item not in given.items
    assert not page.problems
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
    rate(page, title(model, SECOND), "4")
    both = best(model, {FIRST: 5, SECOND: 4})
    expect(page.locator("#recommended > li .name")).to_have_text(both)
    given = store.given(70001)
    assert given is not None
    assert sorted(given.values.tolist()) == [4, 5]
    page.reload()
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
        expect(page.locator("#problem")).to_contain_text("asks for a token")
        page.click("#problem button")
        expect(page.locator("#token")).to_be_visible()
        page.fill("#secret", "secret")
        page.keyboard.press("Enter")
        expect(page.locator("#recommended > li")).to_have_count(10)
        page.reload()
        expect(page.locator("#recommended > li")).to_have_count(10)
        expect(page.locator("#token")).to_be_hidden()
        page.close()
