"""List metrics against ranx."""

import numpy as np
import pytest

from recsys.evaluation.metrics import METRICS


def ranked_world(
    seed: int, n_users: int = 60, n_items: int = 25, k: int = 10
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Random relevance and distinct scores; a user with nothing relevant among them."""
    rng = np.random.default_rng(seed)
    relevant = rng.random((n_users, n_items)) < 0.15
    relevant[0] = False
    scores = rng.permuted(np.tile(np.arange(n_items, dtype=float), (n_users, 1)), axis=1)
    order = np.argsort(-scores, axis=1)[:, :k]
    return relevant, scores, np.take_along_axis(relevant, order, axis=1), order


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:unsafe cast")  # in ranx's own compiled code
@pytest.mark.parametrize("k", [3, 10, 40])  # 40: longer than the catalogue
def test_list_metrics_equal_ranx(k: int) -> None:
    ranx = pytest.importorskip("ranx")
    relevant, scores, hits, _ = ranked_world(k, k=min(k, 25))
    hits = np.pad(hits, ((0, 0), (0, k - hits.shape[1])))
    n_relevant = relevant.sum(axis=1)
    asked = np.flatnonzero(n_relevant)  # ranx does not take a user without relevant items
    qrels = {str(u): {str(i): 1 for i in np.flatnonzero(relevant[u])} for u in asked}
    run = {str(u): {str(i): float(s) for i, s in enumerate(scores[u])} for u in asked}
    pairs = {
        name: METRICS[name].function
        for name in ("precision", "recall", "hit_rate", "mrr", "map", "ndcg")
    }
    peer = ranx.Run(run)
    ranx.evaluate(ranx.Qrels(qrels), peer, [f"{name}@{k}" for name in pairs])
    for name, ours in pairs.items():
        theirs = [peer.scores[f"{name}@{k}"][str(u)] for u in asked]
        inputs = (hits, np.cumsum(hits, axis=1) - hits) if name == "map" else (hits,)
        found = ours(*inputs, n_relevant)
        assert np.allclose(found[asked], theirs, atol=1e-9), name
        assert np.isnan(found[0])
