"""Tables and figures of similar items."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from scipy.cluster.hierarchy import fcluster, linkage

import recsys
from recsys import Ratings
from recsys.errors import ModelError, UnknownIdError
from recsys.maps import compare_items, nearest
from recsys.maps.plots import pyplot
from recsys.recommend.recommender import Recommender

ITEMS = [3, 9, 14, 27, 31, 60, 77]


@pytest.fixture(scope="module")
def model(sample: Ratings) -> Recommender:
    return recsys.train(recsys.ImplicitALS(8, regularization=0.02), sample)


@pytest.fixture(autouse=True)
def close() -> Iterator[None]:
    yield
    pyplot().close("all")


def test_a_matrix_of_likeness(model: Recommender) -> None:
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


def test_clusters_are_scipys_average_linkage(model: Recommender) -> None:
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


def test_a_dendrogram_names_every_item(model: Recommender) -> None:
    figure = compare_items(model, ITEMS, "euclidean").dendrogram()
    labels = {text.get_text() for text in figure.axes[0].get_yticklabels()}
    assert labels == set(compare_items(model, ITEMS).names)
    with pytest.raises(ModelError, match="at least two"):
        compare_items(model, [3]).dendrogram()


def test_neighbours_as_table_and_bars(model: Recommender) -> None:
    found = nearest(model, 9, 5, "damped", 0.2)
    pd.testing.assert_frame_equal(
        found.frame(), model.similar_items(9, 5, metric="damped", alpha=0.2)
    )
    bars = found.plot().axes[0].patches
    assert [bar.get_width() for bar in bars] == pytest.approx(found.table["score"].tolist())


def test_bad_lists_are_named(model: Recommender, sample: Ratings) -> None:
    with pytest.raises(ValueError, match="at least one item"):
        compare_items(model, [])
    with pytest.raises(ValueError, match="not name an item twice"):
        compare_items(model, [3, 3])
    with pytest.raises(UnknownIdError):
        compare_items(model, [3, 99_999])
    with pytest.raises(ModelError, match="no factors"):
        compare_items(recsys.train(recsys.Biases(), sample), [3, 4])
