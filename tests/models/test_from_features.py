"""Regression from features to rows of a fit, against formulas and in a world of known tastes."""

from typing import Any

import genre_world
import numpy as np
import pytest
import scipy.sparse as sp

import recsys
from recsys.errors import ArgumentError, DataError
from recsys.models.from_features import RIDGES, fit_with_features
from recsys.models.item_weights import ItemWeights
from recsys.models.registry import make_spec

FACTORIZATIONS: dict[str, dict[str, Any]] = {
    "implicit-als": {"n_factors": 4},
    "explicit-als": {"n_factors": 4},
    "bayesian-mf": {"n_factors": 2, "n_samples": 10, "n_burn_in": 10},
    "pure-svd": {"n_factors": 4},
    "normalized-svd": {"n_factors": 4},
    "bpr": {"n_factors": 4},
}
ITEM_MODELS: dict[str, dict[str, Any]] = {"ease": {"regularization": 10}, "item-knn": {}}


def counted(spec: Any, ratings: recsys.Ratings) -> recsys.Ratings:
    return ratings if spec.predicts_ratings else recsys.feedback.at_least(ratings, 3)


@pytest.fixture(scope="module")
def world() -> recsys.Ratings:
    return genre_world.world().with_unrated()


@pytest.mark.parametrize("name", [*FACTORIZATIONS, *ITEM_MODELS])
def test_new_items_come_to_those_who_like_their_genre(name: str, world: recsys.Ratings) -> None:
    spec = make_spec(name, (FACTORIZATIONS | ITEM_MODELS)[name])
    data = counted(spec, world)
    fitted, _ = fit_with_features(spec, data, True)
    people = fitted.people(slice(0, genre_world.N_USERS), data.matrix[: genre_world.N_USERS])
    scores = fitted.scores(people)[:, genre_world.NEW_ITEMS]
    for user in range(genre_world.N_USERS):
        own = scores[user, user % 2 :: 2]
        assert own.min() > scores[user, 1 - user % 2 :: 2].max()


@pytest.mark.parametrize("name", FACTORIZATIONS)
def test_new_users_get_what_people_like_them_like(name: str, world: recsys.Ratings) -> None:
    spec = make_spec(name, FACTORIZATIONS[name])
    fitted, worth = fit_with_features(spec, counted(spec, world), ["gender", "genres"])
    assert set(worth) == {"items", "users"}
    scores = fitted.scores(fitted.people(np.array(genre_world.NEW_USERS), None))
    for at, user in enumerate(genre_world.NEW_USERS):
        assert scores[at, user % 2 :: 2].min() > scores[at, 1 - user % 2 :: 2].max()


@pytest.mark.parametrize("name", [*FACTORIZATIONS, *ITEM_MODELS])
def test_what_has_ratings_is_as_without_features(name: str, world: recsys.Ratings) -> None:
    spec = make_spec(name, (FACTORIZATIONS | ITEM_MODELS)[name])
    data = counted(spec, world)
    fitted, _ = fit_with_features(spec, data, True)
    alone = spec.fit(data.without_empty())
    known = fitted.over(alone.users, alone.items)
    if isinstance(alone, ItemWeights):
        assert (known.weights != alone.weights).nnz == 0
        return
    for table in ("user_factors", "item_factors", "user_bias", "item_bias"):
        assert np.array_equal(getattr(known, table), getattr(alone, table))


@pytest.mark.parametrize("name", FACTORIZATIONS)
def test_users_fold_in_as_without_features(name: str, world: recsys.Ratings) -> None:
    spec = make_spec(name, FACTORIZATIONS[name])
    data = counted(spec, world)
    fitted, _ = fit_with_features(spec, data, True)
    alone = spec.fit(data.without_empty())
    rows = slice(0, genre_world.N_USERS)
    found = fitted.fold_in_users(data.matrix[rows])
    expected = alone.fold_in_users(data.without_empty().matrix)
    assert np.array_equal(found.factors, expected.factors)
    assert np.array_equal(found.bias, expected.bias)
    if spec.folds_in_exactly:
        assert found.factors == pytest.approx(fitted.user_factors[rows], abs=1e-5)


def test_a_rating_of_a_new_item_counts_in_the_fold_in(world: recsys.Ratings) -> None:
    data = recsys.feedback.at_least(world, 3)
    fitted, _ = fit_with_features(recsys.ImplicitALS(4), data, True)
    history = np.zeros((3, world.n_items), np.float32)
    history[0, [0, 2]] = history[1, [0, genre_world.N_ITEMS]] = history[2, [1, 3]] = 1
    found = fitted.fold_in_users(sp.csr_matrix(history))
    for row in range(3):
        alone = fitted.fold_in_users(sp.csr_matrix(history[[row]]))
        assert np.array_equal(found.factors[[row]], alone.factors)
    by_hand = fitted.spec.fold_in_users(fitted, sp.csr_matrix(history[[1]]))
    assert np.array_equal(found.factors[[1]], by_hand.factors)


def by_normal_equations(
    features: np.ndarray, table: np.ndarray, weights: np.ndarray, ridge: float
) -> np.ndarray:
    """(1 + d, m) the minimum of the objective in the docstring, with a constant column."""
    x = np.column_stack([np.ones(len(features)), features])
    penalty = ridge * np.diag([0.0] + [1.0] * features.shape[1])
    return np.linalg.solve(x.T * weights @ x + penalty, x.T * weights @ table)


@pytest.mark.parametrize(("name", "exact"), [("explicit-als", True), ("implicit-als", False)])
def test_weights_and_ridge_are_those_of_refitting_without_each_row(
    name: str, exact: bool, world: recsys.Ratings
) -> None:
    spec = make_spec(name, {"n_factors": 3})
    rated = counted(spec, world).without_empty()
    fitted, worth = fit_with_features(spec, rated, ["genres", "year"])
    found = worth["items"]
    features = found.coding.coded(rated.item_table).toarray().astype(np.float64)
    table = np.column_stack([fitted.item_bias, fitted.item_factors]).astype(np.float64)
    counts = rated.matrix.getnnz(axis=0)
    weights = np.sqrt(counts) / np.sqrt(counts).mean()
    expected = by_normal_equations(features, table, weights, found.regularization)
    assert found.weights == pytest.approx(expected, abs=1e-5)

    users = np.column_stack([np.ones(rated.n_users), fitted.user_factors])
    scores, n = table @ users.T, len(table)
    errors = []
    for ridge in RIDGES:
        left_out = np.empty_like(scores)
        for row in range(n):
            others = np.arange(n) != row
            without = by_normal_equations(features[others], table[others], weights[others], ridge)
            left_out[row] = np.append(1, features[row]) @ without @ users.T
        if exact:
            errors.append((weights[:, None] * (scores - left_out) ** 2).mean())
        else:
            standings = []
            for user in range(rated.n_users):
                own = left_out[:, user] - np.average(left_out[:, user], weights=weights)
                spread = np.sqrt(np.average(own**2, weights=weights))
                standings.append(own[rated.matrix[user].indices].mean() / spread)
            errors.append(-np.mean(standings))
    assert found.regularization == RIDGES[int(np.argmin(errors))]


def test_the_features_of_new_items_change_nothing_about_the_others(world: recsys.Ratings) -> None:
    other = genre_world.items(range(genre_world.N_ITEMS + genre_world.N_NEW)).assign(
        genres=lambda table: table["genres"].where(table["item"] < genre_world.N_ITEMS, "Western")
    )
    frame = genre_world.world().to_frame().rename(columns={"user": "user_id", "item": "item_id"})
    changed = recsys.Ratings.from_frame(frame, items=other).with_unrated()
    spec = recsys.ImplicitALS(4)
    one, first = fit_with_features(spec, world, ["genres"])
    two, second = fit_with_features(spec, changed, ["genres"])
    assert first["items"].coding == second["items"].coding
    rated = slice(0, genre_world.N_ITEMS)
    assert np.array_equal(one.item_factors[rated], two.item_factors[rated])
    assert not np.array_equal(one.item_factors, two.item_factors)


def test_a_new_item_has_no_more_weights_than_others_of_a_sparse_model(
    world: recsys.Ratings,
) -> None:
    data = recsys.feedback.at_least(world, 3)
    fitted, _ = fit_with_features(recsys.ItemKNN(n_neighbours=3), data, True)
    counts = fitted.weights.getnnz(axis=0)
    assert counts[list(genre_world.NEW_ITEMS)].max() > 0
    assert counts[list(genre_world.NEW_ITEMS)].max() <= counts[: genre_world.N_ITEMS].max()


def test_a_column_of_neither_table_is_named(world: recsys.Ratings) -> None:
    with pytest.raises(ArgumentError, match="no column 'gendre'.*gender"):
        fit_with_features(recsys.ImplicitALS(2), world, ["gendre"])
    with pytest.raises(ArgumentError, match="True or names of columns, not 3"):
        fit_with_features(recsys.ImplicitALS(2), world, 3)  # type: ignore[arg-type]


def test_without_any_feature_it_is_said_what_to_do(random_ratings: recsys.Ratings) -> None:
    with pytest.raises(DataError, match="there are no useful columns.*--items"):
        fit_with_features(recsys.ImplicitALS(2), random_ratings, True)
