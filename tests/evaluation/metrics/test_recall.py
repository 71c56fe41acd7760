import numpy as np

from recsys.evaluation.metrics.recall import capped_recall, recall


def test_recall_by_visible_arithmetic_and_nan_for_nobody() -> None:
    hits = np.array([[True, False], [False, False]])
    assert recall(hits, [4, 0])[0] == 1 / 4
    assert np.isnan(recall(hits, [4, 0])[1])


def test_two_recalls_differ_only_for_users_with_more_than_k() -> None:
    rng = np.random.default_rng(3)
    hits, missed = rng.random((60, 2)) < 0.3, rng.integers(0, 4, 60)
    n = hits.sum(axis=1) + missed
    few, many = (n > 0) & (n <= 2), n > 2
    assert np.array_equal(recall(hits, n)[few], capped_recall(hits, n)[few])
    assert np.allclose(recall(hits, n)[many] * n[many] / 2, capped_recall(hits, n)[many])
