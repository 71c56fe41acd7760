from pathlib import Path

import numpy as np
import pytest

import recsys
from recsys.evaluation.protocol.validation import validation_score
from recsys.models import item_knn


def test_item_knn_by_loops(random_ratings: recsys.Ratings) -> None:
    spec = recsys.ItemKNN(n_neighbours=4, shrinkage=1.5)
    found = spec.fit(random_ratings).weights.toarray()
    r = random_ratings.matrix.toarray().astype(float)
    n = r.shape[1]
    for i in range(n):
        alike = np.zeros(n)
        for j in range(n):
            if i != j:
                below = np.linalg.norm(r[:, i]) * np.linalg.norm(r[:, j]) + 1.5
                alike[j] = r[:, i] @ r[:, j] / below
        kept = alike >= np.sort(alike)[-4]
        assert found[i] == pytest.approx(np.where(kept, alike, 0), abs=1e-6)
        assert kept.sum() >= 4


def test_every_hyperparameter_matters(random_ratings: recsys.Ratings) -> None:
    def weights(spec: recsys.ItemKNN) -> np.ndarray:
        return spec.fit(random_ratings).weights.toarray()

    base = weights(recsys.ItemKNN(5, 1.0))
    assert not np.allclose(base, weights(recsys.ItemKNN(9, 1.0)))
    assert not np.allclose(base, weights(recsys.ItemKNN(5, 9.0)))


def test_bad_values_are_named() -> None:
    with pytest.raises(ValueError, match="n_neighbours must be a whole number of at least 1"):
        recsys.ItemKNN(0)
    with pytest.raises(ValueError, match="shrinkage must be a number of at least 0"):
        recsys.ItemKNN(shrinkage=-1)


def test_blocks_make_no_difference(
    random_ratings: recsys.Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = recsys.ItemKNN(5).fit(random_ratings).weights
    monkeypatch.setattr(item_knn, "_BLOCK", 4)
    parts = recsys.ItemKNN(5).fit(random_ratings).weights
    assert np.array_equal(parts.toarray(), whole.toarray())


def test_dislikes_make_items_unlike_and_are_kept_only_where_all_are() -> None:
    """Users 0 and 1 agree on items 0 and 1, and item 2 is the opposite of both."""
    opposed = recsys.Ratings.from_matrix(np.array([[1.0, 1, -1], [1, 1, -1], [1, 1, -1]]))
    every = recsys.ItemKNN(3, shrinkage=0).fit(opposed).weights.toarray()
    assert every == pytest.approx(np.array([[0, 1, -1], [1, 0, -1], [-1, -1, 0]]), abs=1e-6)
    nearest = recsys.ItemKNN(2, shrinkage=0).fit(opposed).weights.toarray()
    assert nearest == pytest.approx(np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]]), abs=1e-6)


@pytest.mark.data
def test_accuracy_band_on_ml_100k(ml_100k: Path) -> None:
    split = recsys.splits.random(recsys.feedback.ones(recsys.read_ratings(ml_100k)), test=0.1)
    assert 0.244 < validation_score(recsys.ItemKNN().fit(split.train), split) < 0.256
