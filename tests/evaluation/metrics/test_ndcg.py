from math import log2

import numpy as np
import pytest

from recsys.evaluation.metrics.ndcg import graded_ndcg, ndcg


def test_ndcg_by_visible_arithmetic() -> None:
    hits = np.array([[True, False, True], [False, False, False], [True, True, True]])
    found = ndcg(hits, [2, 1, 9])
    first = (1 / log2(2) + 1 / log2(4)) / (1 / log2(2) + 1 / log2(3))
    assert found.tolist() == pytest.approx([first, 0.0, 1.0])


def test_ndcg_equals_scikit_learn() -> None:
    from sklearn.metrics import ndcg_score

    rng = np.random.default_rng(0)
    relevant = rng.random((50, 30)) < 0.2
    relevant[:, 0] = True
    scores = rng.random((50, 30))
    order = np.argsort(-scores, axis=1)[:, :10]
    ours = ndcg(np.take_along_axis(relevant, order, axis=1), relevant.sum(axis=1))
    theirs = [ndcg_score(relevant[u : u + 1], scores[u : u + 1], k=10) for u in range(50)]
    assert np.allclose(ours, theirs, atol=1e-12)


def test_graded_ndcg_equals_scikit_learn() -> None:
    from sklearn.metrics import ndcg_score

    rng = np.random.default_rng(1)
    gains = rng.integers(0, 6, (40, 30)).astype(float)
    scores = rng.random((40, 30))
    order = np.argsort(-scores, axis=1)[:, :10]
    ideal = -np.sort(-gains, axis=1)[:, :10]
    ours = graded_ndcg(np.take_along_axis(gains, order, axis=1), ideal)
    theirs = [ndcg_score(gains[u : u + 1], scores[u : u + 1], k=10) for u in range(40)]
    assert np.allclose(ours, theirs, atol=1e-12)
