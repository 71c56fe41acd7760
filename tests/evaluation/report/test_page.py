import io
import itertools
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pytest
from markupsafe import escape
from pages import BROKEN_HEADS, OVERLAPS
from PIL import Image
from playwright.sync_api import Browser

import recsys
from recsys.evaluation.evaluation import Evaluation
from recsys.evaluation.report import pictures
from recsys.findings import Finding
from recsys.ratings import splits

TABLES = ("summary", "comparisons", "runs", "curves", "segments", "by_rating", "training")
ACCURACY = ("ndcg@5", "recall@5", "map@5", "mrr@5", "hit_rate@5", "precision@5", "auc")
ODD = '<b>"als" & co</b>'


@pytest.fixture(scope="module")
def result(sample: recsys.Ratings) -> recsys.Evaluation:
    models = {
        ODD: recsys.ImplicitALS(8, regularization=0.1),
        "explicit-als": recsys.ExplicitALS(4),
        "svd": recsys.PureSVD(4),
        "ease": recsys.EASE(100.0),
        "bad": recsys.PureSVD(4000),
    }
    return recsys.evaluate(models, splits.kfold(sample, 3, seed=0), k=5)


COMMAND = "recsys evaluate data/sample --models ease,pure-svd,implicit-als --folds 3"


@pytest.fixture(scope="module")
def file(result: recsys.Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    replace(result, about={**result.about, "command": COMMAND}).to_html(path)
    return path


class Balance(HTMLParser):
    """Every tag that opens closes, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.addresses: list[str | None] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)
        self.addresses += [v for k, v in attributes if k in ("src", "href")]

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_is_whole_and_needs_nothing_else(file: Path) -> None:
    page = file.read_text()
    parsed = Balance(page)
    assert not parsed.open
    assert not parsed.addresses
    assert not re.search(r"https?://|@import|url\(", page)
    assert file.stat().st_size < 3_000_000
    assert not list(file.parent.glob(".*"))  # nothing half-written


def test_the_page_has_every_section(file: Path, result: recsys.Evaluation) -> None:
    text = " ".join(" ".join(Balance(file.read_text()).text).split())
    assert result.headline in text
    assert result.verdict in text.replace("\xa0", " ")
    for title in (
        "Accuracy", "Predicted ratings", "Beyond accuracy", "Ranking accuracy", "by length of the",
        "Accuracy against coverage", "Accuracy against novelty", "Users by activity",
        "Items by popularity", "Items by genre", "Mean error by true rating", "Training", "Checks",
        "To run it again", "Every model against every other", "Over folds and seeds",
    ):  # fmt: skip
        assert title in text, title
    for how in result.splits:
        assert how in text
    assert result.fingerprint in text
    for name, version in result.about["versions"].items():
        assert f"{name} {version}" in text
    assert result.about["machine"]["processor"] in text
    assert '"n_factors": 8' in text
    assert "R012" in text


def test_names_are_escaped(file: Path) -> None:
    page = file.read_text()
    assert ODD not in page
    assert "&lt;b&gt;&#34;als&#34; &amp; co&lt;/b&gt;" in page


def test_outside_text_never_becomes_markup(result: Evaluation) -> None:
    odd = "<script>alert('x')</script> \"&\" <img src=x>"
    tables: dict[str, Any] = {name: renamed(getattr(result, name), odd) for name in TABLES}
    hostile = replace(
        result,
        splits=(odd,),
        feedback=odd,
        fingerprint=odd,
        specs={odd if name == "svd" else name: {"model": odd} for name in result.specs},
        findings=(Finding("R001", "error", odd, odd),),
        about=dict(result.about)
        | {"notes": [odd], "made": odd, "commit": odd, "machine": {odd: odd}},
        **tables,
    )
    page = hostile.to_html()
    assert "<script" not in page
    assert "<img" not in page
    text = "".join(Balance(page).text)
    assert text.count(odd) > 30


def renamed(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The table with another name for a model and for some segments."""
    return table.replace(dict.fromkeys(["svd", "least rated tenth", "Comedy"], name))


def test_the_tables_hold_the_numbers_of_the_summary(file: Path, result: recsys.Evaluation) -> None:
    page = file.read_text()
    for row in result.summary.query("metric == 'ndcg@5'").itertuples():
        assert f"<b>{row.mean:.3f}</b>" in page
        assert f"{row.low:.3f} – {row.high:.3f}" in page
    tied = result.tied_with_best("ndcg@5")
    body = re.search(r"<tbody>(.*?)</tbody>", page, re.S)
    assert body
    for row, model in zip(body[1].split("</tr>"), result.order("ndcg@5"), strict=False):
        first = re.search(r"<td( class=\"best\")?>", row)
        assert first
        assert (first[1] is not None) == (model in tied)


def test_the_result_comes_first_and_says_how_it_was_made(file: Path, result: Evaluation) -> None:
    page = file.read_text()
    assert f'<h1 id="headline">{escape(result.headline)}</h1>' in page
    parts = [
        "on <b>sample/ratings.csv</b>", 'id="headline"', 'id="verdict"',
        'aria-label="Ranking accuracy"', COMMAND, "<b>R007 note</b>", "<table>", ">Checks</h2>",
    ]  # fmt: skip
    places = [page.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)
    assert page.count("<b>R007 note</b>") == 1
    assert page.count(COMMAND) == 2
    assert f"<dt>split</dt><dd>{result.splits[0]}; and 2 more like it</dd>" in page
    assert '<dt>command</dt><dd><code id="command">' not in result.to_html()


def test_models_have_one_order_in_all_legends_and_tables(file: Path, result: Evaluation) -> None:
    page = file.read_text()
    place = {str(escape(name)): i for i, name in enumerate(result.ranked)}
    legends = re.findall(r'<p class="legend">(.*?)</p>', page)
    lists = [re.findall(r"</svg>(.*?)</span>", legend) for legend in legends]
    lists = [[name.replace("&quot;", "&#34;") for name in names] for names in lists]
    for table in re.findall(r"<table>(.*?)</table>", page, re.S):
        head, _, body = table.partition("</thead>")
        lists.append([one for one in re.findall(r"<th[^>]*>(.*?)</th>", head) if one in place])
        lists.append([one for one in re.findall(r"<tr><th>(.*?)</th>", body) if one in place])
    lists = [names for names in lists if names]
    assert len(lists) > 10
    for names in lists:
        places = [place[name] for name in names]
        assert places == sorted(places)


def test_each_column_has_the_decimals_of_its_intervals(file: Path, result: Evaluation) -> None:
    table = re.search(r'aria-label="Accuracy"><table>(.*?)</table>', file.read_text(), re.S)
    assert table
    rows = [re.findall(r"<td.*?</td>", row, re.S) for row in table[1].split("<tr>")[2:]]
    for cells, metric in zip(zip(*rows, strict=True), ACCURACY, strict=True):
        found = re.findall(r"\d+\.(\d+)", " ".join(cells))
        assert {len(digits) for digits in found} == {result.decimals(metric)}
        rows_of = result.summary[result.summary["metric"] == metric]
        wide = float(((rows_of["high"] - rows_of["low"]) / 2).median())
        assert 3 < wide * 10 ** result.decimals(metric) < 36


def test_segments_that_nobody_serves_are_not_drawn(result: Evaluation) -> None:
    table = result.segments.copy()
    empty = table["segment"].isin(["tenth 9", "least rated tenth"])
    table.loc[empty, ["mean", "low", "high"]] = 0.0
    section = pictures.segments(replace(result, segments=table))
    assert section
    figure = next(one for one in section.figures if one.title == "Items by popularity")
    assert ">tenth 2<" in figure.picture
    assert ">tenth 9<" not in figure.picture
    assert "tenth 9 and least rated tenth" in figure.hint
    heights = {re.search(r'viewBox="0 0 380 (\d+)"', one.picture)[1] for one in section.figures}  # type: ignore[index]
    assert len(heights) == 1
    # Whatever the kinds of segments are called, groups of users share a picture.
    table["kind"] = table["kind"].replace({"newcomers": "known users", "genre": "studio"})
    section = pictures.segments(replace(result, segments=table))
    assert section
    titles = [one.title for one in section.figures]
    assert titles[0] == "Users by activity"
    assert any(title.startswith("Items by studio") for title in titles)
    table.loc[:, ["mean", "low", "high"]] = 0.0
    assert pictures.segments(replace(result, segments=table)) is None


def test_curves_of_heavy_counts_go_from_left_to_right(result: Evaluation) -> None:
    values = [10.0**i for i in (4, 0, 2, 1, 3)]  # as folds may give them
    table = pd.DataFrame(
        {"model": "biases", "rating": values, "n": 9, "mean_error": 1.0, "rmse": values}
    )
    section = pictures.rating_errors(replace(result, by_rating=table))
    assert section
    assert "ten bins" in section.explanation
    for figure in section.figures:
        assert "true rating (log scale)" in figure.picture
        path = re.search(r'class="line s1" d="M(.*?)"', figure.picture)
        assert path
        at = [float(point.split(",")[0]) for point in path[1].split("L")]
        steps = [after - before for before, after in itertools.pairwise(at)]
        assert min(steps) > 50
        assert max(steps) - min(steps) < 0.2
    linear = pictures.rating_errors(result)
    assert linear
    assert "log scale" not in "".join(figure.picture for figure in linear.figures)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_wide_tables_say_that_they_scroll(
    chromium: Browser, file: Path, scheme: Literal["light", "dark"]
) -> None:
    page = chromium.new_page(viewport={"width": 400, "height": 900}, color_scheme=scheme)
    page.goto(file.as_uri())
    table = page.locator(".scroll").first
    assert table.get_attribute("aria-label") == "Accuracy"

    def edge() -> float:
        # How much the empty gap between two rows differs, at the right, from the paper.
        image = Image.open(io.BytesIO(table.screenshot())).convert("L")
        paper = image.getpixel((image.width // 2, 2))
        return abs(float(image.getpixel((image.width - 2, 2))) - float(paper))  # type: ignore[arg-type]

    assert edge() > 20
    table.focus()
    assert page.evaluate("document.activeElement.className") == "scroll"
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('.scroll').scrollLeft > 0")
    table.evaluate("e => { e.scrollLeft = 10000; }")
    assert edge() < 5
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 400])
def test_cards_are_even_and_long_settings_wrap(chromium: Browser, file: Path, width: int) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 900})
    page.goto(file.as_uri())
    boxes = page.evaluate("""() => [...document.querySelectorAll('.charts')].map(c =>
        [...c.querySelectorAll('figure')].map(f => {
            const card = f.getBoundingClientRect(), chart = f.lastElementChild
                .getBoundingClientRect(), text = f.firstElementChild.getBoundingClientRect();
            return [card.height, card.bottom - chart.bottom, chart.top - text.bottom];
        }))""")
    assert len(boxes) >= 5
    for cards in boxes:
        for _, below, above in cards:
            assert below <= 8
            assert above <= 60  # the lines of the longest caption of the row
    segments = max(boxes, key=len)
    if width == 1280:
        assert max(card[0] for card in segments) - min(card[0] for card in segments) <= 45
    wider = page.evaluate("""[...document.querySelectorAll('pre, code, dd')]
        .filter(e => e.getBoundingClientRect().right > document.body.clientWidth
            || e.scrollWidth > e.clientWidth + 1 && e.clientWidth).length""")
    assert wider == 0
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser(
    chromium: Browser, file: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    assert not said
    assert asked == [file.as_uri()]  # nothing is loaded from elsewhere
    # Nothing makes the page itself scroll sideways; wide tables scroll within their frame.
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    broken = page.evaluate("""[...document.querySelectorAll('td b, th')]
        .filter(e => e.getClientRects().length > 1).length""")
    assert broken == 0  # no number and no name is broken into two lines
    assert page.evaluate(OVERLAPS) == 0
    assert page.evaluate(BROKEN_HEADS) == []
    smallest = page.evaluate("""() => Math.min(...[...document.querySelectorAll('svg.chart text')]
        .map(t => t.getBoundingClientRect().height).filter(h => h > 0))""")
    assert smallest >= 9  # pixels
    contrast = page.evaluate("""() => {
        const rgb = c => c.match(/[\\d.]+/g).slice(0, 3).map(Number);
        const light = c => rgb(c).map(v => v / 255).map(v => v <= .03928 ? v / 12.92
            : ((v + .055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [.2126, .7152, .0722][i], 0);
        const style = e => getComputedStyle(e);
        const back = light(style(document.body).backgroundColor);
        return ['#verdict', '.soft', 'td b'].map(q => light(style(document.querySelector(q)).color))
            .map(v => (Math.max(v, back) + .05) / (Math.min(v, back) + .05));
    }""")
    assert min(contrast) > 4.5  # WCAG AA
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")
    page.close()


@pytest.mark.browser
def test_printed(chromium: Browser, file: Path, tmp_path: Path) -> None:
    page = chromium.new_page()
    page.goto(file.as_uri())
    raw = page.pdf(path=tmp_path / "report.pdf", format="A4", prefer_css_page_size=True)
    assert raw.startswith(b"%PDF")
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", raw)) <= 12
    page.close()
