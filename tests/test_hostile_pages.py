"""Hostile text in titles, genres, ids, names of columns and of models: no page obeys it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hostile import CONTROLS, LONG, MARKUP, OBEYED, OTHER, SURROGATE, TEXTS, ratings
from live_server import served

import recsys
from recsys.app.search import SearchRequest, search
from recsys.findings import Finding
from recsys.maps.movie_map import movie_map
from recsys.recommend.recommender import Recommender
from recsys.service import create_app

NAMES = ("W" * 400, *MARKUP, CONTROLS[0], CONTROLS[9], CONTROLS[12], OTHER[0])


@pytest.fixture(scope="module")
def data() -> recsys.Ratings:
    return ratings()


@pytest.fixture(scope="module")
def model(data: recsys.Ratings) -> Recommender:
    return recsys.train(recsys.ImplicitALS(8), data)


@pytest.fixture(scope="module")
def result(data: recsys.Ratings) -> recsys.Evaluation:
    models = {name: recsys.PureSVD(2) for name in NAMES}
    found = recsys.evaluate(models, recsys.splits.random(data, test=0.3), k=5)
    said = tuple(Finding("R001", "note", text, text) for text in (*TEXTS, SURROGATE))
    return replace(found, findings=said, about={**found.about, "command": f"recsys {SURROGATE}"})


@pytest.fixture(scope="module")
def pages(
    result: recsys.Evaluation, model: Recommender, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    result.to_html(folder / "report.html")
    movie_map(model, folder / "map.html", title=f"{MARKUP[1]} {SURROGATE}")
    answer = search(SearchRequest(model="", words="script", n=50), model)
    shown: list[Any] = [model, answer, model.fitted, result]
    cells = "".join(one._repr_html_() for one in shown)
    (folder / "notebook.html").write_text(f"<!doctype html><meta charset=utf-8>{cells}", "utf-8")
    return {name: folder / f"{name}.html" for name in ("report", "map", "notebook")}


@pytest.mark.parametrize("name", ["report", "map", "notebook"])
def test_no_control_reaches_a_page(pages: dict[str, Path], name: str) -> None:
    assert not OBEYED.search(pages[name].read_text("utf-8"))


@pytest.fixture
def page(chromium: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    page = chromium.new_page(viewport={"width": request.param, "height": 800})
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda message: page.problems.append(message.text))
    page.on("dialog", lambda dialog: (page.problems.append("a dialog"), dialog.dismiss()))
    page.on("request", lambda one: one.url.startswith("file:") or page.problems.append(one.url))
    yield page
    page.close()


def no_harm(page: Any) -> None:
    page.wait_for_timeout(300)
    assert page.evaluate("window.pwned") is None
    assert not page.problems
    wide = "[document.documentElement.scrollWidth, document.body.scrollWidth, innerWidth]"
    *inner, window = page.evaluate(wide)
    assert max(inner) <= window


@pytest.mark.browser
@pytest.mark.parametrize("page", [400, 1280], indirect=True)
@pytest.mark.parametrize("name", ["report", "notebook"])
def test_a_page_executes_nothing_and_fits(pages: dict[str, Path], name: str, page: Any) -> None:
    page.goto(pages[name].as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    no_harm(page)


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_of_the_service_executes_nothing(
    chromium: Any, model: Recommender, width: int
) -> None:
    with served(create_app(model, name=MARKUP[1])) as address:
        page = chromium.new_page(viewport={"width": width, "height": 800})
        page.problems, asked = [], []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("console", lambda message: page.problems.append(message.text))
        page.on("dialog", lambda dialog: page.problems.append("a dialog"))
        page.on("request", lambda one: asked.append(one.url))
        page.goto(address)
        page.wait_for_selector("#map-wait", state="hidden")
        page.fill("#search", "script")
        page.wait_for_selector("#found li")
        page.press("#search", "Enter")
        for _ in range(6):  # rates, and looks at, whatever comes
            page.press("#rated .stars", "5")
            page.wait_for_timeout(150)
            page.evaluate("document.querySelectorAll('#recommended .why')[0]?.click()")
            page.evaluate("document.querySelector('#recommended .name').click()")
            page.wait_for_timeout(150)
            page.evaluate("document.querySelector('nav [data-go=rate]').click()")
            page.evaluate("document.querySelector('#recommended .stars').focus()")
            page.evaluate(
                "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: '4'}))"
            )
        for part in ("list", "map", "model", "rate"):
            page.evaluate(f"document.querySelector('nav [data-go={part}]').click()")
            no_harm(page)
            shown = page.inner_text("body")
            assert not OBEYED.search(shown.replace("\t", " "))
        assert {url for url in asked if not url.startswith(address)} == set()
        page.close()


@pytest.mark.browser
@pytest.mark.parametrize("page", [400, 1280], indirect=True)
def test_the_map_executes_nothing_whatever_is_chosen(pages: dict[str, Path], page: Any) -> None:
    page.goto(pages["map"].as_uri())
    page.wait_for_function("window.movieMap && movieMap.frames > 0")
    for item in range(len(TEXTS)):
        page.evaluate(f"movieMap.choose({item})")
    page.fill("#search", "script")
    page.evaluate(
        "for (const id of ['user', 'region', 'colour']) { const s = document.getElementById(id);"
        "for (const o of s.options) { s.value = o.value; s.onchange({ target: s }); } }"
    )
    no_harm(page)
    assert max(map(len, page.evaluate("movieMap.titles"))) <= 200 < len(LONG)
    panel = "document.getElementById('panel')"
    assert page.evaluate(f"{panel}.scrollWidth <= {panel}.clientWidth")
