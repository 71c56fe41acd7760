from math import log2

import numpy as np
import pytest

import recsys
from recsys.evaluation import metrics
from recsys.evaluation.protocol import contains, held_out_rmse, ranking_metrics
from recsys.ratings import splits


def test_ndcg_by_visible_arithmetic():
    hits = np.array([[True, False, True], [False, False, False], [True, True, True]])
    found = metrics.ndcg(hits, [2, 1, 9])
    first = (1 / log2(2) + 1 / log2(4)) / (1 / log2(2) + 1 / log2(3))
    assert found.tolist() == pytest.approx([first, 0.0, 1.0])


def test_recall_by_visible_arithmetic_and_nan_for_nobody():
    hits = np.array([[True, False], [False, False]])
    assert metrics.recall(hits, [4, 0])[0] == 1 / 4
    assert np.isnan(metrics.recall(hits, [4, 0])[1])
    assert np.isnan(metrics.ndcg(hits, [4, 0])[1])
    assert np.isnan(metrics.rmse([], []))


def test_ndcg_equals_scikit_learn():
    from sklearn.metrics import ndcg_score

    rng = np.random.default_rng(0)
    relevant = rng.random((50, 30)) < 0.2
    relevant[:, 0] = True
    scores = rng.random((50, 30))
    order = np.argsort(-scores, axis=1)[:, :10]
    ours = metrics.ndcg(np.take_along_axis(relevant, order, axis=1), relevant.sum(axis=1))
    theirs = [ndcg_score(relevant[u : u + 1], scores[u : u + 1], k=10) for u in range(50)]
    assert np.allclose(ours, theirs, atol=1e-12)


def test_contains():
    import scipy.sparse as sp

    matrix = sp.csr_matrix(np.array([[0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]]))
    found = contains(matrix, np.array([[1, 2, 3, -1], [0, 1, 2, -1], [0, 3, -1, -1]]))
    assert found.tolist() == [[True, False, True, False], [False] * 4, [True, False, False, False]]
    nothing = sp.csr_matrix((1, 4))
    assert contains(nothing, np.array([[0, 1]])).tolist() == [[False, False]]


def test_ranking_ignores_what_was_trained_on(sample):
    """A model that scores exactly the held-out items highest is perfect."""
    split = splits.random(sample, test=0.2, seed=0)
    factors = recsys.PureSVD(200).fit(sample)  # full rank: reproduces train and test ratings
    found = ranking_metrics(factors, split, k=10)
    assert found["ndcg@10"].min() > 0.999
    assert set(found["user"]) == set(split.test.to_frame()["user"])
    assert held_out_rmse(factors, split) < 1e-3
