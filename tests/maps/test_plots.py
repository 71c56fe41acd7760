"""Figures: the text and marks on them."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.legend import Legend

import recsys
from recsys import Ratings
from recsys.errors import ModelError
from recsys.maps import health, project
from recsys.maps.plots import plot_health, plot_norms, pyplot, save_figure
from recsys.recommend.recommender import Recommender


@pytest.fixture(scope="module")
def model(sample: Ratings) -> Recommender:
    return recsys.train(recsys.ImplicitALS(8, regularization=0.02), sample)


@pytest.fixture(autouse=True)
def close() -> Iterator[None]:
    yield
    pyplot().close("all")


def boxes(figure: Any) -> list[Any]:
    axes = figure.axes[0]
    renderer = figure.canvas.get_renderer()
    return [note.get_window_extent(renderer) for note in axes.texts]


def legend_texts(figure: Any) -> set[str]:
    """All texts of all legends, which are within the figure."""
    renderer = figure.canvas.get_renderer()
    legends = figure.axes[0].findobj(Legend)
    for one in legends:
        box = one.get_window_extent(renderer)
        assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert 0 <= box.y0 < box.y1 <= figure.bbox.y1
    return {text.get_text() for one in legends for text in one.get_texts()}


def test_labels_have_halos(model: Recommender) -> None:
    figure = project(model).plot(users=[7])
    for note in figure.axes[0].texts:
        strokes = [effect._gc for effect in note.get_path_effects()]
        assert [stroke["foreground"] for stroke in strokes] == ["white"]
        assert strokes[0]["linewidth"] > 1


def test_a_user_apart_from_all_items_has_a_name_and_the_legend_says_what_is_what(
    model: Recommender,
) -> None:
    plane = project(model)
    plane.users[0] = 3 * np.abs(plane.items).max()
    bare = replace(plane, item_table=plane.item_table.drop(columns="genres"))
    figure = bare.plot(users=[bare.user_ids.ids[0]])
    assert figure.axes[0].texts[0].get_text() == f"user {bare.user_ids.ids[0]}"
    assert legend_texts(figure) == {"item", "user"}
    assert legend_texts(bare.plot()) == set()


def test_labels_of_the_figure_do_not_overlap(model: Recommender, sample: Ratings) -> None:
    counts = np.bincount(sample.matrix.indices, minlength=200)
    figure = project(model).plot(counts, components=(1, 3), users=[7])
    figure.canvas.draw()
    found = boxes(figure)
    assert len(found) > 5
    for i, a in enumerate(found):
        assert not any(a.overlaps(b) for b in found[:i])
    texts = [note.get_text() for note in figure.axes[0].texts]
    assert texts[0] == "user 7"
    star = figure.axes[0].transData.transform(figure.axes[0].collections[-1].get_offsets())[0]
    assert not any(box.contains(*star) for box in found)
    assert "component 3" in figure.axes[0].get_ylabel()
    genres = {text.get_text() for text in figure.axes[0].get_legend().get_texts()}
    assert "other" in genres
    assert len(genres) > 4
    assert legend_texts(figure) == {*genres, "user"}
    dots, star = figure.axes[0].collections[0], figure.axes[0].collections[-1]
    assert len(np.unique(dots.get_facecolors(), axis=0)) > 4
    plane = project(model)
    at = plane.users[sample.users.row(7), [0, 2]] * plane.user_scale
    assert np.asarray(star.get_offsets())[0] == pytest.approx(at)


@pytest.mark.parametrize(
    ("ending", "begins"),
    [("png", b"\x89PNG"), ("PNG", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")],
)
def test_figures_for_a_paper(
    model: Recommender, tmp_path: Path, ending: str, begins: bytes
) -> None:
    file = save_figure(project(model).plot(), tmp_path / f"map.{ending}")
    assert file.read_bytes().startswith(begins)
    assert not pyplot().get_fignums()


def test_a_figure_that_fails_leaves_the_old_file(
    model: Recommender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "map.png"
    file.write_bytes(b"old")
    figure = project(model).plot()

    def fails(stream: Any, **settings: Any) -> None:
        stream.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(figure, "savefig", fails)
    with pytest.raises(OSError, match="no space left"):
        save_figure(figure, file)
    assert file.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["map.png"]


def test_the_health_of_a_model_without_history_has_the_same_panels(model: Recommender) -> None:
    whole, bare = health(model), health(replace(model, history=None))
    titles = [[axes.get_title() for axes in plot_health(h).axes] for h in (whole, bare)]
    assert titles[0] == titles[1]


def test_the_title_of_the_norms_claims_only_what_they_show(model: Recommender) -> None:
    norms = health(model).norms
    assert plot_norms(norms, 0.6).axes[0].get_title().startswith("More popular items have longer")
    for correlation in (0.4, float("nan")):
        title = plot_norms(norms, correlation).axes[0].get_title()
        assert title == f"Rank correlation {correlation:.2f}"


def test_without_matplotlib_the_error_says_what_to_install(
    model: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ModelError, match=r"install it with pip install 'recsys-mf\[maps\]'"):
        project(model).plot()
