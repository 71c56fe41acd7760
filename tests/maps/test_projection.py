import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score
from sklearn.neighbors import NearestNeighbors

import recsys
from recsys import Ratings
from recsys.errors import ModelError
from recsys.maps.projection import VARIANTS, Variant, embed, project
from recsys.ratings.item_tables import genre_flags
from recsys.recommend.recommender import Recommender


@pytest.fixture(scope="module")
def model(sample: Ratings) -> Recommender:
    return recsys.train(recsys.ImplicitALS(8, regularization=0.02), sample)


def centred_scores(model: Recommender) -> np.ndarray:
    factors = model.factors
    y = factors.item_factors.astype(float)
    scores: np.ndarray = factors.user_factors.astype(float) @ (y - y.mean(axis=0)).T
    return scores


def test_is_scikit_learns_pca(model: Recommender) -> None:
    found = project(model)
    pca = PCA(svd_solver="full").fit(model.factors.item_factors.astype(float))
    theirs = pca.transform(model.factors.item_factors.astype(float))
    assert found.items == pytest.approx(theirs, abs=1e-6)
    assert found.components == pytest.approx(pca.components_, abs=1e-6)
    assert found.explained == pytest.approx(pca.explained_variance_ratio_, abs=1e-6)
    white = PCA(svd_solver="full", whiten=True).fit_transform(
        model.factors.item_factors.astype(float)
    )
    assert project(model, variant="whitened").items == pytest.approx(white, abs=1e-6)


def test_dot_products_of_users_and_items_are_the_centred_scores(model: Recommender) -> None:
    for variant in ("pca", "predictions"):
        found = project(model, variant=variant)
        assert found.users @ found.items.T == pytest.approx(centred_scores(model), abs=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_share_of_the_predictions_is_that_of_the_scores(
    model: Recommender, variant: Variant
) -> None:
    """The part of the squared norm of all scores that the first components keep."""
    found = project(model, variant=variant)
    scores = centred_scores(model)
    y = model.factors.item_factors.astype(float)
    x = model.factors.user_factors.astype(float)
    for k in (1, 2, 5):
        if variant == "predictions":
            kept = found.users[:, :k] @ found.items[:, :k].T
        else:
            v = found.components[:k]
            kept = (x @ v.T) @ ((y - y.mean(axis=0)) @ v.T).T
        share = (kept**2).sum() / (scores**2).sum()
        assert found.predictions[:k].sum() == pytest.approx(share, rel=1e-6)
    assert found.predictions.sum() == pytest.approx(1)


def test_no_plane_keeps_more_of_the_predictions_than_theirs(model: Recommender) -> None:
    best = project(model, variant="predictions").predictions
    s = np.linalg.svd(centred_scores(model), compute_uv=False)
    assert best == pytest.approx((s[:8] ** 2) / (s**2).sum(), rel=1e-5)
    for variant in VARIANTS:
        assert project(model, 2, variant).predictions.sum() <= best[:2].sum() + 1e-9


def test_signs_do_not_depend_on_the_users_or_on_how_the_axes_lie(model: Recommender) -> None:
    flip = np.diag([1, -1, 1, -1, -1, 1, 1, 1]).astype(np.float32)
    factors = model.factors
    flipped = replace(
        factors,
        user_factors=np.ascontiguousarray(factors.user_factors @ flip),
        item_factors=np.ascontiguousarray(factors.item_factors @ flip),
    )
    for part in ("items", "users"):
        a, b = (getattr(project(replace(model, factors=f)), part) for f in (factors, flipped))
        assert np.abs(a) == pytest.approx(np.abs(b), abs=1e-5)


def test_the_frame_and_the_ends_of_an_axis(model: Recommender) -> None:
    found = project(replace(model, history=None), 3)
    frame = found.frame()
    assert list(frame.columns[:4]) == ["item", "component_1", "component_2", "component_3"]
    assert "title" in frame
    ends = found.ends(2, 4)
    ordered = frame.sort_values("component_2", ascending=False)["title"]
    assert ends["high"] == ordered.head(4).tolist()
    assert ends["low"] == ordered[::-1].head(4).tolist()
    genres, flags = genre_flags(model.item_table)
    means = {g: found.items[flags[:, i], 1].mean() for i, g in enumerate(genres)}
    assert ends["high_genres"][0] == max(means, key=lambda genre: means[genre])
    assert ends["low_genres"][0] == min(means, key=lambda genre: means[genre])
    assert "keep" in found.describe()


def test_ratings_are_the_weights_of_the_words_for_an_axis(model: Recommender) -> None:
    """All ratings are of dramas on the left and of war movies on the right."""
    n = len(model.factors.items)
    table = np.zeros((n, 2), np.float32)
    table[:, 0] = np.linspace(-1, 1, n)
    genres = np.where(np.arange(n) % 4 < 2, "Drama", "War")
    items = model.item_table.assign(genres=genres)
    flat = np.zeros((len(model.factors.users), 2), np.float32)
    world = replace(
        model,
        factors=replace(model.factors, item_factors=table, user_factors=flat + 1),
        item_table=items,
    )
    counts = np.where((genres == "Drama") == (np.arange(n) < n / 2), 100, 0)
    ends = replace(project(world, 1), counts=counts).ends(1, 3)
    assert (ends["low_genres"], ends["high_genres"]) == (["Drama"], ["War"])
    assert set(ends["high"]) == set(items["title"][genres == "War"][-3:])
    known = np.zeros(n, np.int64)
    known[[10, 100, 150]] = 50, 50, 1
    ends = replace(project(world, 1), counts=known).ends(1, 1)
    # Item 150 lies further out, and is hardly known.
    assert (ends["low"], ends["high"]) == ([items["title"][10]], [items["title"][100]])


def test_bad_arguments_are_named(model: Recommender, sample: Ratings) -> None:
    for call, said in (
        (lambda: project(model, 0), "k must be a whole number between 1 and 8"),
        (lambda: project(model, variant="tsne"), "variant must be one of pca"),  # type: ignore[arg-type]
        (lambda: project(model).ends(9), "component must be between 1 and 8"),
        (lambda: embed(model, "pca"), "method must be one of tsne, umap"),  # type: ignore[arg-type]
        (
            lambda: project(model).plot(components=(1, 9)),
            "components must be between 1 and 8",
        ),
    ):
        with pytest.raises(ValueError, match=said):
            call()
    with pytest.raises(ModelError, match="no factors to map"):
        project(recsys.train(recsys.Popularity(), sample))


def with_factors(model: Recommender, seed: int, width: int) -> Recommender:
    rng = np.random.default_rng(seed)
    x, y = (
        rng.normal(size=(len(table), width)).astype(np.float32)
        for table in (model.factors.user_factors, model.factors.item_factors)
    )
    return replace(model, factors=replace(model.factors, user_factors=x, item_factors=y))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.sampled_from(VARIANTS))
def test_scores_are_preserved_up_to_what_a_user_gives_all_items(
    model: Recommender, seed: int, width: int, variant: Variant
) -> None:
    random = with_factors(model, seed, width)
    found = project(random, variant=variant)
    x = random.factors.user_factors.astype(float)
    y = random.factors.item_factors.astype(float)
    if variant == "cosine":
        y /= np.linalg.norm(y, axis=1)[:, None]
    apart = x @ y.T - found.users @ found.items.T
    assert np.ptp(apart, axis=1) == pytest.approx(0, abs=1e-4)
    assert found.items.mean(axis=0) == pytest.approx(0, abs=1e-6)
    assert found.predictions.sum() == pytest.approx(1)
    assert found.explained.sum() == pytest.approx(1)


@pytest.mark.slow
def test_tsne_keeps_neighbours(model: Recommender) -> None:
    plane = embed(model, "tsne", seed=1)
    assert plane.shape == (200, 2)
    assert np.array_equal(plane, embed(model, "tsne", seed=1))
    unit = model.factors.item_factors / np.linalg.norm(model.factors.item_factors, axis=1)[:, None]

    def nearest(x: np.ndarray) -> np.ndarray:
        index = NearestNeighbors(n_neighbors=11).fit(x)
        neighbours: np.ndarray = index.kneighbors(x, return_distance=False)[:, 1:]
        return neighbours

    shared = np.mean(
        [len(set(a) & set(b)) / 10 for a, b in zip(nearest(unit), nearest(plane), strict=True)]
    )
    assert shared > 0.3  # by chance 0.05


def test_umap_says_what_to_install(model: Recommender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ModelError, match=r"umap needs umap; install it with .*recsys-mf\[maps\]"):
        embed(model, "umap")


@pytest.mark.data
@pytest.mark.slow
def test_childrens_and_horror_movies_lie_apart(ml_1m: Path) -> None:
    """The plane of the map: how many of ten neighbours share the genre, and the silhouette."""
    model = recsys.train(recsys.ImplicitALS(64), recsys.read_ratings(ml_1m))
    genres, flags = genre_flags(model.item_table)
    children, horror = (flags[:, genres.index(g)] for g in ("Children's", "Horror"))
    assert model.history is not None
    keep = (children ^ horror) & (np.bincount(model.history.indices) >= 50)
    points, kind = project(model, 2, "cosine").items[keep], children[keep]
    index = NearestNeighbors(n_neighbors=11).fit(points)
    near = index.kneighbors(points, return_distance=False)[:, 1:]
    purity = (kind[near] == kind[:, None]).mean()
    chance = kind.mean() ** 2 + (1 - kind.mean()) ** 2
    assert chance < 0.52
    assert purity > 0.75
    assert silhouette_score(points, kind) > 0.2
