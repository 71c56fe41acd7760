"""The page in a browser: in every size and light, for everybody, and when things go wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from live_server import served
from playwright.sync_api import Page, expect
from service_page import FIRST, SECOND, THIRD, best, opened, rate, show, title
from starlette.applications import Starlette
from starlette.routing import Mount

import recsys
from recsys.service import create_app

pytestmark = pytest.mark.browser

DESK, PHONE = (1280, 800), (390, 844)
CASES = [(*size, scheme) for size in (DESK, PHONE) for scheme in ("light", "dark")]
# Each size and each light once; the other pairs take long.
PAIRS = [CASES[0], *(pytest.param(one, marks=pytest.mark.long) for one in CASES[1:3]), CASES[3]]


@pytest.mark.parametrize("page", PAIRS, indirect=True)
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


def test_a_service_that_is_mounted_elsewhere(chromium: Any, model: recsys.Recommender) -> None:
    with served(Starlette(routes=[Mount("/movies", create_app(model))])) as address:
        page = opened(chromium, f"{address}/movies/")
        rate(page, title(model, FIRST), "5")
        expect(page.locator("#recommended > li .name")).to_have_text(best(model, {FIRST: 5}))
        page.click("nav [data-go=model]")
        row = page.locator("#traffic tbody tr", has_text="/v1/recommendations")
        expect(row).to_have_count(1)
        assert not page.problems
        page.close()


def test_another_model_comes_into_service(
    chromium: Any,
    model: recsys.Recommender,
    other_model: recsys.Recommender,
    sample: recsys.Ratings,
    tmp_path: Path,
) -> None:
    file = recsys.save(model, tmp_path / "a.recsys")
    recsys.save(other_model, tmp_path / "b.recsys")
    recsys.save(recsys.train(recsys.EASE(), sample), tmp_path / "c.recsys")
    with served(create_app(file)) as address:
        page = opened(chromium, address)
        rate(page, title(model, FIRST), "5")
        expect(page.locator("#recommended > li .name")).to_have_text(best(model, {FIRST: 5}))
        before = page.evaluate(f"recsysPage.map.at({int(model.factors.items.ids[FIRST])})")
        version = page.inner_text("#served")
        page.request.post(f"{address}/v1/model", data={"file": "b.recsys"})
        rate(page, title(model, SECOND), "4")
        both = {FIRST: 5.0, SECOND: 4.0}
        expect(page.locator("#recommended > li .name")).to_have_text(best(other_model, both))
        expect(page.locator("#served")).not_to_have_text(version)
        expect(page.locator("#said")).to_contain_text("list")
        after = page.evaluate(f"recsysPage.map.at({int(model.factors.items.ids[FIRST])})")
        assert after != before
        page.request.post(f"{address}/v1/model", data={"file": "c.recsys"})
        rate(page, title(model, THIRD), "4")
        expect(page.locator("#map-wait")).to_contain_text("no factors to map")
        expect(page.locator("#problem")).to_be_hidden()
        page.close()


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
    expect(page.locator("#map-wait")).to_be_hidden(timeout=60_000)
    assert len(asked) == 2
    page.close()


def test_a_model_without_factors_has_no_map(chromium: Any, sample: recsys.Ratings) -> None:
    model = recsys.train(recsys.EASE(), sample)
    with served(create_app(model)) as address:
        page: Page = chromium.new_page()
        page.goto(address)
        expect(page.locator("#map-wait")).to_contain_text("no factors to map")
        rate(page, title(model, FIRST), "5")
        expect(page.locator("#recommended > li .name")).to_have_text(best(model, {FIRST: 5}))
        page.close()
