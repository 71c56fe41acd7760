from pathlib import Path

import numpy as np
import pytest

import recsys


def test_popularity_counts_ratings(random_ratings: recsys.Ratings) -> None:
    factors = recsys.Popularity().fit(random_ratings)
    counts = np.diff(random_ratings.matrix.tocsc().indptr)
    assert np.array_equal(factors.item_bias, counts)
    assert factors.n_factors == 0


def test_biases_are_stationary(random_ratings: recsys.Ratings) -> None:
    """At the minimum of L every bias is its shrunken mean residual."""
    spec = recsys.Biases(user_regularization=2.0, item_regularization=3.0, n_epochs=200)
    f = spec.fit(random_ratings)
    r = random_ratings.matrix.toarray()
    seen = r > 0
    left = np.where(seen, r - f.mean - f.user_bias[:, None] - f.item_bias, 0)
    assert np.allclose(left.sum(axis=1), 2.0 * f.user_bias, atol=1e-4)
    assert np.allclose(left.sum(axis=0), 3.0 * f.item_bias, atol=1e-4)
    assert f.log[-1].loss == pytest.approx(
        np.sum(left**2) + 2 * np.sum(f.user_bias**2) + 3 * np.sum(f.item_bias**2), rel=1e-5
    )


def test_one_user_one_item_by_hand() -> None:
    import pandas as pd

    frame = pd.DataFrame({"user_id": [1, 2], "item_id": [1, 1], "rating": [2.0, 4.0]})
    f = recsys.Biases(0.0, 1.0, n_epochs=1).fit(recsys.Ratings.from_frame(frame))
    assert f.mean == 3
    assert f.item_bias.tolist() == [0.0]  # (2 − 3 + 4 − 3) / (2 + 1)
    assert f.user_bias.tolist() == [-1.0, 1.0]


@pytest.mark.data
def test_rmse_band_on_ml_100k(ml_100k: Path) -> None:
    from recsys.evaluation.protocol.validation import validation_score
    from recsys.ratings import splits

    # Surprise reports 0.944 for its baseline with the same regularization, over five random folds.
    folds = splits.kfold(recsys.read_ratings(ml_100k), 5, seed=0)
    errors = [validation_score(recsys.Biases().fit(s.train), s, metric="rmse") for s in folds]
    assert np.mean(errors) == pytest.approx(0.944, abs=0.005)
