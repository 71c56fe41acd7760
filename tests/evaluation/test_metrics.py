from math import log2

import numpy as np
import pytest

import recsys
from recsys.evaluation import metrics
from recsys.evaluation.bench import contains, measure_factors
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
    found = measure_factors(factors, split).values
    assert found["ndcg@10"].min() > 0.999
    assert set(found["user"]) == set(split.test.to_frame()["user"])
    test = split.test.to_frame()
    errors = factors.predict(test["user"], test["item"]) - test["rating"]
    assert np.abs(errors).max() < 1e-2


def ranked_world(seed, n_users=60, n_items=25, k=10):
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
def test_list_metrics_equal_ranx(k):
    ranx = pytest.importorskip("ranx")
    relevant, scores, hits, _ = ranked_world(k, k=min(k, 25))
    hits = np.pad(hits, ((0, 0), (0, k - hits.shape[1])))
    n_relevant = relevant.sum(axis=1)
    asked = np.flatnonzero(n_relevant)  # ranx does not take a user without relevant items
    qrels = {str(u): {str(i): 1 for i in np.flatnonzero(relevant[u])} for u in asked}
    run = {str(u): {str(i): float(s) for i, s in enumerate(scores[u])} for u in asked}
    pairs = {
        "precision": metrics.precision,
        "recall": metrics.recall,
        "hit_rate": metrics.hit_rate,
        "mrr": metrics.reciprocal_rank,
        "map": metrics.average_precision,
        "ndcg": metrics.ndcg,
    }
    peer = ranx.Run(run)
    ranx.evaluate(ranx.Qrels(qrels), peer, [f"{name}@{k}" for name in pairs])
    for name, ours in pairs.items():
        theirs = [peer.scores[f"{name}@{k}"][str(u)] for u in asked]
        assert np.allclose(ours(hits, n_relevant)[asked], theirs, atol=1e-9), name
        assert np.isnan(ours(hits, n_relevant)[0])


def test_auc_equals_scikit_learn_with_ties():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    relevant, allowed = rng.random((30, 40)) < 0.2, rng.random((30, 40)) < 0.8
    scores = rng.integers(0, 6, (30, 40)).astype(float)
    relevant[0] = False
    found = metrics.auc(scores, relevant, allowed)
    assert np.isnan(found[0])
    for u in range(1, 30):
        expected = roc_auc_score(relevant[u][allowed[u]], scores[u][allowed[u]])
        assert found[u] == pytest.approx(expected, abs=1e-12)


def test_graded_ndcg_equals_scikit_learn():
    from sklearn.metrics import ndcg_score

    rng = np.random.default_rng(1)
    gains = rng.integers(0, 6, (40, 30)).astype(float)
    scores = rng.random((40, 30))
    order = np.argsort(-scores, axis=1)[:, :10]
    ideal = -np.sort(-gains, axis=1)[:, :10]
    ours = metrics.graded_ndcg(np.take_along_axis(gains, order, axis=1), ideal)
    theirs = [ndcg_score(gains[u : u + 1], scores[u : u + 1], k=10) for u in range(40)]
    assert np.allclose(ours, theirs, atol=1e-12)


def test_two_recalls_differ_only_for_users_with_more_than_k():
    relevant, _, hits, _ = ranked_world(3, k=2)
    n = relevant.sum(axis=1)
    few = (n > 0) & (n <= 2)
    assert np.array_equal(metrics.recall(hits, n)[few], metrics.capped_recall(hits, n)[few])
    many = n > 2
    assert np.allclose(
        metrics.recall(hits, n)[many] * n[many] / 2, metrics.capped_recall(hits, n)[many]
    )


def test_gini_is_the_mean_difference_over_twice_the_mean():
    rng = np.random.default_rng(0)
    items = rng.zipf(1.7, (50, 6)) % 20
    counts = np.bincount(items.ravel(), minlength=20).astype(float)
    expected = np.abs(counts[:, None] - counts).mean() / (2 * counts.mean())
    assert metrics.gini(items, 20) == pytest.approx(expected)
    assert metrics.coverage(items, 20) == np.mean(counts > 0)
    assert np.isnan(metrics.gini(np.full((2, 3), -1), 20))


def test_diversity_equals_the_mean_over_pairs():
    from itertools import combinations

    rng = np.random.default_rng(0)
    vectors = rng.random((12, 5))
    items = np.array([rng.permutation(12)[:6] for _ in range(8)])
    items[0, 4:] = -1
    items[1, 1:] = -1
    found = metrics.diversity(items, vectors)
    for row, value in zip(items, found, strict=True):
        there = row[row >= 0]
        pairs = [
            1 - vectors[a] @ vectors[b] / np.linalg.norm(vectors[a]) / np.linalg.norm(vectors[b])
            for a, b in combinations(there, 2)
        ]
        assert value == pytest.approx(np.mean(pairs)) if pairs else np.isnan(value)


def test_calibration_by_visible_arithmetic():
    genres = np.array([[1.0, 0], [0, 1.0], [0.5, 0.5]])
    history = np.array([[0.8, 0.2], [0.8, 0.2], [0.0, 0.0]])
    items = np.array([[0, 1], [0, -1], [0, 1]])
    even = [0.99 * 0.5 + 0.01 * 0.8, 0.99 * 0.5 + 0.01 * 0.2]
    only = [0.99 * 1 + 0.01 * 0.8, 0.01 * 0.2]
    expected = [
        0.8 * np.log(0.8 / even[0]) + 0.2 * np.log(0.2 / even[1]),
        0.8 * np.log(0.8 / only[0]) + 0.2 * np.log(0.2 / only[1]),
    ]
    found = metrics.calibration(items, history, genres)
    assert found[:2].tolist() == pytest.approx(expected)
    assert np.isnan(found[2])


def test_novelty_popularity_and_serendipity_by_visible_arithmetic():
    items = np.array([[0, 1, -1], [2, 0, 1]])
    counts = [4, 1, 0]
    assert metrics.novelty(items, counts, 8).tolist() == pytest.approx(
        [(1 + 3) / 2, (3 + 1 + 3) / 3]
    )
    assert metrics.popularity_bias(items, counts).tolist() == pytest.approx([2.5, 5 / 3])
    hits = np.array([[True, True, False], [True, False, False]])
    popular = np.array([[0, 2, 3], [0, 1, 3]])
    assert metrics.serendipity(hits, items, popular, [2, 1]).tolist() == pytest.approx(
        [1 / 3, 1 / 3]
    )
    assert metrics.mae([1, 4], [2, 2]) == 1.5
