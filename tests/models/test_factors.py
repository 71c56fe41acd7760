"""`Factors`: what is refused, and the same factors over other users and items."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recsys
from recsys import Factors, Ratings
from recsys.errors import ArgumentError, FitError
from recsys.ids import IdIndex


@pytest.fixture
def factors(random_ratings: Ratings) -> Factors:
    return recsys.NormalizedSVD(4).fit(random_ratings)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"user_bias": np.zeros(3, np.float32)}, ArgumentError, r"user_bias must be float32 \(30"),
        ({"item_factors": np.zeros((25, 4))}, ArgumentError, "item_factors must be float32"),
        ({"mean": float("nan")}, FitError, "mean rating is not finite"),
        ({"item_bias": np.full(25, np.inf, np.float32)}, FitError, "item_bias is not finite"),
        ({"state": {}}, ArgumentError, "normalized-svd needs the state user_scale, item_scale"),
        ({"state": {"user_scale": np.zeros(3), "item_scale": np.zeros(25)}}, ArgumentError,
         r"state user_scale must be float64 \(30,\)"),
    ],
)  # fmt: skip
def test_factors_of_wrong_shape_or_value_are_refused(
    factors: Factors, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        replace(factors, **change)


def test_state_is_read_only_and_its_numbers_are_finite(factors: Factors) -> None:
    for array in factors.state.values():
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    bad = dict(factors.state) | {"anything": np.array([1.0, np.nan])}
    with pytest.raises(FitError, match="state anything is not finite"):
        replace(factors, state=bad)


@settings(max_examples=30, deadline=None)
@given(
    users=st.lists(st.integers(0, 60), min_size=1, unique=True),
    items=st.lists(st.integers(0, 60), min_size=1, unique=True),
)
def test_over_other_users_and_items_the_known_ones_keep_their_scores(
    users: list[int], items: list[int]
) -> None:
    rng = np.random.default_rng(0)
    n, width = 30, 3
    tables = [rng.normal(size=shape).astype(np.float32) for shape in ((n, width), (n, width), n, n)]
    index = IdIndex(np.arange(n))
    state = {"user_scale": tables[2], "item_scale": tables[3], "other": np.arange(4.0)}
    factors = Factors(
        index, index, 1.5, tables[2], tables[3], tables[0], tables[1], recsys.NormalizedSVD(3),
        state=state,
    )  # fmt: skip
    moved = factors.over(IdIndex(users), IdIndex(items))
    for user in users:
        for item in items:
            x = tables[0][user] if user < n else np.zeros(width)
            y = tables[1][item] if item < n else np.zeros(width)
            bias = (tables[2][user] if user < n else 0) + (tables[3][item] if item < n else 0)
            assert moved.predict(user, item)[0] == pytest.approx(1.5 + bias + x @ y, abs=1e-5)
    known = [user for user in sorted(users) if user < n]
    rows = moved.users.rows(known)
    assert np.array_equal(moved.state["user_scale"][rows], tables[2][known])
    assert np.array_equal(moved.state["other"], np.arange(4.0))


def test_over_its_own_users_and_items_nothing_changes(factors: Factors) -> None:
    same = factors.over(factors.users, factors.items)
    assert np.array_equal(same.user_factors, factors.user_factors)
    assert np.array_equal(same.item_factors, factors.item_factors)
    assert same.log == factors.log


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        (recsys.ExplicitALS(2, n_epochs=1), "scale"),
        (recsys.BayesianMF(2, n_samples=2), "scale"),
        (recsys.BayesianMF(2, n_samples=2), "noise"),
    ],
)
def test_state_whose_root_is_taken_must_be_above_zero(
    spec: Any, name: str, random_ratings: recsys.Ratings
) -> None:
    """As in a model file that somebody has changed."""
    factors = spec.fit(random_ratings)
    for bad in (-1.0, 0.0):
        state = dict(factors.state) | {name: np.full_like(factors.state[name], bad)}
        with pytest.raises(ArgumentError, match=f"{name} must be above 0"):
            replace(factors, state=state)
