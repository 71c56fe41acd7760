"""Figures and tables of likeness; what is on them, as far as one can ask."""

import numpy as np
import pandas as pd
import pytest
from scipy.cluster.hierarchy import fcluster, linkage

import recsys
from recsys.errors import ModelError, UnknownIdError
from recsys.maps import compare_items, health, nearest, project
from recsys.maps.plots import plot_projection, pyplot, save_figure


@pytest.fixture(scope="module")
def model(sample):
    return recsys.train(recsys.ImplicitALS(8, regularization=0.02), sample)


@pytest.fixture(autouse=True)
def close():
    yield
    pyplot().close("all")


ITEMS = [3, 9, 14, 27, 31, 60, 77]


def test_a_matrix_of_likeness(model):
    found = compare_items(model, ITEMS)
    frame = found.frame()
    assert frame.shape == (7, 7)
    assert np.diag(frame) == pytest.approx(1, abs=1e-6)
    table = model.similar_items(9, 199).set_index("item")["score"]
    assert frame.iloc[1, 4] == pytest.approx(table[31], abs=1e-5)
    titles = model.item_table["title"].iloc[[2, 8]].tolist()
    assert list(frame.index[:2]) == titles
    figure = found.plot()
    shown = {text.get_text() for text in figure.axes[0].get_yticklabels()}
    assert shown == set(found.names)


def test_clusters_are_scipys_average_linkage(model):
    found = compare_items(model, ITEMS)
    distances = (1 - found.matrix)[np.triu_indices(7, 1)]
    expected = fcluster(linkage(distances, "average"), 3, "maxclust")
    table = found.clusters(3)
    groups = {tuple(sorted(g["item"])) for _, g in table.groupby("cluster")}
    theirs = {tuple(sorted(np.array(ITEMS)[expected == c])) for c in np.unique(expected)}
    assert groups == theirs
    sizes = table["cluster"].value_counts()
    assert sizes.loc[1] == sizes.max()
    assert len(compare_items(model, [3]).clusters(1)) == 1
    with pytest.raises(ValueError, match="n must be between 1 and 7"):
        found.clusters(8)


def test_a_dendrogram_names_every_item(model):
    figure = compare_items(model, ITEMS, "euclidean").dendrogram()
    labels = {text.get_text() for text in figure.axes[0].get_yticklabels()}
    assert labels == set(compare_items(model, ITEMS).names)
    with pytest.raises(ModelError, match="at least two"):
        compare_items(model, [3]).dendrogram()


def test_neighbours_as_table_and_bars(model):
    found = nearest(model, 9, 5, "damped", 0.2)
    pd.testing.assert_frame_equal(
        found.frame(), model.similar_items(9, 5, metric="damped", alpha=0.2)
    )
    bars = found.plot().axes[0].patches
    assert [bar.get_width() for bar in bars] == pytest.approx(found.table["score"].tolist())


def test_bad_lists_are_named(model, sample):
    with pytest.raises(ValueError, match="at least one"):
        compare_items(model, [])
    with pytest.raises(ValueError, match="not name one twice"):
        compare_items(model, [3, 3])
    with pytest.raises(UnknownIdError):
        compare_items(model, [3, 99_999])
    with pytest.raises(ModelError, match="no factors"):
        compare_items(recsys.train(recsys.Biases(), sample), [3, 4])


def boxes(figure):
    axes = figure.axes[0]
    renderer = figure.canvas.get_renderer()
    return [note.get_window_extent(renderer) for note in axes.texts]


def test_labels_of_the_figure_do_not_overlap(model, sample):
    counts = np.bincount(sample.matrix.indices, minlength=200)
    figure = project(model).plot(counts, components=(1, 3), users=[7])
    figure.canvas.draw()
    found = boxes(figure)
    assert len(found) > 5
    for i, a in enumerate(found):
        assert not any(a.overlaps(b) for b in found[:i])
    texts = [note.get_text() for note in figure.axes[0].texts]
    assert texts[0] == "user 7"
    assert "component 3" in figure.axes[0].get_ylabel()
    genres = {text.get_text() for text in figure.axes[0].get_legend().get_texts()}
    assert "other" in genres
    assert len(genres) > 4


@pytest.mark.parametrize(
    ("ending", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_figures_for_a_paper(model, tmp_path, ending, begins):
    file = save_figure(plot_projection(project(model)), tmp_path / f"map.{ending}")
    assert file.read_bytes().startswith(begins)
    assert not pyplot().get_fignums()


def test_health_in_one_figure(model):
    found = health(model)
    titles = [axes.get_title() for axes in found.plot().axes]
    assert titles[:3] == ["Singular values", "Condition of the normal matrices", "Loss by epoch"]
    assert len(titles) == 6
    assert f"{found.norm_correlation:.2f}" in found.plot_norms().axes[0].get_title()
    assert list(found.frame().columns) == ["code", "text", "remedy"]


def test_without_matplotlib_it_says_what_to_install(model, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ModelError, match=r"install it with pip install 'recsys-mf\[maps\]'"):
        project(model).plot()


def test_components_that_are_none(model):
    with pytest.raises(ValueError, match="components must be between 1 and 8, not 9"):
        project(model).plot(components=(1, 9))
