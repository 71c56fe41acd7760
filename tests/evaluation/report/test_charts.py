import re
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import OVERLAPS
from playwright.sync_api import Browser

from recsys.evaluation.report import charts
from recsys.evaluation.report.charts import Axis, Series


def test_no_two_labels_of_a_scatter_overlap() -> None:
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
def test_ticks_are_round_and_within(values: list[float], expected: list[float]) -> None:
    axis = Axis.over("", values)
    assert axis.ticks() == pytest.approx(expected)
    assert all(axis.low <= t <= axis.high for t in axis.ticks())


def test_every_text_of_a_chart_is_escaped() -> None:
    odd = "<script>alert('x')</script> & \""
    series = [Series(odd, 0, [1.0], [1.0], [0.5], [1.5])]
    axis = Axis(odd, 0.0, 2.0)
    made = [
        charts.lines(series, axis, axis, odd),
        charts.scatter(series, axis, axis, odd),
        charts.intervals(series, axis, odd),
        charts.bars([(odd, odd)], series, axis, odd, 100),
        charts.legend([(odd, 0)]),
    ]
    for picture in made:
        assert "<script" not in picture
        assert "&lt;script&gt;" in picture
        assert odd not in picture


@given(st.floats(-1e13, 1e13))
@settings(max_examples=200, deadline=None)
def test_large_ticks_do_not_reach_the_title_of_the_axis(value: float) -> None:
    text = charts._tick(float(f"{value:.2g}"))
    assert abs(value) < 1e3 or len(text) <= 6


def test_ticks_are_read_as_numbers() -> None:
    found = [charts._tick(v) for v in (0, 2.5, 9000, 12_500, -150_000, 2e6, 3e9)]
    assert found == ["0", "2.5", "9000", "12.5k", "-150k", "2M", "3G"]


def test_a_log_axis_has_its_powers_and_scales_by_ratio() -> None:
    axis = Axis.over("hours", [0.1, 11_754.0], log=True)
    assert axis.label == "hours (log scale)"
    assert axis.ticks() == [0.1, 1.0, 10.0, 100.0, 1000.0, 10_000.0]
    assert Axis("", 3.0, 400.0, log=True).ticks(6) == [5.0, 10.0, 20.0, 50.0, 100.0, 200.0]
    assert Axis("", 3.0, 400.0, log=True).ticks(5) == [3.0, 10.0, 30.0, 100.0, 300.0]
    assert len(Axis("", 1.0, 1e12, log=True).ticks(6)) <= 6
    at = axis.scale(0, 100)
    assert at(axis.low) == pytest.approx(0)
    assert at(axis.high) == pytest.approx(100)
    assert at(10) - at(1) == pytest.approx(at(1000) - at(100))


@given(st.floats(1e-6, 1e6), st.floats(2, 1e9))
@settings(max_examples=200, deadline=None)
def test_ticks_of_a_log_axis_are_within_and_few(low: float, ratio: float) -> None:
    axis = Axis("", low, low * ratio, log=True)
    ticks = axis.ticks()
    assert len(ticks) <= 6
    assert ticks == sorted(ticks)
    assert all(axis.low <= tick <= axis.high for tick in ticks)
    assert ticks or ratio < 10


def test_bars_fill_the_height_whatever_the_number_of_rows() -> None:
    series = [Series("als", 2, [0.2, 0.4], [], [0.1, 0.3], [0.3, 0.5])]
    axis = Axis("Recall@10", 0, 1)
    for height in (charts.bars_height(2, 1), 400.0):
        picture = charts.bars([("Drama", "n = 7"), ("War", "")], series, axis, "t", height)
        assert f'viewBox="0 0 380 {height:.0f}"' in picture
        tops = [float(y) for y in re.findall(r'<rect[^>]* y="([\d.]+)"', picture)]
        assert tops[1] - tops[0] == pytest.approx((height - 48) / 2, abs=0.2)


LONG = {
    "small steps": [0.99994, 0.99995, 0.99996],
    "large": [-1e7, 1e7],
    "below zero": [-0.000012, 0.0],
}


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 400])
def test_no_text_of_a_chart_overlaps_or_is_cut(chromium: Browser, width: int) -> None:
    name = "a model with a rather long name"
    title = "Recall@10, of all relevant held-out pairs in the segment"
    made = []
    for label, values in LONG.items():
        series = [Series(name, 2, values, values, values, values)]
        axis = Axis.over("loss / loss after epoch 1", values)
        made += [
            charts.lines(series, Axis.over(title, values), axis, label),
            charts.scatter(series, Axis.over(title, values), axis, label),
            charts.intervals(series, Axis.over(title, values), label),
        ]
    counts = Axis.over("true hours", [0.1, 11_754], log=True)
    made.append(
        charts.lines([Series(name, 2, [0.1, 11_754], [0.1, 11_754])], counts, counts, "log")
    )
    rows = [("at most 10 ratings", "n = 1,234,567"), ("千と千尋の神隠しの長い長い題名", "n = 1")]
    bars = [Series(name, 2, [0.2, 0.4], [], [0.1, 0.3], [0.3, 0.5])] * 3
    height = charts.bars_height(2, 3)
    made.append(charts.bars(rows, bars, Axis.over(title, [0.0, 0.5]), "bars", height))
    css = resources.files("recsys.evaluation.report").joinpath("templates/report.css").read_text()
    figures = "".join(f"<figure>{picture}</figure>" for picture in made)
    page = chromium.new_page(viewport={"width": width, "height": 900})
    page.set_content(f"<style>{css}</style><main><div class=charts>{figures}</div></main>")
    assert page.evaluate(OVERLAPS) == 0
    page.close()
