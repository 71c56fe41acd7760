"""The neighbourhood view: what it keeps of the likeness, measured a second way."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors

import recsys
from recsys import Ratings
from recsys.maps.neighbourhoods import neighbourhoods, neighbours, share_kept
from recsys.maps.projection import project
from recsys.recommend.recommender import Recommender
from recsys.recommend.similarity import normalized


@pytest.fixture(scope="module")
def model(sample: Ratings) -> Recommender:
    return recsys.train(recsys.ImplicitALS(8, regularization=0.02), sample)


def test_neighbours_are_the_most_similar_items(model: Recommender) -> None:
    items, scores = neighbours(model, 5)
    for row in (0, 3, 150):
        expected = model.similar_items(int(model.factors.items.ids[row]), 5)
        assert model.factors.items.ids[items[row]].tolist() == expected["item"].tolist()
        assert scores[row] == pytest.approx(expected["score"].to_numpy(), abs=1e-5)


def without_factors(model: Recommender, rows: list[int]) -> Recommender:
    table = model.factors.item_factors.copy()
    table[rows] = 0
    return replace(model, factors=replace(model.factors, item_factors=table))


def test_an_item_without_factors_has_no_neighbours_and_is_none(model: Recommender) -> None:
    items, scores = neighbours(without_factors(model, [5]), 199)
    assert (items[5] == -1).all()
    assert np.isnan(scores[5]).all()
    assert 5 not in items
    others = np.delete(items, 5, axis=0)
    assert (others[:, :198] >= 0).all()
    assert (others[:, 198] == -1).all()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.floats(0.1, 10))
def test_neighbours_are_all_others_symmetric_and_blind_to_length(
    model: Recommender, seed: int, width: int, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    factors = model.factors
    n = len(factors.items)
    table = rng.normal(size=(n, width)).astype(np.float32)
    users = np.zeros((len(factors.users), width), np.float32)

    def of(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        changed = replace(factors, user_factors=users, item_factors=table)
        return neighbours(replace(model, factors=changed), n - 1)

    items, scores = of(table)
    cosines = np.full((n, n), np.nan)
    np.put_along_axis(cosines, items.astype(np.int64), scores, axis=1)
    assert np.isnan(np.diag(cosines)).all()
    assert np.isnan(cosines).sum() == n  # every other item, once
    assert np.allclose(cosines, cosines.T, atol=1e-5, equal_nan=True)
    assert (np.diff(scores, axis=1) <= 0).all()
    lengths = rng.uniform(0.5, 2, (n, 1)) * scale
    longer = of((table * lengths).astype(np.float32))[1]
    assert longer == pytest.approx(scores, abs=1e-5)


def test_the_share_kept_is_that_of_a_plain_search(model: Recommender) -> None:
    near, _ = neighbours(model)
    plane = project(model, 2, "cosine").items
    found = NearestNeighbors(n_neighbors=10).fit(plane).kneighbors(return_distance=False)
    hits = [len(set(a) & set(b)) for a, b in zip(near.tolist(), found.tolist(), strict=True)]
    assert share_kept(near, plane) == pytest.approx(np.mean(hits) / 10)
    assert share_kept(found.astype(np.int32), plane) == 1
    assert np.isnan(share_kept(np.full_like(near, -1), plane))


def test_the_view_is_the_same_every_time_and_says_what_it_keeps(model: Recommender) -> None:
    projection = project(model, None, "cosine")
    first, second = (neighbourhoods(model, projection) for _ in range(2))
    assert first.items.tobytes() == second.items.tobytes()
    assert first.regions == second.regions
    assert first.kept == share_kept(first.near, first.items)
    assert f"{first.kept:.0%}" in first.describe()
    assert f"{first.kept_by_components:.0%}" in first.describe()


def test_items_of_which_nothing_is_known_lie_apart(model: Recommender) -> None:
    blank = without_factors(model, [5, 8, 9])
    items = neighbourhoods(blank, project(blank, None, "cosine")).items
    known = np.delete(items, [5, 8, 9], axis=0)
    assert (items[[5, 8, 9], 1] < known[:, 1].min()).all()
    assert len(np.unique(items[[5, 8, 9]], axis=0)) == 3


def test_one_factor_and_very_few_items(sample: Ratings) -> None:
    four = Ratings.from_frame(sample.to_frame().head(4), user="user", item="item")
    for model in (
        recsys.train(recsys.PureSVD(1), sample),
        recsys.train(recsys.ImplicitALS(2), four),
    ):
        view = neighbourhoods(model, project(model))
        assert np.isfinite(view.items).all()
        assert view.items.shape == (len(model.factors.items), 2)


@pytest.mark.data
def test_on_movielens_it_keeps_half_of_the_neighbours_where_components_keep_a_tenth(
    ml_100k: Path,
) -> None:
    """Measured: 0.50 against 0.09; trustworthiness 0.96 against 0.73."""
    model = recsys.train(recsys.ImplicitALS(64), recsys.read_ratings(ml_100k))
    projection = project(model, None, "cosine")
    view = neighbourhoods(model, projection)
    assert view.kept > 0.45
    assert view.kept > 4 * view.kept_by_components
    table = normalized(model.factors.item_factors)
    trust, plain = (
        trustworthiness(table, plane, n_neighbors=10, metric="cosine")
        for plane in (view.items, projection.items[:, :2])
    )
    assert trust > 0.94 > 0.85 > plain
    names = [region.name for region in view.regions]
    assert any("Horror" in name for name in names)
    assert any("Children's" in name for name in names)
