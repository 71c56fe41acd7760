"""Metrics against a few random items instead of the catalogue: only for comparing with papers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recsys.evaluation.bench import Bench
from recsys.evaluation.scoring import Scorer

FloatVector = npt.NDArray[np.float64]

_ENTRIES = 1 << 22  # scores formed together


def sampled_metrics(
    scorer: Scorer, bench: Bench, n_negatives: int, seed: int = 0
) -> dict[str, FloatVector]:
    """`sampled_ndcg` and `sampled_hit_rate` per test user, NaN for users without relevant items.

    Each relevant item is ranked among `n_negatives` items drawn uniformly, with replacement, from
    those the user has rated neither in training nor in test; ties count half. With its rank p,
    NDCG is 1 / log2(p + 1) for p ≤ k, else 0; a user's value is the mean over relevant items.

    These numbers are not those of full ranking, and may order models otherwise (Krichene, Rendle
    2020, "On Sampled Metrics for Item Recommendation").
    """
    n_items = len(bench.counts)
    rng = np.random.default_rng(seed)
    ndcg, hit = np.full(len(bench.users), np.nan), np.full(len(bench.users), np.nan)
    step = max(1, _ENTRIES // n_items)
    for start in range(0, len(bench.users), step):
        users = bench.users[start : start + step]
        scores = scorer.scores(users, bench.history[users])
        seen, test = bench.split.seen.matrix[users], bench.split.test.matrix[users]
        free = np.ones(scores.shape, bool)
        for rated in (seen, test):
            free[np.repeat(np.arange(len(users)), np.diff(rated.indptr)), rated.indices] = False
        relevant = bench.relevant[users]
        for u in range(len(users)):
            positives = relevant.indices[relevant.indptr[u] : relevant.indptr[u + 1]]
            others = np.flatnonzero(free[u])
            if not len(positives) or not len(others):
                continue
            drawn = scores[u, others[rng.integers(0, len(others), (len(positives), n_negatives))]]
            own = scores[u, positives, None]
            rank = 1 + (drawn > own).sum(axis=1) + (drawn == own).sum(axis=1) / 2
            inside = rank <= bench.k
            ndcg[start + u] = np.mean(inside / np.log2(rank + 1))
            hit[start + u] = np.mean(inside)
    return {f"sampled_ndcg@{bench.k}": ndcg, f"sampled_hit_rate@{bench.k}": hit}
