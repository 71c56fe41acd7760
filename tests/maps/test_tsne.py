"""t-SNE: its forces are the formula's, and what it makes is alike every time."""

import numpy as np
import pytest
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from recsys.maps.neighbourhoods import share_kept
from recsys.maps.tsne import _Attraction, arrange, repulsion


def exact_repulsion(places: np.ndarray) -> np.ndarray:
    apart = places[:, None] - places
    q = 1 / (1 + np.square(apart).sum(axis=2))
    np.fill_diagonal(q, 0)
    forces: np.ndarray = (np.square(q)[:, :, None] * apart).sum(axis=1) / q.sum()
    return forces


def nearest(table: np.ndarray, k: int) -> np.ndarray:
    found = NearestNeighbors(n_neighbors=k).fit(table).kneighbors(return_distance=False)
    return np.asarray(found, np.int32)


def worlds(n_groups: int, n_each: int, width: int = 12, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(n_groups, width)) * 6
    return np.repeat(centres, n_each, axis=0) + rng.normal(size=(n_groups * n_each, width))


@pytest.mark.parametrize("spacing", [2.0, 5.0, 40.0])
def test_repulsion_of_places_some_cells_apart_is_the_formula(spacing: float) -> None:
    """A distorted lattice: no two places are nearer than two of the grid's cells."""
    rng = np.random.default_rng(1)
    lattice = np.stack(np.meshgrid(np.arange(12.0), np.arange(12.0)), axis=2).reshape(-1, 2)
    places = spacing * (lattice + rng.uniform(-0.2, 0.2, lattice.shape))
    expected = exact_repulsion(places)
    error = np.linalg.norm(repulsion(places) - expected) / np.linalg.norm(expected)
    assert error < 0.05 if spacing < 30 else error < 0.5  # then forces vanish, and cells are wide


def test_repulsion_is_opposite_and_equal_and_nobody_pushes_themselves() -> None:
    places = np.random.default_rng(2).normal(size=(300, 2)) * 8
    force = repulsion(places)
    assert force.sum(axis=0) == pytest.approx([0, 0], abs=1e-12)
    for far in ([3.3, -1.9], [90.0, 200], [1000, 1000]):
        pair = np.array([[0.1, 0.2], far])
        assert repulsion(pair) == pytest.approx(exact_repulsion(pair), rel=0.05)


def test_attraction_is_the_formula() -> None:
    near = nearest(worlds(3, 8), 4)
    places = np.random.default_rng(3).normal(size=(24, 2)) * 3
    p = np.zeros((24, 24))
    np.put_along_axis(p, near.astype(np.int64), 1, axis=1)
    p = (p + p.T) / (2 * p.sum())
    apart = places[:, None] - places
    q = 1 / (1 + np.square(apart).sum(axis=2))
    expected = ((p * q)[:, :, None] * apart).sum(axis=1)
    assert _Attraction(near)(places) == pytest.approx(expected, abs=1e-14)


def test_the_places_are_the_same_bits_with_any_number_of_threads() -> None:
    table = worlds(5, 40)
    near = nearest(table, 10)
    first = arrange(near, table[:, :2])
    with threadpool_limits(1):
        assert np.array_equal(arrange(near, table[:, :2]), first)


def test_neighbours_stay_together_as_in_scikit_learn() -> None:
    table = worlds(20, 40)
    near = nearest(table, 10)
    theirs = TSNE(init="pca", random_state=0).fit_transform(table)
    ours = arrange(near, table[:, :2])
    assert share_kept(near, ours) > share_kept(near, theirs) - 0.02
    assert share_kept(near, ours) > 2 * share_kept(near, table[:, :2])
    kind = np.repeat(np.arange(20), 40)
    closest = nearest(ours, 10)
    assert (kind[closest] == kind[:, None]).mean() > 0.98


@pytest.mark.parametrize("n", [3, 4, 11])
def test_few_items_with_the_same_start_get_places_of_their_own(n: int) -> None:
    near = np.array([[j for j in range(n) if j != i] for i in range(n)], np.int32)
    places = arrange(near, np.zeros((n, 2)))
    assert np.isfinite(places).all()
    assert len(np.unique(places.round(6), axis=0)) == n


def test_the_neighbours_of_all_do_not_overshoot() -> None:
    """500 items with the same ten neighbours lie close around them, at distances of about 1."""
    near = np.array([[j for j in range(11) if j != i][:10] for i in range(500)], np.int32)
    assert np.ptp(arrange(near, np.zeros((500, 2))), axis=0).max() < 6
