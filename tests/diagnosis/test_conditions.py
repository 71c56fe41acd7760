from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import random_csr

import recsys
from recsys import Ratings
from recsys.diagnosis.conditions import condition_numbers, conditions, sampled
from recsys.diagnosis.health import health
from recsys.models.row_problem import RowProblem
from recsys.models.spec import Spec

HEALTHY = recsys.ImplicitALS(6, regularization=0.02, n_epochs=80)


def test_condition_numbers_are_numpys(sample: Ratings) -> None:
    model = recsys.train(HEALTHY, sample)
    matrix = model.history
    assert matrix is not None
    y = model.factors.item_factors.astype(float)
    gram = y.T @ y
    rows = conditions(model, matrix)
    for user in (0, 17, 200):
        own = slice(matrix.indptr[user], matrix.indptr[user + 1])
        rated = y[matrix.indices[own]]
        ridge = 0.02 * ((own.stop - own.start) + matrix.shape[1])
        normal = gram + (rated.T * matrix.data[own]) @ rated + ridge * np.eye(6)
        expected = np.linalg.cond(normal)
        assert rows["condition"].iloc[user] == pytest.approx(expected, rel=1e-4)


def test_a_matrix_that_is_not_positive_definite_has_infinite_condition() -> None:
    table = np.eye(3, dtype=np.float32)
    matrix = sp.csr_matrix(np.array([[1.0, 1.0, 0.0]], np.float32))
    assert condition_numbers(RowProblem(matrix, table, 0.0)).tolist() == [np.inf]
    assert condition_numbers(RowProblem(matrix, table, 1.0)).tolist() == pytest.approx([2.0])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20_000), st.integers(1, 1024))
def test_a_sample_has_the_rows_with_the_fewest_and_the_most_ratings(
    seed: int, n_rows: int, width: int
) -> None:
    counts = np.random.default_rng(seed).poisson(3, n_rows)
    rows, rated = sampled(counts, width), np.flatnonzero(counts)
    assert np.isin(rows, rated).all()
    assert (np.diff(rows) > 0).all()
    assert len(rows) == len(rated) or len(rows) * width**3 <= 2**35
    if len(rated):
        assert counts[rows].min() == counts[rated].min()
        assert counts[rows].max() == counts[rated].max()


def test_small_models_are_examined_whole_and_large_ones_by_sample() -> None:
    counts = np.full(6040, 165)  # people and ratings of MovieLens 1M
    assert len(sampled(counts, 64)) == 6040
    assert 100 < len(sampled(counts, 512)) < 200


def test_a_sample_has_the_numbers_of_the_whole(
    sample: Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = recsys.train(HEALTHY, sample)
    whole = health(model)
    assert whole.summary()["examined, users"] == [sample.n_users] * 2
    # 6 factors, 262 and their ratings: ten rows or so of each side.
    monkeypatch.setattr("recsys.diagnosis.conditions._WORK", 10 * 6**2 * (262 + 40))
    part = health(model)
    some = part.conditions["condition"].notna()
    assert some.sum() < 30
    assert part.conditions[some].equals(whole.conditions[some])
    assert part.conditions.drop(columns="condition").equals(
        whole.conditions.drop(columns="condition")
    )
    examined, of = part.summary()["examined, users"]
    assert 2 <= examined < of == sample.n_users
    assert np.isfinite(part.summary()["condition, users"]).all()
    assert part.worst(1000)["condition"].notna().all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.floats(1e-3, 1e3))
def test_condition_numbers_are_those_of_the_dense_matrices(
    seed: int, width: int, ridge: float
) -> None:
    rng = np.random.default_rng(seed)
    matrix = random_csr(4, 7, 0.5, rng)
    table = rng.normal(size=(7, width)).astype(np.float32)
    weights = rng.random(matrix.nnz).astype(np.float32)
    found = condition_numbers(RowProblem(matrix, table, ridge, weights))
    weighted = sp.csr_matrix((weights, matrix.indices, matrix.indptr), matrix.shape).toarray()
    y = table.astype(float)
    for row, condition in zip(weighted, found, strict=True):
        expected = np.linalg.cond((y.T * row) @ y + ridge * np.eye(width))
        assert condition == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("spec", [HEALTHY, recsys.ExplicitALS(4), recsys.ImplicitALS(4, alpha=3.0)])
def test_gradients_are_those_of_the_loss(
    sample: Ratings, spec: recsys.ImplicitALS | recsys.ExplicitALS
) -> None:
    """Half the derivative of the loss along one coordinate, by central differences."""
    from reference import explicit_loss, implicit_loss

    factors = spec.fit(sample)
    problem = spec.problem_of(factors, sample.matrix, "users")
    x = factors.user_factors.copy()
    x[3] += 0.3  # away from the solution, where it would be zero
    biased = isinstance(spec, recsys.ExplicitALS)
    own = np.column_stack([x, factors.user_bias / problem.table[0, -1]]) if biased else x
    gradient = problem.gradients(own)
    step = 1e-2
    for user, column in ((3, 0), (3, 2), (8, 1)):
        losses = []
        for sign in (1, -1):
            moved = x.copy()
            moved[user, column] += sign * step
            if isinstance(spec, recsys.ExplicitALS):
                losses.append(
                    explicit_loss(sample.matrix, replace(factors, user_factors=moved), spec)
                )
            else:
                losses.append(implicit_loss(sample.matrix, moved, factors.item_factors, spec))
        slope = (losses[0] - losses[1]) / (2 * step)
        assert 2 * gradient[user, column] == pytest.approx(slope, rel=2e-3, abs=0.02)


def test_without_a_matrix_or_least_squares_there_are_none(sample: Ratings) -> None:
    columns = ["side", "id", "name", "ratings", "condition", "gradient"]
    for spec, matrix in ((HEALTHY, None), (recsys.PureSVD(4), sample.matrix)):
        table = conditions(recsys.train(spec, sample), matrix)
        assert list(table.columns) == columns
        assert not len(table)


def test_rows_without_ratings_are_left_out(sample: Ratings) -> None:
    model = recsys.train(HEALTHY, sample)
    matrix = sample.matrix.tolil()
    matrix[4] = 0
    table = conditions(model, matrix.tocsr())
    users = table[table["side"] == "users"]
    assert len(users) == sample.n_users - 1
    assert sample.users.ids[4] not in users["id"].to_numpy()


@pytest.mark.parametrize("spec", [HEALTHY, recsys.ExplicitALS(4)])
def test_users_are_at_their_solution_after_a_fit(sample: Ratings, spec: Spec) -> None:
    model = recsys.train(spec, sample)
    table = conditions(model, model.feedback.of(sample.matrix))
    users = table[table["side"] == "users"]
    assert len(users) == sample.n_users
    assert users["gradient"].max() < 1e-4


def test_gradients_are_unknown_where_factors_rest_on_features(sample: Ratings) -> None:
    years = sample.item_table.assign(decade=[f"the {i % 5}0s" for i in range(sample.n_items)])
    spec = recsys.ImplicitALS(4, feature_weight=2.0, n_epochs=3)
    model = recsys.train(spec, replace(sample, item_table=years))
    rows = conditions(model, model.history)
    assert rows["gradient"].isna().all()
    assert np.isfinite(rows["condition"]).all()
    found = health(model)
    assert "gradient, users" not in found.summary()
    assert "condition, users" in found.summary()
    assert "unsolved" not in {one.code for one in found.symptoms}
