import numpy as np
import pytest

from recsys.evaluation.metrics.auc import auc


def test_auc_equals_scikit_learn_with_ties() -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    relevant, allowed = rng.random((30, 40)) < 0.2, rng.random((30, 40)) < 0.8
    scores = rng.integers(0, 6, (30, 40)).astype(float)
    relevant[0] = False
    found = auc(scores, relevant, allowed)
    assert np.isnan(found[0])
    for u in range(1, 30):
        expected = roc_auc_score(relevant[u][allowed[u]], scores[u][allowed[u]])
        assert found[u] == pytest.approx(expected, abs=1e-12)
