"""Features in the training of `ImplicitALS`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import recsys
from recsys.errors import DataError
from recsys.models.alternating import State
from recsys.models.joint import joined

SPEC = recsys.ImplicitALS(5, unobserved_weight=0.3, feature_weight=2.0, n_epochs=6)
KINDS, CITIES = ("comedy", "drama", "western"), ("Bonn", "Kiel")


def kinds_of(n_items: int) -> list[str]:
    """A kind for each item."""
    return [KINDS[i % 3] for i in range(n_items)]


def cities_of(n_users: int) -> list[str]:
    """A city for each user."""
    return [CITIES[i % 2] for i in range(n_users)]


@pytest.fixture(params=["text", "numbers"])
def ratings(request: pytest.FixtureRequest, random_ratings: recsys.Ratings) -> recsys.Ratings:
    """Random ratings, with a kind for each item and a city for each user."""
    found = random_ratings
    if request.param == "numbers":
        found = recsys.Ratings.from_matrix(found.matrix)
    return replace(
        found,
        item_table=pd.DataFrame({"kind": kinds_of(found.n_items)}),
        user_table=pd.DataFrame({"city": cities_of(found.n_users)}),
    )


def by_hand(ratings: recsys.Ratings, weight: float, sides: str = "both") -> np.ndarray:
    """The joined matrix of `ratings`, dense."""
    kinds = np.array([[kind == one for kind in kinds_of(ratings.n_items)] for one in KINDS])
    cities = np.array([[city == one for one in CITIES] for city in cities_of(ratings.n_users)])
    if sides == "items":
        cities = cities[:, :0]
    nothing = np.zeros((len(kinds), cities.shape[1]))
    dense = ratings.matrix.toarray()
    return np.block([[dense, weight * cities], [weight * kinds, nothing]])


def test_features_are_further_users_and_items(ratings: recsys.Ratings) -> None:
    found = joined(ratings, 2.0)
    assert np.array_equal(found.matrix.toarray(), by_hand(ratings, 2.0))
    for whole, own in ((found.users, ratings.users), (found.items, ratings.items)):
        assert whole.ids[: len(own)].tolist() == own.ids.tolist()
    alone = replace(ratings, user_table=ratings.user_table.drop(columns="city"))
    assert np.array_equal(joined(alone, 3.0).matrix.toarray(), by_hand(ratings, 3.0, "items"))


def test_numbers_count_by_their_knots_and_stored_zeros_stay() -> None:
    matrix = sp.csr_matrix((np.array([0.0, 1.0], np.float32), ([0, 1], [0, 1])), shape=(12, 12))
    ratings = recsys.Ratings.from_matrix(matrix)
    years = pd.DataFrame({"year": [1990, 1995, 2000] * 4})
    found = joined(replace(ratings, item_table=years), 3.0)
    assert found.matrix[:12].nnz == 2
    by_item = found.matrix[12:].toarray()
    assert np.allclose(by_item.sum(axis=0), 3.0)  # the weights of two knots add up to 1
    assert (by_item >= 0).all()


def test_factors_are_those_of_the_joined_matrix(ratings: recsys.Ratings) -> None:
    whole = recsys.Ratings.from_matrix(by_hand(ratings, 2.0))
    expected = replace(SPEC, feature_weight=0.0).fit(whole)
    found = SPEC.fit(ratings)
    assert found.users is ratings.users
    assert found.items is ratings.items
    assert np.array_equal(found.user_factors, expected.user_factors[: ratings.n_users])
    assert np.array_equal(found.item_factors, expected.item_factors[: ratings.n_items])


def test_somebody_new_is_known_by_their_ratings_alone(ratings: recsys.Ratings) -> None:
    found = SPEC.fit(ratings)
    assert not SPEC.folds_in_exactly
    assert replace(SPEC, feature_weight=0.0).folds_in_exactly
    row = ratings.matrix[:1]
    y = found.item_factors.astype(np.float64)
    own = y[row.indices]
    ridge = SPEC.regularization * (row.nnz + SPEC.unobserved_weight * ratings.n_items)
    a = SPEC.unobserved_weight * y.T @ y + (own.T * row.data) @ own + ridge * np.eye(5)
    expected = np.linalg.solve(a, own.T @ row.data)
    assert np.allclose(found.fold_in_users(row).factors[0], expected, atol=1e-5)


def test_a_training_goes_on_from_a_state_and_from_factors(ratings: recsys.Ratings) -> None:
    states: list[State] = []
    whole = SPEC.fit(ratings, on_state=states.append)
    again = SPEC.fit(ratings, start=states[2])
    assert np.array_equal(again.user_factors, whole.user_factors)
    assert np.array_equal(again.item_factors, whole.item_factors)
    at = SPEC.factors_at(ratings, states[-1])
    assert at.user_factors.shape == whole.user_factors.shape
    warm = replace(SPEC, n_epochs=1).fit(ratings, warm=whole)
    cold = replace(SPEC, n_epochs=1).fit(ratings)
    missed = [np.abs(f.user_factors @ f.item_factors.T - whole.user_factors @ whole.item_factors.T)
              for f in (warm, cold)]  # fmt: skip
    assert missed[0].mean() < missed[1].mean() / 5


def test_state_by_item_is_that_of_the_items(ratings: recsys.Ratings) -> None:
    found = replace(SPEC, popularity_exponent=0.5).fit(ratings)
    assert found.state["item_unobserved"].shape == (ratings.n_items,)
    assert np.isfinite(found.fold_in_users(ratings.matrix[:3]).factors).all()


def test_without_anything_known_it_says_what_is_missing(random_ratings: recsys.Ratings) -> None:
    with pytest.raises(DataError, match="there are no useful columns for items or users"):
        SPEC.fit(random_ratings)


def test_ids_without_room_above_them_are_named() -> None:
    last = np.iinfo(np.int64).max
    ratings = recsys.Ratings.from_matrix(np.eye(12), items=last - 11 + np.arange(12))
    ratings = replace(ratings, user_table=pd.DataFrame({"city": cities_of(12)}))
    with pytest.raises(DataError, match=f"item id {last} leaves no room"):
        SPEC.fit(ratings)


def test_features_help_who_has_few_ratings() -> None:
    # Each city has items of its own; who has one rating is known by their city.
    rng = np.random.default_rng(0)
    n_users, n_items = 200, 40
    cities = rng.integers(0, 2, n_users)
    likes = rng.random((n_users, n_items)) < np.where(
        np.arange(n_items)[None, :] % 2 == cities[:, None], 0.5, 0.05
    )
    seen = likes & (rng.random(likes.shape) < 0.12)
    ratings = recsys.Ratings.from_matrix(seen.astype(np.float32))
    table = pd.DataFrame({"city": np.array(CITIES)[cities]})
    held_out = likes & ~seen

    def hits(spec: recsys.ImplicitALS, known: Any) -> float:
        fitted = spec.fit(replace(ratings, user_table=known))
        scores = fitted.user_factors @ fitted.item_factors.T
        scores[seen] = -np.inf
        best = np.argsort(-scores, axis=1)[:, :5]
        return float(np.take_along_axis(held_out, best, 1).mean())

    plain = recsys.ImplicitALS(4, unobserved_weight=0.3, n_epochs=10)
    assert hits(replace(plain, feature_weight=3.0), table) > hits(plain, table) + 0.05
