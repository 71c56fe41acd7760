"""Metrics that need the scores of all items: AUC, and those against sampled items.

A ranker need not have scores (an approximate index, a re-ranker); such a model has no value of
these metrics, and check R013 says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recsys.csr import entry_rows
from recsys.evaluation.metrics import metrics_from
from recsys.evaluation.metrics.inputs import SampledRanks, Scores
from recsys.evaluation.protocol.prepared import PreparedSplit
from recsys.recommend.ranking import Ranker

Flags = npt.NDArray[np.bool_]
Vector = npt.NDArray[np.float64]

AUC_USERS = 2000
"""Sorting all scores of a user is slow, so that many users are drawn, once per split."""
ENTRIES = 1 << 22
"""Scores held at once."""


@dataclass(frozen=True, eq=False)
class _Scored:
    scores: npt.NDArray[np.float32]
    relevant: Flags
    allowed: Flags


@dataclass(frozen=True, eq=False)
class _Sampled:
    above: npt.NDArray[np.int64]
    equal: npt.NDArray[np.int64]
    k: int


def score_values(ranker: Ranker, prepared: PreparedSplit) -> dict[str, Vector]:
    """Column → values (n_test_users,) of the metrics of all scores; NaN for users not drawn.

    Empty for a ranker without scores.
    """
    metrics = metrics_from(Scores)
    scores_of = getattr(ranker, "scores", None)
    if scores_of is None:
        return {}
    n = len(prepared.users)
    columns = {metric.column(prepared.k): np.full(n, np.nan) for metric in metrics}
    chosen = _drawn(prepared)
    step = max(1, ENTRIES // len(prepared.counts))
    for start in range(0, len(chosen), step):
        at = chosen[start : start + step]
        users = prepared.users[at]
        scores = scores_of(users, prepared.history[users])
        allowed = _ranked(prepared, scores.shape)
        seen = prepared.seen[users]
        allowed[entry_rows(seen), seen.indices] = False
        inputs = _Scored(scores, prepared.relevant[users].toarray() != 0, allowed)
        for metric in metrics:
            columns[metric.column(prepared.k)][at] = metric.value(inputs)
    return columns


def _drawn(prepared: PreparedSplit) -> npt.NDArray[np.int64]:
    # Positions of the users whose scores are sorted: the same for every model.
    ranked = np.flatnonzero(np.diff(prepared.relevant.indptr)[prepared.users])
    if len(ranked) > AUC_USERS:
        draw = np.random.default_rng(0).choice(len(ranked), AUC_USERS, replace=False)
        ranked = ranked[np.sort(draw)]
    return ranked


def sampled_values(
    ranker: Ranker, prepared: PreparedSplit, n_negatives: int, seed: int = 0
) -> dict[str, Vector]:
    """Column → values (n_test_users,) of the sampled metrics; NaN for users without relevant items.

    Each relevant item is ranked among `n_negatives` items drawn uniformly, with replacement, from
    those the user has rated neither in training nor in test. A user's value is the mean over
    relevant items, of each the mean over the ranks that ties allow. Empty for a ranker without
    scores.

    These are not the metrics of full ranking, and may order models differently (Krichene, Rendle
    2020, "On Sampled Metrics for Item Recommendation").
    """
    scores_of = getattr(ranker, "scores", None)
    if scores_of is None:
        return {}
    metrics = metrics_from(SampledRanks)
    n, rng = len(prepared.users), np.random.default_rng(seed)
    columns = {metric.column(prepared.k): np.full(n, np.nan) for metric in metrics}
    step = max(1, ENTRIES // len(prepared.counts))
    for start in range(0, n, step):
        users = prepared.users[start : start + step]
        scores = scores_of(users, prepared.history[users])
        free, relevant = _unrated(prepared, users), prepared.relevant[users]
        for u in range(len(users)):
            positives = relevant.indices[relevant.indptr[u] : relevant.indptr[u + 1]]
            others = np.flatnonzero(free[u])
            if not len(positives) or not len(others):
                continue
            drawn = scores[u, others[rng.integers(0, len(others), (len(positives), n_negatives))]]
            own = scores[u, positives, None]
            above, equal = (drawn > own).sum(axis=1), (drawn == own).sum(axis=1)
            inputs = _Sampled(above, equal, prepared.k)
            for metric in metrics:
                columns[metric.column(prepared.k)][start + u] = np.mean(metric.value(inputs))
    return columns


def _unrated(prepared: PreparedSplit, users: npt.NDArray[np.int64]) -> Flags:
    free = _ranked(prepared, (len(users), len(prepared.counts)))
    for rated in (prepared.seen[users], prepared.split.test.matrix[users]):
        free[entry_rows(rated), rated.indices] = False
    return free


def _ranked(prepared: PreparedSplit, shape: tuple[int, ...]) -> Flags:
    # (n, n_items) the items that are ranked at all.
    if prepared.candidates is None:
        return np.ones(shape, bool)
    flags = np.zeros(shape, bool)
    flags[:, prepared.candidates] = True
    return flags
