import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.diagnosis.components import (
    axis_shares,
    centred,
    effective_rank,
    prediction_shares,
    predictions_spectrum,
    right_singular_vectors,
    signs_of,
)

seeds = st.integers(0, 2**32 - 1)
shapes = st.tuples(st.integers(2, 9), st.integers(2, 9), st.integers(1, 5))


def tables(seed: int, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    n_users, n_items, width = shape
    return rng.normal(size=(n_users, width)), rng.normal(size=(n_items, width))


@settings(max_examples=100, deadline=None)
@given(seeds, shapes)
def test_shares_are_parts_of_the_squared_norm_of_the_predictions(
    seed: int, shape: tuple[int, int, int]
) -> None:
    users, items = tables(seed, shape)
    shares = prediction_shares(users, items)
    whole = np.square(users @ items.T).sum()
    for k in range(1, shape[2] + 1):
        kept = np.square(users[:, :k] @ items[:, :k].T).sum() / whole
        assert shares[:k].sum() == pytest.approx(kept, abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(seeds, shapes)
def test_the_spectrum_is_that_of_all_scores(seed: int, shape: tuple[int, int, int]) -> None:
    users, items = tables(seed, shape)
    expected = np.linalg.svd(users @ items.T, compute_uv=False)
    found = predictions_spectrum(users, items)
    n = min(len(found), len(expected))
    assert found[:n] == pytest.approx(expected[:n], abs=1e-9)
    assert found[n:] == pytest.approx(0, abs=1e-9)
    assert expected[n:] == pytest.approx(0, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 20), st.integers(0, 5), st.floats(0.01, 100))
def test_equal_directions_have_their_number_as_effective_rank(
    n: int, empty: int, size: float
) -> None:
    assert effective_rank(np.array([size] * n + [0.0] * empty)) == pytest.approx(n)


def test_nothing_has_no_rank_and_no_shares() -> None:
    zeros = np.zeros((4, 2))
    assert effective_rank(np.zeros(3)) == 0
    assert prediction_shares(zeros, zeros).tolist() == [0, 0]
    assert axis_shares(zeros, zeros).tolist() == [0, 0]


def test_an_axis_carries_how_much_items_differ_on_it_times_how_much_users_care() -> None:
    users = np.array([[1.0, 3.0], [1.0, -1.0]])
    items = np.array([[1.0, 5.0], [-1.0, 5.0], [1.0, 8.0], [-1.0, 8.0]])
    # Squares: users 2 and 10; centred items 4 · 1² and 4 · 1.5².
    assert axis_shares(users, items) == pytest.approx(np.array([8, 90]) / 98)


def test_components_are_orthonormal_and_their_largest_entries_can_be_made_positive() -> None:
    _, items = tables(3, (2, 9, 4))
    components = right_singular_vectors(centred(items))
    assert components @ components.T == pytest.approx(np.eye(4))
    turned = components * signs_of(components)[:, None]
    assert (turned.max(axis=1) == np.abs(turned).max(axis=1)).all()
