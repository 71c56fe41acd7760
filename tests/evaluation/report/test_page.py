import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pytest
from playwright.sync_api import Browser

import recsys
from recsys.evaluation.evaluation import Evaluation
from recsys.findings import Finding
from recsys.ratings import splits

TABLES = ("summary", "comparisons", "runs", "curves", "segments", "by_rating", "training")
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


@pytest.fixture(scope="module")
def file(result: recsys.Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    result.to_html(path)
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
    assert result.verdict in text.replace("\xa0", " ")
    for title in (
        "Accuracy", "Predicted ratings", "Beyond accuracy", "Who ranks best", "by length of the",
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
    overlaps = page.evaluate("""() => {
        let n = 0;
        for (const chart of document.querySelectorAll('svg.chart')) {
            const boxes = [...chart.querySelectorAll('text')].map(t => t.getBoundingClientRect());
            const frame = chart.getBoundingClientRect();
            boxes.forEach((a, i) => {
                if (a.left < frame.left - 1 || a.right > frame.right + 1) n++;
                boxes.slice(0, i).forEach(b => {
                    if (a.left < b.right - 1 && b.left < a.right - 1 &&
                        a.top < b.bottom - 2 && b.top < a.bottom - 2) n++;
                });
            });
        }
        return n;
    }""")
    assert overlaps == 0
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
