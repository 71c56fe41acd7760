import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

import recsys
from recsys.evaluation.protocol.validation import validation_score
from recsys.ratings import splits


def stars(seed: int) -> recsys.Ratings:
    """1 to 5 stars of 15 users for some of 12 items."""
    rng = np.random.default_rng(seed)
    users, items = np.nonzero(rng.random((15, 12)) < 0.5)
    users, items = np.append(users, np.arange(15)), np.append(items, np.arange(15) % 12)
    values = rng.integers(1, 6, len(users)).astype(float)
    frame = pd.DataFrame({"user_id": users, "item_id": items, "rating": values})
    return recsys.Ratings.from_frame(frame)


SPEC = recsys.ExplicitALS(4, regularization=0.1, n_epochs=8)
LINKED = dataclasses.replace(SPEC, implicit_weight=0.3)


@pytest.mark.parametrize("spec", [SPEC, LINKED])
def test_the_reported_loss_is_the_formula(
    spec: recsys.ExplicitALS, random_ratings: recsys.Ratings
) -> None:
    factors = spec.fit(random_ratings)
    loss = reference.explicit_loss(random_ratings.matrix, factors, spec)
    assert factors.log[-1].loss == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("weight", [0.0, 0.5])
@pytest.mark.parametrize("cg_steps", [0, 3])
def test_loss_never_rises(cg_steps: int, weight: float, sample: recsys.Ratings) -> None:
    spec = recsys.ExplicitALS(8, cg_steps=cg_steps, implicit_weight=weight)
    losses = [p.loss for p in spec.fit(sample).log]
    assert all(b <= a * (1 + 1e-6) for a, b in itertools.pairwise(losses))


def test_no_small_step_of_a_user_lowers_the_loss_with_implicit_features(
    random_ratings: recsys.Ratings,
) -> None:
    """Users are solved exactly, against the links as they are kept."""
    factors, rng = LINKED.fit(random_ratings), np.random.default_rng(0)
    best = reference.explicit_loss(random_ratings.matrix, factors, LINKED)
    for _ in range(20):
        step = 0.05 * rng.standard_normal(factors.user_factors.shape).astype(np.float32)
        moved = dataclasses.replace(factors, user_factors=factors.user_factors + step)
        assert reference.explicit_loss(random_ratings.matrix, moved, LINKED) > best


def test_links_are_the_ridge_regression_of_seen_on_factors(random_ratings: recsys.Ratings) -> None:
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(1)
    x = rng.normal(size=(random_ratings.n_users, 4)).astype(np.float32)
    by_item = random_ratings.matrix.T.tocsr()
    links = LINKED.links(by_item, x, 1.5)
    for item in (0, 5, 11):
        seen = 1.5 * (by_item[item].toarray()[0] != 0)
        strength = LINKED.regularization * 1.5 * by_item[item].nnz / LINKED.implicit_weight
        expected = Ridge(alpha=strength, fit_intercept=False).fit(x.astype(np.float64), seen).coef_
        assert np.allclose(links[item], expected, atol=1e-5)


def test_who_rated_what_predicts_ratings_that_depend_on_it() -> None:
    """Two groups rate mostly their own items, and like those: a rating says less than its being."""
    rng = np.random.default_rng(0)
    group, kind = np.arange(120) % 2, np.arange(80) % 2
    own = group[:, None] == kind
    users, items = np.nonzero(rng.random(own.shape) < np.where(own, 0.2, 0.02))
    values = 3 + np.where(own, 1, -1)[users, items] + rng.normal(0, 1, len(users))
    frame = pd.DataFrame({"user_id": users, "item_id": items, "rating": values})
    ratings = recsys.Ratings.from_frame(frame)
    pairs = (
        np.repeat(ratings.users.ids, ratings.n_items),
        np.tile(ratings.items.ids, ratings.n_users),
    )
    truth = 3 + np.where(own, 1, -1)[pairs]
    errors = [
        np.mean(
            (recsys.ExplicitALS(2, implicit_weight=w).fit(ratings).predict(*pairs) - truth) ** 2
        )
        for w in (0.0, 0.5)
    ]
    assert errors[1] < 0.8 * errors[0]


def test_implicit_features_survive_saving(random_ratings: recsys.Ratings, tmp_path: Path) -> None:
    model = recsys.train(LINKED, random_ratings)
    recsys.save(model, tmp_path / "linked.safetensors")
    people = recsys.load(tmp_path / "linked.safetensors").factors.fold_in_users(
        random_ratings.matrix
    )
    assert np.array_equal(people.factors, model.factors.user_factors)
    with pytest.raises(ValueError, match="implicit features needs user_links, item_links"):
        dataclasses.replace(model.factors, state={"scale": model.factors.state["scale"]})
    state = {**model.factors.state, "scale": model.factors.state["scale"][:0]}
    with pytest.raises(ValueError, match=r"state scale must be \(1,\), not \(0,\)"):
        dataclasses.replace(model.factors, state=state)


def test_a_user_solves_the_ridge_regression_of_scikit_learn(random_ratings: recsys.Ratings) -> None:
    from sklearn.linear_model import Ridge

    factors = SPEC.fit(random_ratings)
    scale = np.std(random_ratings.matrix.data.astype(np.float64))
    root = np.sqrt(scale)
    for user in (0, 7, 29):
        row = random_ratings.matrix[user]
        design = np.column_stack(
            [factors.item_factors[row.indices], np.full(len(row.indices), root)]
        ).astype(np.float64)
        target = row.data - factors.mean - factors.item_bias[row.indices]
        strength = SPEC.regularization * scale * len(row.data)
        ridge = Ridge(alpha=strength, fit_intercept=False)
        expected = ridge.fit(design, target).coef_
        assert np.allclose(factors.user_factors[user], expected[:-1], atol=1e-5)
        assert factors.user_bias[user] == pytest.approx(expected[-1] * root, abs=1e-5)


@settings(max_examples=15, deadline=None)
@given(unit=st.floats(1e-3, 1e5), offset=st.floats(-100, 100), seed=st.integers(0, 99))
def test_predictions_do_not_depend_on_the_unit(unit: float, offset: float, seed: int) -> None:
    """Ratings a·r + c give the predictions a·p + c, on any scale."""
    ratings = stars(seed)
    other = ratings.with_values(unit * (ratings.matrix.data.astype(np.float64) + offset))
    pairs = np.repeat(ratings.users.ids, 12), np.tile(ratings.items.ids, 15)
    # Exact steps: over-relaxed approximate ones can make much of a rounding on so little data.
    spec = recsys.ExplicitALS(3, cg_steps=0, seed=seed)
    one, two = (spec.fit(data).predict(*pairs) for data in (ratings, other))
    assert np.allclose(two / unit - offset, one, atol=3e-3)


def test_the_same_ratings_in_other_units_fold_in_alike() -> None:
    ratings = stars(0)
    large = ratings.with_values(ratings.matrix.data * 10_000)  # cases/scripts/12
    spec = recsys.ExplicitALS(3)
    for one in (ratings, large):
        factors = spec.fit(one)
        people = factors.fold_in_users(one.matrix)
        assert np.array_equal(people.factors, factors.user_factors)
        assert np.array_equal(people.bias, factors.user_bias)


def test_defaults_beat_the_mean_on_every_scale() -> None:
    """cases/scripts/20: stars times 20, and −10 to 10 as in Jester."""
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 0.5, (200, 3)) @ rng.normal(0, 0.8, (3, 100))
    truth += rng.normal(0, 0.4, (200, 1)) + rng.normal(0, 0.5, 100)
    users, items = np.nonzero(rng.random(truth.shape) < 0.2)
    stars = np.clip(np.round(3.5 + truth[users, items]), 1, 5)
    for values in (stars, stars * 20, stars * 5 - 15):
        frame = pd.DataFrame({"user_id": users, "item_id": items, "rating": values})
        split = splits.random(recsys.Ratings.from_frame(frame), 0.2)
        error = validation_score(recsys.ExplicitALS().fit(split.train), split, metric="rmse")
        assert error < 0.85 * float(split.test.matrix.data.std())


def test_factors_of_version_0_1_0_fold_in_as_they_did(random_ratings: recsys.Ratings) -> None:
    """They have no scale: the ridge is λ #u, and the bias stands against ones."""
    fitted = SPEC.fit(random_ratings)
    old = dataclasses.replace(fitted, state={})
    x = old.fold_in_users(random_ratings.matrix)
    for user in (0, 7, 29):
        row = random_ratings.matrix[user]
        y = np.column_stack([old.item_factors[row.indices], np.ones(row.nnz)]).astype(np.float64)
        target = row.data - old.mean - old.item_bias[row.indices]
        expected = np.linalg.solve(
            y.T @ y + SPEC.regularization * row.nnz * np.eye(5), y.T @ target
        )
        assert np.allclose(x.factors[user], expected[:-1], atol=1e-5)
        assert x.bias[user] == pytest.approx(expected[-1], abs=1e-5)


def test_equal_ratings_are_predicted_as_they_are() -> None:
    ratings = stars(0)
    factors = SPEC.fit(ratings.with_values(np.full(ratings.n_ratings, 0.7)))
    assert factors.state["scale"].tolist() == [1.0]
    assert factors.predict(0, 0)[0] == pytest.approx(0.7)


def test_a_warm_start_from_a_finished_model_is_near_the_solution() -> None:
    """The biases of the model come over in their unit."""
    ratings = stars(1)
    large = ratings.with_values(ratings.matrix.data * 100)
    spec = recsys.ExplicitALS(3, n_epochs=1)
    warm = recsys.ExplicitALS(3, n_epochs=60).fit(large)
    assert spec.fit(large, warm=warm).log[-1].loss == pytest.approx(warm.log[-1].loss, rel=1e-3)


def test_recovers_a_low_rank_matrix_from_a_part_of_it() -> None:
    rng = np.random.default_rng(0)
    truth = 3 + rng.normal(size=(60, 2)) @ rng.normal(size=(2, 50))
    seen = rng.random(truth.shape) < 0.6
    users, items = np.nonzero(seen)
    frame = pd.DataFrame({"user_id": users, "item_id": items, "rating": truth[seen]})
    ratings = recsys.Ratings.from_frame(frame)
    factors = recsys.ExplicitALS(2, regularization=1e-4, n_epochs=60).fit(ratings)
    users, items = np.nonzero(~seen)
    error = factors.predict(users, items) - truth[~seen]
    assert np.sqrt(np.mean(error**2)) < 0.05


def test_tolerance_stops_early(sample: recsys.Ratings) -> None:
    factors = recsys.ExplicitALS(8, n_epochs=100, tolerance=0.01).fit(sample)
    assert 1 < len(factors.log) < 100


def test_worked_example_of_the_course(root: Path) -> None:
    """Four people, five movies, a tick (1) or a blank (0) for each pair."""
    ratings = recsys.read_ratings(root / "data" / "worked-example.csv")
    ticked = ratings.matrix.toarray() > 0
    people, movies = np.meshgrid(ratings.users.ids, ratings.items.ids, indexing="ij")
    for seed in range(5):
        factors = recsys.ExplicitALS(2, regularization=0.01, n_epochs=30, seed=seed).fit(ratings)
        score = factors.predict(people.ravel(), movies.ravel()).reshape(4, 5)
        for person in range(4):
            assert score[person][ticked[person]].min() > score[person][~ticked[person]].max() + 0.5

        def distance(person: int, movie: str, factors: recsys.Factors = factors) -> float:
            x = factors.user_factors[factors.users.row(person)]
            return float(np.linalg.norm(x - factors.item_factors[factors.items.row(movie)]))

        assert distance(1, "Harry Potter") < distance(2, "Harry Potter") / 2
        assert distance(3, "Shrek") < min(distance(2, "Shrek"), distance(4, "Shrek")) / 2


@pytest.mark.data
@pytest.mark.slow
def test_rmse_on_ml_1m(ml_1m: Path) -> None:
    """cmfrec: 0.8557 to 0.8559 on this split, rows in file order, random(n) < 0.1 the test."""
    frame = pd.read_parquet(ml_1m / "ratings.parquet")
    is_test = np.random.default_rng(0).random(len(frame)) < 0.1
    split = splits.given(
        recsys.Ratings.from_frame(frame[~is_test]), recsys.Ratings.from_frame(frame[is_test])
    )
    factors = recsys.ExplicitALS(n_factors=50, n_epochs=15).fit(split.train)
    assert 0.845 < validation_score(factors, split, metric="rmse") < 0.855
    # cmfrec with implicit features: 0.8489.
    factors = recsys.ExplicitALS(50, 0.06, implicit_weight=1, n_epochs=15).fit(split.train)
    assert 0.830 < validation_score(factors, split, metric="rmse") < 0.840


@pytest.mark.data
@pytest.mark.slow
def test_rmse_on_the_official_folds_of_ml_100k(ml_100k: Path) -> None:
    errors = []
    for fold in range(1, 6):
        parts = [recsys.read_ratings(ml_100k / f"u{fold}.{part}") for part in ("base", "test")]
        split = splits.given(*parts)
        errors.append(validation_score(recsys.ExplicitALS().fit(split.train), split, metric="rmse"))
    assert 0.91 < np.mean(errors) < 0.925
