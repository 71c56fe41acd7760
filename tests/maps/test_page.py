"""The page of the movie map in a headless browser."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import recsys
from recsys import Ratings
from recsys.ids import IdIndex
from recsys.maps.movie_map import movie_map, neighbours
from recsys.models.factors import Factors
from recsys.recommend.recommender import Recommender


@pytest.fixture(scope="module")
def model(sample: Ratings) -> Recommender:
    return recsys.train(recsys.ImplicitALS(8, regularization=0.02), sample)


@pytest.fixture(scope="module")
def file(model: Recommender, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("map") / "map.html"
    movie_map(model, path, users=[7])
    return path


@pytest.fixture
def page(chromium: Any, file: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    width, scheme = getattr(request, "param", (1280, "light"))
    page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda message: page.problems.append(message.text))
    page.goto(file.as_uri())
    page.wait_for_function("window.movieMap && movieMap.frames > 0")
    yield page
    assert not page.problems
    page.close()


def frame(page: Any) -> None:
    """Waits until the page is drawn again."""
    page.evaluate("() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")


def no_labels_overlap(page: Any) -> None:
    boxes = [label["box"] for label in page.evaluate("movieMap.labels()")]
    assert len(boxes) > 4
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert a[0] > b[2] or b[0] > a[2] or a[1] > b[3] or b[1] > a[3]


CASES = [(1280, "light"), (1280, "dark"), (400, "light"), (400, "dark")]


@pytest.mark.browser
@pytest.mark.parametrize("page", CASES, indirect=True)
def test_labels_never_overlap_wherever_it_moves(page: Any) -> None:
    no_labels_overlap(page)
    area = page.evaluate("movieMap.free()")
    for keys in ("+", "+", "ArrowLeft", "ArrowUp", "-", "0"):
        page.keyboard.press(keys)
        frame(page)
        no_labels_overlap(page)
    for label in page.evaluate("movieMap.labels()"):
        left, _, right, _ = label["box"]
        assert left >= -4, label
        assert right <= area["w"] + 4, label


@pytest.mark.browser
@pytest.mark.parametrize("page", CASES, indirect=True)
def test_search_shows_the_ten_most_similar(page: Any, model: Recommender) -> None:
    title = model.item_table["title"][41]
    page.keyboard.press("/")
    page.keyboard.type(title[-14:].upper())
    page.wait_for_selector("#found li")
    page.keyboard.press("Enter")
    page.wait_for_selector("#item h2")
    assert page.inner_text("#item h2") == title
    listed = page.locator("#item .near li .name").all_inner_texts()
    expected = model.similar_items(int(model.factors.items.ids[41]), 10)
    assert listed == expected["title"].tolist()
    scores = [float(t) for t in page.locator("#item .near li .score").all_inner_texts()]
    assert scores == pytest.approx(expected["score"].to_numpy(), abs=6e-4)
    frame(page)
    no_labels_overlap(page)
    page.locator("#item .near li").first.click()
    assert page.inner_text("#item h2") == expected["title"][0]
    page.keyboard.press("Escape")
    assert page.is_hidden("#item")


@pytest.mark.browser
@pytest.mark.parametrize("page", [CASES[0], CASES[2]], indirect=True)
def test_a_click_chooses_the_dot_under_it(page: Any, model: Recommender) -> None:
    area = page.evaluate("movieMap.free()")
    for row in range(200):
        x, y = page.evaluate(f"movieMap.where({row})")
        others = [page.evaluate(f"movieMap.where({i})") for i in range(200) if i != row]
        clear = all(np.hypot(a - x, b - y) > 30 for a, b in others)
        if clear and 20 < x < area["w"] - 20 and 20 < y < area["h"] - 20:
            break
    page.mouse.click(x, y)
    page.wait_for_selector("#item h2")
    assert page.inner_text("#item h2") == model.item_table["title"][row]


@pytest.mark.browser
def test_a_path_leads_over_similar_items(page: Any, model: Recommender) -> None:
    near, _ = neighbours(model)
    titles = model.item_table["title"].tolist()
    page.evaluate("movieMap.choose(0)")
    page.click("#path")
    page.keyboard.type(titles[120])
    page.keyboard.press("Enter")
    page.wait_for_selector("#item .near li")
    way = [titles.index(t) for t in page.locator("#item .near li .name").all_inner_texts()]
    assert way[0] == 0
    assert way[-1] == 120
    for a, b in itertools.pairwise(way):
        assert b in near[a] or a in near[b]


@pytest.mark.browser
def test_a_person_and_their_ratings(page: Any, sample: Ratings) -> None:
    page.select_option("#user", "0")
    page.wait_for_selector("#item h2")
    assert page.inner_text("#item h2") == "user 7"
    n = sample.matrix[sample.users.row(7)].nnz
    assert f"{n} ratings" in page.inner_text("#item")
    frame(page)
    assert any(label["text"] == "user 7" for label in page.evaluate("movieMap.labels()"))
    no_labels_overlap(page)


@pytest.mark.browser
def test_other_axes_a_third_dimension_and_other_colours(page: Any) -> None:
    where = page.evaluate("movieMap.where(10)")
    page.select_option("#x", "3")
    frame(page)
    assert page.evaluate("movieMap.where(10)") != where
    page.select_option("#z", "2")
    frame(page)
    before = page.evaluate("movieMap.where(10)")
    page.mouse.move(300, 300)
    page.mouse.down()
    page.mouse.move(380, 330)
    page.mouse.up()
    frame(page)
    assert page.evaluate("movieMap.where(10)") != before
    seen = set()
    for colour in ("genre", "year", "popularity", "mean"):
        page.select_option("#colour", colour)
        frame(page)
        seen.add(page.inner_text("#key"))
    assert len(seen) == 4


@pytest.mark.browser
def test_wheel_zooms_at_the_pointer_and_drag_moves(page: Any) -> None:
    x, y = page.evaluate("movieMap.where(10)")
    page.mouse.move(x, y)
    page.mouse.wheel(0, -300)
    frame(page)
    assert page.evaluate("movieMap.state.zoom") > 1.4
    assert page.evaluate("movieMap.where(10)") == pytest.approx([x, y], abs=1)
    page.mouse.down()
    page.mouse.move(x + 50, y + 20)
    page.mouse.up()
    frame(page)
    assert page.evaluate("movieMap.where(10)") == pytest.approx([x + 50, y + 20], abs=1)


@pytest.mark.browser
@pytest.mark.slow
def test_sixty_thousand_items(chromium: Any, tmp_path: Path) -> None:
    """The page is under 12 MB and follows the pointer without losing input."""
    rng = np.random.default_rng(0)
    n = 60_000
    centres = rng.normal(size=(40, 32))
    y = (centres[rng.integers(0, 40, n)] + rng.normal(size=(n, 32))).astype(np.float32)
    x = rng.normal(size=(50, 32)).astype(np.float32)
    users, items = IdIndex(np.arange(50), "user"), IdIndex(np.arange(n), "item")
    zeros = np.zeros(50, np.float32), np.zeros(n, np.float32)
    factors = Factors(users, items, 0.0, *zeros, x, y, recsys.PureSVD(32))
    table = pd.DataFrame(
        {
            "title": [
                f"The {i}th of a great many movies, Part {i % 7} (19{i % 90 + 10})"
                for i in range(n)
            ],
            "year": rng.integers(1910, 2020, n),
            "genres": rng.choice(["Drama", "Comedy|Romance", "Action|Sci-Fi", "Horror"], n),
        }
    )
    file = tmp_path / "map.html"
    movie_map(Recommender(factors, table, None), file)
    assert file.stat().st_size < 12_000_000
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.goto(file.as_uri())
    page.wait_for_function("window.movieMap && movieMap.frames > 0")
    no_labels_overlap(page)
    page.mouse.move(600, 400)
    page.mouse.down()
    for step in range(20):
        page.mouse.move(600 + 5 * step, 400)
    page.mouse.up()
    frame(page)
    moved = page.evaluate("movieMap.state.panX")
    assert moved == pytest.approx(95)  # no input was lost
    page.close()
