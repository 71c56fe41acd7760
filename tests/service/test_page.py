"""The page in a browser: ratings, the list, its reasons, the map."""

from __future__ import annotations

import re
from typing import Any

import pytest
from live_server import served
from playwright.sync_api import expect
from service_page import FIRST, SECOND, THIRD, best, listed, opened, rate, title

import recsys
from recsys.recommend import explain, onboarding
from recsys.recommend.choice import Choice
from recsys.recommend.person import ratings_row
from recsys.service import create_app

pytestmark = pytest.mark.browser


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


def test_a_late_answer_does_not_talk_over_the_list(page: Any, model: recsys.Recommender) -> None:
    waiting: list[Any] = []
    page.route("**/similar*", lambda route: waiting.append(route))
    rate(page, title(model, FIRST), "5")
    expect(page.locator("#said")).to_contain_text("The list")
    assert waiting
    waiting[0].continue_()
    expect(page.locator("#item .near li")).not_to_have_count(0)
    page.wait_for_timeout(600)  # twice as long as something waits to be said
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


def test_a_click_on_the_map_shows_what_is_similar(page: Any, model: recsys.Recommender) -> None:
    most = int(model.popularity.argmax())
    item = int(model.factors.items.ids[most])
    x, y = page.evaluate(f"recsysPage.map.at({item})")
    box = page.locator("#view").bounding_box()
    page.mouse.click(box["x"] + x, box["y"] + y)
    expected = model.similar_items(item, 8)
    expect(page.locator("#item-title")).to_have_text(title(model, most))
    expect(page.locator("#item .near .name")).to_have_text(expected["title"].tolist())
    page.locator("#item .near .name").first.click()
    expect(page.locator("#item-title")).to_have_text(expected["title"][0])
    page.click("#item [aria-label=Close]")
    expect(page.locator("#item")).to_be_hidden()


def test_what_is_pointed_at_has_its_title_on_the_map(page: Any) -> None:
    def labels() -> list[str]:
        page.wait_for_timeout(120)
        return [label["text"] for label in page.evaluate("recsysPage.map.labels()")]

    page.locator("#recommended > li").nth(9).hover()
    name = listed(page)[9]
    assert name in labels()
    page.locator("#recommended .why, #recommended .stars").first.focus()
    page.mouse.move(5, 5)
    assert listed(page)[0] in [text.removeprefix("1 ") for text in labels()]


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


def test_genre_and_variety(page: Any, model: recsys.Recommender) -> None:
    rate(page, title(model, FIRST), "5")
    genre = page.locator("#genre option").nth(1).get_attribute("value")
    page.select_option("#genre", genre)
    where = f'genres has "{genre}"'
    expect(page.locator("#recommended > li .name")).to_have_text(
        best(model, {FIRST: 5}, where=where)
    )
    page.focus("#variety")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#recommended > li .name")).to_have_text(
        best(model, {FIRST: 5}, where=where, rerank="mmr=0.5")
    )


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
