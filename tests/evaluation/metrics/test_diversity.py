import numpy as np
import pytest

from recsys.evaluation.metrics.diversity import diversity


def test_diversity_equals_the_mean_over_pairs() -> None:
    from itertools import combinations

    rng = np.random.default_rng(0)
    vectors = rng.random((12, 5))
    items = np.array([rng.permutation(12)[:6] for _ in range(8)])
    items[0, 4:] = -1
    items[1, 1:] = -1
    found = diversity(items, items >= 0, vectors)
    for row, value in zip(items, found, strict=True):
        there = row[row >= 0]
        pairs = [
            1 - vectors[a] @ vectors[b] / np.linalg.norm(vectors[a]) / np.linalg.norm(vectors[b])
            for a, b in combinations(there, 2)
        ]
        assert value == pytest.approx(np.mean(pairs)) if pairs else np.isnan(value)
