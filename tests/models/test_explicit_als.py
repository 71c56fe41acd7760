import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import reference

import recsys
from recsys.evaluation.protocol.validation import validation_score
from recsys.ratings import splits

SPEC = recsys.ExplicitALS(4, regularization=0.1, n_epochs=8)


def test_the_reported_loss_is_the_formula(random_ratings: recsys.Ratings) -> None:
    factors = SPEC.fit(random_ratings)
    loss = reference.explicit_loss(random_ratings.matrix, factors, SPEC)
    assert factors.log[-1].loss == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("cg_steps", [0, 3])
def test_loss_never_rises(cg_steps: int, sample: recsys.Ratings) -> None:
    losses = [p.loss for p in recsys.ExplicitALS(8, cg_steps=cg_steps).fit(sample).log]
    assert all(b <= a * (1 + 1e-6) for a, b in itertools.pairwise(losses))


def test_a_user_solves_the_ridge_regression_of_scikit_learn(random_ratings: recsys.Ratings) -> None:
    from sklearn.linear_model import Ridge

    factors = SPEC.fit(random_ratings)
    for user in (0, 7, 29):
        row = random_ratings.matrix[user]
        design = np.column_stack(
            [factors.item_factors[row.indices], np.ones(len(row.indices), np.float32)]
        ).astype(np.float64)
        target = row.data - factors.mean - factors.item_bias[row.indices]
        ridge = Ridge(alpha=SPEC.regularization * len(row.data), fit_intercept=False)
        expected = ridge.fit(design, target).coef_
        assert np.allclose(factors.user_factors[user], expected[:-1], atol=1e-5)
        assert factors.user_bias[user] == pytest.approx(expected[-1], abs=1e-5)


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


@pytest.mark.data
@pytest.mark.slow
def test_rmse_on_the_official_folds_of_ml_100k(ml_100k: Path) -> None:
    errors = []
    for fold in range(1, 6):
        parts = [recsys.read_ratings(ml_100k / f"u{fold}.{part}") for part in ("base", "test")]
        split = splits.given(*parts)
        errors.append(validation_score(recsys.ExplicitALS().fit(split.train), split, metric="rmse"))
    assert 0.91 < np.mean(errors) < 0.925
