import numpy as np
import pytest

import recsys


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
