"""The page of the movie map in a headless browser."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pages import DOT_COLOURS

import recsys
from recsys import Ratings
from recsys.ids import IdIndex
from recsys.maps.movie_map import movie_map, page_script
from recsys.maps.neighbourhoods import neighbourhoods, neighbours
from recsys.maps.palette import PALETTE
from recsys.maps.projection import project
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


def opened(chromium: Any, file: Path, width: int = 1280, scheme: str = "light") -> Any:
    page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda message: page.problems.append(message.text))
    page.goto(file.as_uri())
    page.wait_for_function("window.movieMap && movieMap.frames > 1")
    frame(page)
    return page


@pytest.fixture
def page(chromium: Any, file: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    page = opened(chromium, file, *getattr(request, "param", ()))
    yield page
    assert not page.problems
    page.close()


def frame(page: Any) -> None:
    """Waits until the page is drawn again."""
    page.evaluate("() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")


def no_labels_overlap(page: Any, least: int = 5) -> None:
    boxes = [label["box"] for label in page.evaluate("movieMap.labels()")]
    assert len(boxes) >= least
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert a[0] > b[2] or b[0] > a[2] or a[1] > b[3] or b[1] > a[3]


CASES = [(1280, "light"), (1280, "dark"), (400, "light"), (400, "dark")]


def labels_are_on_the_map(page: Any) -> None:
    area = page.evaluate("movieMap.free()")
    for label in page.evaluate("movieMap.labels()"):
        left, top, right, bottom = label["box"]
        assert left >= -4, label
        assert right <= area["w"] + 4, label
        assert top >= -4, label
        assert bottom <= area["h"] + 4, label


@pytest.mark.browser
@pytest.mark.parametrize("page", CASES, indirect=True)
@pytest.mark.parametrize("view", ["plane", "axes"])
def test_labels_never_overlap_wherever_it_moves(page: Any, view: str) -> None:
    no_labels_overlap(page)
    labels_are_on_the_map(page)
    page.click(f"#{view}")
    page.click("#view", position={"x": 3, "y": 3})
    page.keyboard.press("Escape")
    for keys in ("0", "+", "+", "ArrowLeft", "ArrowUp", "-", "0"):
        page.keyboard.press(keys)
        frame(page)
        no_labels_overlap(page)
        labels_are_on_the_map(page)


@pytest.mark.browser
@pytest.mark.parametrize("page", CASES, indirect=True)
def test_regions_are_named_on_the_neighbourhood_view_only(page: Any, model: Recommender) -> None:
    view = neighbourhoods(model, project(model, None, "cosine"))
    known = [region.name for region in view.regions]
    page.evaluate("movieMap.choose(-1)")
    page.click("#whole")
    frame(page)
    labels = page.evaluate("movieMap.labels()")
    named = [label for label in labels if label["kind"] == "region"]
    assert named[0]["text"] == known[0]
    assert {label["text"] for label in named} <= set(known)
    left, top, right, bottom = named[0]["box"]
    page.mouse.click((left + right) / 2, (top + bottom) / 2)
    assert page.inner_text("#item h2") == known[0]
    best = page.locator("#item .near li .name").all_inner_texts()
    names = model.item_table["title"].tolist()
    assert {view.region_of[names.index(name)] for name in best} == {0}
    page.click("#axes")
    frame(page)
    labels = page.evaluate("movieMap.labels()")
    assert "region" not in {label["kind"] for label in labels}
    assert any(label["text"].startswith(("component 1:", "1:")) for label in labels)


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
    page.locator("#item .near button").first.focus()
    page.keyboard.press("Enter")
    assert page.inner_text("#item h2") == expected["title"][0]
    page.focus("#view")
    page.keyboard.press("Escape")
    assert page.is_hidden("#item")


@pytest.mark.browser
@pytest.mark.parametrize("page", [CASES[0], CASES[2]], indirect=True)
def test_a_click_chooses_the_dot_under_it(page: Any, model: Recommender) -> None:
    page.evaluate("movieMap.choose(-1)")
    page.click("#axes")
    frame(page)
    area = page.evaluate("movieMap.free()")
    places = page.evaluate("[...Array(200).keys()].map(i => movieMap.where(i))")
    for row, (x, y) in enumerate(places):
        others = places[:row] + places[row + 1 :]
        clear = all(np.hypot(a - x, b - y) > 30 for a, b in others)
        if clear and 20 < x < area["w"] - 20 and 20 < y < area["h"] - 20:
            break
    page.mouse.click(x, y)
    page.wait_for_selector("#item h2")
    assert page.inner_text("#item h2") == model.item_table["title"][row]


@pytest.mark.browser
@pytest.mark.parametrize("page", [CASES[0], CASES[2]], indirect=True)
def test_a_path_leads_over_similar_items_fills_the_map_and_shows_likeness(
    page: Any, model: Recommender
) -> None:
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
    said = page.locator("#item .near li .score").all_inner_texts()
    unit = model.factors.item_factors[way]
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    cosines = (unit[1:] * unit[:-1]).sum(axis=1)
    assert said[0] == ""
    assert [float(text) for text in said[1:]] == pytest.approx(cosines, abs=6e-4)
    frame(page)
    written = {label["text"] for label in page.evaluate("movieMap.labels()")}
    assert {f"{float(text):.2f}" for text in said[1:]} & written
    area = page.evaluate("movieMap.free()")
    x, y = np.transpose([page.evaluate(f"movieMap.where({i})") for i in way])
    assert 0 < x.min() < x.max() < area["w"]
    assert 0 < y.min() < y.max() < area["h"]
    assert np.ptp(x) > 0.5 * area["w"] or np.ptp(y) > 0.5 * area["h"]
    no_labels_overlap(page, least=3)


@pytest.mark.browser
@pytest.mark.parametrize("page", CASES, indirect=True)
def test_it_opens_on_the_person_with_ratings_and_ringed_recommendations(
    page: Any, model: Recommender, sample: Ratings
) -> None:
    assert page.inner_text("h1") == "Movie map"
    assert page.get_attribute("#plane", "aria-pressed") == "true"
    assert page.inner_text("#item h2") == "user 7"
    n = sample.matrix[sample.users.row(7)].nnz
    assert f"{n} ratings" in page.inner_text("#item")
    expected = model.recommend(7, n=10)
    listed = page.locator("#item .near").first.locator(".name").all_inner_texts()
    assert listed == expected["title"].tolist()
    rows = model.factors.items.rows(expected["item"])
    rings = page.evaluate("movieMap.rings()")
    places = [page.evaluate(f"movieMap.where({row})") for row in rows]
    assert np.array(rings) == pytest.approx(np.array(places), abs=0.01)
    area = page.evaluate("movieMap.free()")
    for x, y in places:
        assert 0 < x < area["w"]
        assert 0 < y < area["h"]
    legend = page.inner_text("#legend")
    assert "recommended" in legend
    assert f"rated {sample.matrix.data.min():g}" in legend
    assert "where the user lies" not in legend
    no_labels_overlap(page)
    page.click("#axes")
    frame(page)
    assert "where the user lies" in page.inner_text("#legend")
    assert "user 7" in {label["text"] for label in page.evaluate("movieMap.labels()")}
    if page.is_hidden("#user"):
        page.click("#fold")
    page.select_option("#user", "3")
    assert page.inner_text("#item h2") != "user 7"


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_without_values_nobody_rated_and_the_legend_has_the_colour_of_the_dots(
    chromium: Any, sample: Ratings, tmp_path: Path, scheme: str
) -> None:
    ones = Ratings.from_frame(sample.to_frame(), "user", "item", None)
    model = recsys.train(recsys.ImplicitALS(8, regularization=0.02), ones)
    movie_map(model, tmp_path / "map.html", users=[7])
    page = opened(chromium, tmp_path / "map.html", scheme=scheme)
    legend = page.evaluate(
        "getComputedStyle(document.querySelector('#legend .rated')).backgroundColor"
    )
    rows = ones.matrix[ones.users.row(7)].indices.tolist()
    drawn = page.evaluate(DOT_COLOURS, rows)
    panel = page.text_content("#panel")
    assert f"{len(rows)} interactions" in panel
    assert "Dots grow with the number of interactions" in panel
    assert not re.search(r"\brat(ed|ings?)\b", panel, re.IGNORECASE)
    assert drawn.count(legend) > len(rows) / 2  # titles and rings cover some of them
    assert not page.problems
    page.close()


@pytest.mark.browser
def test_it_opens_on_the_most_rated_item_and_odd_titles_are_text(
    chromium: Any, model: Recommender, sample: Ratings, tmp_path: Path
) -> None:
    most = int(np.bincount(sample.matrix.indices).argmax())
    odd = 'Quote "</script><b>" & <!--<script> <img src=x onerror=alert(1)> Co (1999)'
    table = model.item_table.copy()
    table.loc[most, "title"] = odd
    movie_map(replace(model, item_table=table), tmp_path / "map.html")
    page = opened(chromium, tmp_path / "map.html")
    assert page.inner_text("#item h2") == odd
    assert page.locator("#item .near li").count() == 10
    assert page.locator("b, img").count() == 0
    area = page.evaluate("movieMap.free()")
    x, y = page.evaluate(f"movieMap.where({most})")
    assert 0 < x < area["w"]
    assert 0 < y < area["h"]
    assert page.evaluate("movieMap.state.zoom") > 1
    assert any(label["text"] == odd for label in page.evaluate("movieMap.labels()"))
    assert not page.problems
    page.close()


MATRICES: dict[str, Any] = {
    "all": np.eye(3),
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}
"""How the colour-blind see linear RGB (Machado, Oliveira, Fernandes 2009)."""


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear RGB."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.clip(rgb, 0, 1) @ np.transpose(to_xyz) / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("sight", MATRICES)
def test_the_colours_of_genres_differ_for_everybody(scheme: str, sight: str) -> None:
    other = "#9aa4af" if scheme == "light" else "#76828f"
    assert other in page_script()
    texts = [*PALETTE[scheme], other]
    assert len(texts) == 10
    rgb = np.array([[int(t[i : i + 2], 16) / 255 for i in (1, 3, 5)] for t in texts])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = lab(linear @ np.transpose(MATRICES[sight]))
    apart = np.linalg.norm(seen[:, None] - seen, axis=2)[~np.eye(10, dtype=bool)]
    assert apart.min() > 20


@pytest.mark.browser
def test_other_axes_a_third_dimension_and_other_colours(page: Any) -> None:
    page.click("#axes")
    frame(page)
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
    page.evaluate("movieMap.choose(-1)")
    page.click("#whole")
    frame(page)
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
@pytest.mark.parametrize("n", [10_000, pytest.param(60_000, marks=pytest.mark.long)])
def test_many_items(n: int, chromium: Any, tmp_path: Path) -> None:
    """The page is under 12 MB for 60,000 and follows the pointer without losing input."""
    rng = np.random.default_rng(0)
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
    assert file.stat().st_size < 12_000_000 * n / 60_000
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.goto(file.as_uri())
    page.wait_for_function("window.movieMap && movieMap.frames > 0")
    page.evaluate("movieMap.choose(-1)")
    page.click("#whole")
    frame(page)
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
