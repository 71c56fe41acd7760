import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
