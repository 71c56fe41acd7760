import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import recsys
from recsys.evaluation.report import charts
from recsys.evaluation.report.charts import Axis, Series
from recsys.ratings import splits

ODD = '<b>"als" & co</b>'


@pytest.fixture(scope="module")
def result(sample):
    models = {
        ODD: recsys.ImplicitALS(8, regularization=0.1),
        "explicit-als": recsys.ExplicitALS(4),
        "svd": recsys.PureSVD(4),
        "ease": recsys.EASE(100.0),
        "bad": recsys.PureSVD(4000),
    }
    return recsys.evaluate(models, splits.kfold(sample, 3, seed=0), k=5)


@pytest.fixture(scope="module")
def file(result, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    result.to_html(path)
    return path


class Balance(HTMLParser):
    """Every tag that opens closes, in order."""

    def __init__(self, page):
        super().__init__()
        self.open, self.text, self.addresses = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "br"):
            self.open.append(tag)
        self.addresses += [v for k, v in attributes if k in ("src", "href")]

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_is_whole_and_needs_nothing_else(file):
    page = file.read_text()
    parsed = Balance(page)
    assert not parsed.open
    assert not parsed.addresses
    assert not re.search(r"https?://|@import|url\(", page)
    assert file.stat().st_size < 3_000_000
    assert not list(file.parent.glob(".*"))  # nothing half-written


def test_the_page_says_everything_that_was_asked_for(file, result):
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


def test_names_are_escaped(file):
    page = file.read_text()
    assert ODD not in page
    assert "&lt;b&gt;&quot;als&quot; &amp; co&lt;/b&gt;" in page


def test_the_tables_hold_the_numbers_of_the_summary(file, result):
    page = file.read_text()
    for row in result.summary.query("metric == 'ndcg@5'").itertuples():
        assert f"<b>{row.mean:.4f}</b>" in page
        assert f"{row.low:.4f} – {row.high:.4f}" in page
    tied = result.tied_with_best("ndcg@5")
    shaded = re.search(r"<tbody>(.*?)</tbody>", page, re.S)[1].split("</tr>")
    for row, model in zip(shaded, result.order("ndcg@5"), strict=False):
        first = re.search(r"<td( class=\"best\")?>", row)
        assert (first[1] is not None) == (model in tied)


def test_json_has_what_compare_and_a_reader_need(result):
    found = json.loads(result.to_json())
    assert found["verdict"] == result.verdict
    assert len(found["users"]) == len(found["per_user"]["ndcg@5"]["svd"])
    one = next(m for m in result.user_means if m.metric == "rmse")
    values = np.array(found["per_user"]["rmse"]["explicit-als"], float)
    weights = np.array(found["test_ratings_per_user"])
    pooled = np.sqrt((values**2 * weights).sum() / weights.sum())
    assert pooled == pytest.approx(result.of("explicit-als", "rmse")["mean"], rel=1e-4)
    assert values == pytest.approx(one.values[:, one.models.index("explicit-als")], abs=1e-5)
    assert {f["code"] for f in found["findings"]} >= {"R012"}
    assert found["about"]["versions"]["numpy"] == np.__version__


def test_no_two_labels_of_a_scatter_overlap():
    rng = np.random.default_rng(0)
    series = [
        Series(f"model number {i}", i, [float(rng.random())], [float(rng.random())], [0.1], [0.2])
        for i in range(12)
    ]
    picture = charts.scatter(series, Axis("x", 0, 1), Axis("y", 0, 1), "t")
    labels = re.findall(r'<text x="([\d.]+)" y="([\d.]+)">(model number \d+)', picture)
    assert len(labels) > 4
    boxes = [(float(x), float(y) - 10, float(x) + 6 * len(t), float(y) + 3) for x, y, t in labels]
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 1.0], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        ([1.0, 1.0], [0.9, 0.95, 1.0, 1.05, 1.1]),
        ([0.001, 0.0042], [0.001, 0.002, 0.003, 0.004]),
        ([-2.0, 300.0], [0.0, 100.0, 200.0, 300.0]),
        ([np.nan], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
    ],
)
def test_ticks_are_round_and_within(values, expected):
    axis = Axis.over("", values)
    assert axis.ticks() == pytest.approx(expected)
    assert all(axis.low <= t <= axis.high for t in axis.ticks())


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser(chromium, file, width, scheme):
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    said, asked = [], []
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
def test_printed(chromium, file, tmp_path):
    page = chromium.new_page()
    page.goto(file.as_uri())
    raw = page.pdf(path=tmp_path / "report.pdf", format="A4", prefer_css_page_size=True)
    assert raw.startswith(b"%PDF")
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", raw)) <= 12
    page.close()
