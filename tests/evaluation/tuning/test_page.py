"""The report of a search: it shows the trials that there were, and fits the screen."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import BROKEN_HEADS, OVERLAPS
from playwright.sync_api import Browser

import recsys
from recsys.errors import ArgumentError
from recsys.evaluation.tuning.family import COMPLETE, FAILED, PRUNED, Trial


def trial(number: int, model: str, value: float, state: str = COMPLETE, **params: Any) -> Trial:
    spec = recsys.models.registry.make_spec(
        model, {name: one for name, one in params.items() if name != "feedback"}
    )
    entering = str(params.get("feedback", "ones"))
    return Trial(number, model, params, spec.to_dict(), entering, state, value, 0.5, "no reason")


@pytest.fixture
def found() -> recsys.Tuning:
    """A search of two models, one of them with a choice."""
    rng = np.random.default_rng(0)
    trials = []
    for i in range(60):
        if i % 3:
            weight = float(10 ** rng.uniform(1.7, 3.7))
            value = 0.3 - 0.05 * (math.log10(weight) - 2.5) ** 2
            state = PRUNED if i % 11 == 0 else FAILED if i == 7 else COMPLETE
            trials.append(
                trial(
                    i,
                    "ease",
                    math.nan if state == FAILED else value,
                    state,
                    regularization=weight,
                    feedback=["ones", "at-least=4"][i % 2],
                )
            )
        else:
            trials.append(trial(i, "item-knn", 0.01 if i == 3 else 0.25, n_neighbours=20 + i,
                                shrinkage=float(i)))  # fmt: skip
    best = max((t for t in trials if t.state == COMPLETE), key=lambda t: t.value)
    settings = recsys.Tuner(("ease", "item-knn"), trials=60, budget="10m").to_dict()
    return recsys.Tuning(
        "ndcg@10", True, best, tuple(trials), ("popularity", 0.2),
        {"ease": {"regularization": 0.9, "feedback": 0.1}}, 943, 4, settings,
        frozenset({("ease", "regularization")}),
    )  # fmt: skip


def test_the_page_says_what_was_found(found: recsys.Tuning, tmp_path: Path) -> None:
    text = found.to_html(tmp_path / "report.html").read_text()
    assert f"ease is best: NDCG@10 {found.score:.4f}" in text
    assert "The best of 60 trials of 2 models in 30 s; popularity has 0.2000." in text
    assert "--model ease" in text
    assert "4 validation parts of the ratings, 943 users in all" in text
    assert "60 trials, 10m at most" in text
    assert "1 trial failed, the last one with: no reason" in text
    for name in ("regularization", "feedback", "n_neighbours", "shrinkage"):
        assert f"<figcaption>{name}" in text
    assert text.count("regularization (log scale)") == 1
    assert text.count('<svg class="chart"') == 1 + 1 + 4  # history, importance, slices
    complete = sum(one.state == COMPLETE for one in found.trials)
    history = text.split("</svg>")[0]
    assert history.count("<title>") == complete + 1  # and the title of the page
    assert "http" not in text.replace("http://www.w3.org", "")
    with pytest.raises(ArgumentError, match="path must end in .html"):
        found.to_html(tmp_path / "report.txt")


def test_the_history_has_low_trials_in_their_place_and_slices_say_what_is_beyond(
    found: recsys.Tuning, tmp_path: Path
) -> None:
    text = found.to_html(tmp_path / "report.html").read_text()
    figures = text.split("<figure>")[1:]
    history, slices = figures[0], [one for one in figures if "item-knn: n_neighbours" in one]
    assert "beyond the axis" not in history
    assert "rotate(90)" not in history
    low, other = re.findall(
        r"<path[^>]* d=\"M[\d.]+,([\d.]+)[^>]*><title>item-knn: 0\.(?:01|25)", history
    )[1:3]
    assert float(low) > float(other) + 100  # of 250 pixels, for 0.01 and 0.25
    assert "arrows: 1 trial beyond the axis" in slices[0]
    assert slices[0].count("rotate(90)") == 1


def test_an_error_without_end_is_an_arrow_in_the_history(
    found: recsys.Tuning, tmp_path: Path
) -> None:
    trials = tuple(
        replace(one, value=1e6 if one.value == 0.01 else 1 - one.value) for one in found.trials
    )
    best = min((t for t in trials if t.state == COMPLETE), key=lambda t: t.value)
    other = replace(found, metric="rmse", higher_is_better=False, best=best, trials=trials)
    history = other.to_html(tmp_path / "report.html").read_text().split("<figure>")[1]
    assert "arrows: 1 trial beyond the axis" in history
    assert history.count('rotate(-90)"><title>item-knn: 1000000 at 4<') == 1


def test_for_an_error_lower_is_better(found: recsys.Tuning, tmp_path: Path) -> None:
    worst = min((t for t in found.trials if t.state == COMPLETE), key=lambda t: t.value)
    other = replace(found, metric="rmse", higher_is_better=False, best=worst)
    assert other.ranked[0].value == worst.value
    assert list(other.best_of_models) == [worst.model, "ease"]
    text = other.to_html(tmp_path / "report.html").read_text()
    assert "RMSE, lower is better" in text


def test_names_are_escaped(found: recsys.Tuning, tmp_path: Path) -> None:
    settings = dict(found.settings) | {"models": ["<script>alert(1)</script>"]}
    text = replace(found, settings=settings).to_html(tmp_path / "r.html").read_text()
    assert "<script>" not in text


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_label_meets_another_no_head_is_broken_and_the_page_is_as_wide_as_the_screen(
    width: int, scheme: Any, found: recsys.Tuning, tmp_path: Path, chromium: Browser
) -> None:
    file = found.to_html(tmp_path / "report.html")
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    try:
        page.goto(file.as_uri())
        page.evaluate("document.querySelector('details').open = true")
        assert page.evaluate(OVERLAPS) == 0
        assert page.evaluate(BROKEN_HEADS) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    finally:
        page.close()
