"""The bench: all of a split that does not depend on the model, and the measuring of one on it.

Full ranking: every item a user had not rated in the training part competes, in blocks of users, in
bounded memory. Every metric has one value per user.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from recsys.evaluation import metrics
from recsys.evaluation.scoring import FactorScorer, Scorer, best_items
from recsys.evaluation.segments import ItemSegments, item_segments
from recsys.evaluation.summary import run_means
from recsys.models.baselines import Popularity
from recsys.models.factors import Factors
from recsys.ratings.feedback import Feedback
from recsys.ratings.item_tables import genre_flags
from recsys.ratings.ratings import Ratings
from recsys.ratings.splits import Split

FloatVector = npt.NDArray[np.float64]
FloatMatrix = npt.NDArray[np.float64]
Items = npt.NDArray[np.int32]

_BLOCK = 8192  # users ranked together
_AUC_USERS = 2000  # AUC sorts all scores of a user, so it looks at so many, drawn once per split
_AUC_ENTRIES = 1 << 22  # scores sorted together
_MOST_VALUES = 20  # different ratings; more are put into ten classes

LIST_METRICS: dict[str, Callable[..., FloatVector]] = {
    "ndcg": metrics.ndcg,
    "recall": metrics.recall,
    "capped_recall": metrics.capped_recall,
    "precision": metrics.precision,
    "map": metrics.average_precision,
    "mrr": metrics.reciprocal_rank,
    "hit_rate": metrics.hit_rate,
}
"""Metrics of a ranked list against the held-out items, by the name they have in tables."""

CURVES = ("ndcg", "recall", "precision")
"""Metrics also measured at every length of the list up to 2k."""


@dataclass(frozen=True)
class Bench:
    """A split made ready: the same for every model that is measured on it."""

    split: Split
    trained_on: Ratings
    """What counts of the training ratings."""
    relevant: sp.csr_matrix
    """(n_users, n_items) what counts of the test ratings: the hits."""
    users: npt.NDArray[np.int64]
    """Rows of the users with test ratings."""
    history: sp.csr_matrix
    """(n_users, n_items) what counts of what is known of the users when they are served."""
    counts: npt.NDArray[np.int64]
    """(n_items,) training ratings."""
    popular: Items
    """(n_test_users, k) what `Popularity` would recommend to them."""
    genres: npt.NDArray[np.bool_]
    """(n_items, n_genres)."""
    segments: ItemSegments
    k: int

    @property
    def folds_in(self) -> bool:
        """The test users are not training users."""
        return self.split.known is not None

    @property
    def has_values(self) -> bool:
        """The test ratings say how much, not only that."""
        return self.split.test.has_values


@dataclass(frozen=True)
class Measured:
    """One model on one split."""

    values: pd.DataFrame
    """A row per user with test ratings, in the order of `Bench.users`: a column per metric, and
    `n_ratings`, the user's test ratings."""
    catalogue: dict[str, float]
    """Metrics without a value per user."""
    curves: dict[str, FloatVector]
    """Metric → mean over users (2k,) for lists of 1, 2, ... items."""
    segment_hits: npt.NDArray[np.float32]
    """(n_test_users, n_segments) hits among the first k by item segment."""
    by_rating: pd.DataFrame
    """Per true rating: n, sum of errors, sum of squared errors. Empty without predicted ratings."""

    @property
    def means(self) -> dict[str, float]:
        """Each metric: its mean over users, or over ratings for rmse and mae."""
        return run_means(self.values)


def make_bench(split: Split, k: int, feedback: Feedback) -> Bench:
    """The bench of a split."""
    trained_on = feedback.apply(split.train)
    relevant = feedback.apply(split.test).matrix
    users = np.flatnonzero(np.diff(split.test.matrix.indptr)).astype(np.int64)
    history = feedback.of(split.seen.matrix)
    popular = best_items(
        FactorScorer(Popularity().fit(trained_on)),
        users,
        history[users],
        k,
        split.seen.matrix[users],
    )
    genres = genre_flags(split.train.item_table)
    counts = np.bincount(split.train.matrix.indices, minlength=split.train.n_items)
    segments = item_segments(counts, *genres)
    return Bench(
        split, trained_on, relevant, users, history, counts, popular, genres[1], segments, k
    )


def measure(scorer: Scorer, bench: Bench, *, predicts_ratings: bool = False) -> Measured:
    """All metrics of one fitted model.

    Args:
        scorer: the model.
        bench: what to measure it on.
        predicts_ratings: its scores are predicted ratings, so that their error means something.
    """
    n, k, n_items = len(bench.users), bench.k, len(bench.counts)
    columns: dict[str, FloatVector] = {}
    shown = np.zeros(n_items, np.int64)
    sums = {name: np.zeros(2 * k) for name in CURVES}
    segment_hits = np.zeros((n, bench.segments.n), np.float32)
    n_ranked = 0
    for start in range(0, n, _BLOCK):
        block = bench.users[start : start + _BLOCK]
        relevant, seen = bench.relevant[block], bench.split.seen.matrix[block]
        items = best_items(scorer, block, bench.history[block], 2 * k, seen)
        hits, n_relevant = contains(relevant, items), np.diff(relevant.indptr)
        first = items[:, :k]
        for name, of in LIST_METRICS.items():
            _put(columns, f"{name}@{k}", of(hits[:, :k], n_relevant), start, n)
        for name, values in _beyond(bench, first, hits[:, :k], n_relevant, start).items():
            _put(columns, f"{name}@{k}", np.where(n_relevant > 0, values, np.nan), start, n)
        if bench.has_values:
            graded = _graded(bench.split.test.matrix[block], first)
            _put(columns, f"graded_ndcg@{k}", graded, start, n)
        segment_hits[start : start + len(block)] = bench.segments.sums(first, hits[:, :k])
        ranked = n_relevant > 0
        n_ranked += int(ranked.sum())
        for name, values in _curves(hits[ranked], n_relevant[ranked]).items():
            sums[name] += values
        first = first[ranked]
        shown += np.bincount(first[first >= 0], minlength=n_items)
    columns["auc"] = _auc(scorer, bench)
    by_rating = pd.DataFrame()
    if predicts_ratings and bench.has_values and isinstance(scorer, FactorScorer):
        errors, by_rating = _errors(scorer, bench)
        columns |= errors
    columns["n_ratings"] = np.diff(bench.split.test.matrix.indptr)[bench.users].astype(np.float64)
    everywhere = np.repeat(np.arange(n_items), shown)
    return Measured(
        values=pd.DataFrame({"user": bench.split.test.users.ids[bench.users]} | columns),
        catalogue={
            f"coverage@{k}": metrics.coverage(everywhere, n_items),
            f"gini@{k}": metrics.gini(everywhere, n_items),
            f"head_share@{k}": _head_share(shown, bench.counts),
        },
        curves={name: total / max(1, n_ranked) for name, total in sums.items()},
        segment_hits=segment_hits,
        by_rating=by_rating,
    )


def measure_factors(
    factors: Factors, split: Split, k: int = 10, feedback: Feedback | None = None
) -> Measured:
    """All metrics of factors that were fitted elsewhere, on one split."""
    bench = make_bench(split, k, feedback or Feedback())
    scorer = FactorScorer(factors, folds_in=bench.folds_in)
    return measure(scorer, bench, predicts_ratings=factors.spec.predicts_ratings)


def contains(matrix: sp.csr_matrix, items: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """Whether each item (n, k) is an entry of its row of a sorted CSR matrix; −1 never is."""
    return _entries_at(matrix, items)[1]


def _entries_at(
    matrix: sp.csr_matrix, items: npt.NDArray[np.integer]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    # Where in `matrix.data` each item (n, k) of its row stands, and whether it stands there.
    n_columns = matrix.shape[1]
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    entries = rows * n_columns + matrix.indices  # increasing, as the matrix is sorted
    asked = np.arange(len(items))[:, None] * n_columns + items
    if not len(entries):
        return np.zeros(items.shape, np.int64), np.zeros(items.shape, bool)
    at = np.searchsorted(entries, asked).clip(max=len(entries) - 1)
    return at, (entries[at] == asked) & (items >= 0)


def _put(
    columns: dict[str, FloatVector], name: str, values: FloatVector, start: int, n: int
) -> None:
    columns.setdefault(name, np.full(n, np.nan))[start : start + len(values)] = values


def _beyond(
    bench: Bench,
    items: Items,
    hits: npt.NDArray[np.bool_],
    n_relevant: npt.NDArray[np.integer],
    start: int,
) -> dict[str, FloatVector]:
    # Metrics beyond accuracy, of the users `start`, `start` + 1, ...
    n_users = int((np.diff(bench.split.train.matrix.indptr) > 0).sum())
    popular = bench.popular[start : start + len(items)]
    found = {
        "novelty": metrics.novelty(items, bench.counts, n_users),
        "popularity": metrics.popularity_bias(items, bench.counts),
        "serendipity": metrics.serendipity(hits, items, popular, n_relevant),
    }
    if bench.genres.shape[1]:
        flags = bench.genres.astype(np.float64)
        shares = flags / np.maximum(flags.sum(axis=1, keepdims=True), 1)
        history = bench.history[bench.users[start : start + len(items)]]
        ones = sp.csr_matrix((np.ones(history.nnz), history.indices, history.indptr), history.shape)
        taste = np.asarray(ones @ shares)
        total = taste.sum(axis=1, keepdims=True)
        taste = np.divide(taste, total, out=np.zeros_like(taste), where=total > 0)
        found["diversity"] = metrics.diversity(items, flags)
        found["calibration"] = metrics.calibration(items, taste, shares)
    return found


def _graded(test: sp.csr_matrix, items: Items) -> FloatVector:
    # Gains are the test ratings themselves, liked or not; ratings below zero gain nothing.
    at, there = _entries_at(test, items)
    values = np.maximum(test.data.astype(np.float64), 0)
    gains = np.where(there, values[at] if len(values) else 0.0, 0.0)
    rows = np.repeat(np.arange(test.shape[0]), np.diff(test.indptr))
    order = np.lexsort((-values, rows))
    rank = np.arange(len(rows)) - test.indptr[rows]
    keep = rank < items.shape[1]
    ideal = np.zeros(items.shape)
    ideal[rows[keep], rank[keep]] = values[order][keep]
    return metrics.graded_ndcg(gains, ideal)


def _curves(
    hits: npt.NDArray[np.bool_], n_relevant: npt.NDArray[np.integer]
) -> dict[str, FloatVector]:
    # Sums over users of the metrics at 1, 2, ... items, from running sums along the list.
    depth = hits.shape[1]
    found = np.cumsum(hits, axis=1)
    discount = 1 / np.log2(np.arange(2, depth + 2))
    ideal = np.cumsum(discount)
    lengths = np.arange(1, depth + 1)
    reached = np.minimum(n_relevant[:, None], lengths)
    return {
        "ndcg": (np.cumsum(hits * discount, axis=1) / ideal[reached - 1]).sum(axis=0),
        "recall": (found / n_relevant[:, None]).sum(axis=0),
        "precision": (found / lengths).sum(axis=0),
    }


def _auc(scorer: Scorer, bench: Bench) -> FloatVector:
    ranked = np.flatnonzero(np.diff(bench.relevant.indptr)[bench.users])
    if len(ranked) > _AUC_USERS:
        draw = np.random.default_rng(0).choice(len(ranked), _AUC_USERS, replace=False)
        ranked = ranked[np.sort(draw)]
    values = np.full(len(bench.users), np.nan)
    step = max(1, _AUC_ENTRIES // len(bench.counts))
    for start in range(0, len(ranked), step):
        at = ranked[start : start + step]
        users = bench.users[at]
        scores = scorer.scores(users, bench.history[users])
        allowed = np.ones(scores.shape, bool)
        seen = bench.split.seen.matrix[users]
        allowed[np.repeat(np.arange(len(users)), np.diff(seen.indptr)), seen.indices] = False
        values[at] = metrics.auc(scores, bench.relevant[users].toarray() != 0, allowed)
    return values


def _errors(scorer: FactorScorer, bench: Bench) -> tuple[dict[str, FloatVector], pd.DataFrame]:
    n = len(bench.users)
    squared, absolute = np.zeros(n), np.zeros(n)
    test = bench.split.test.matrix
    different = np.unique(test.data)
    many = len(different) > _MOST_VALUES
    edges = np.histogram_bin_edges(different, 10)
    parts = []
    for start in range(0, n, _BLOCK):
        block = bench.users[start : start + _BLOCK]
        pairs = test[block]
        predicted = scorer.predicted(block, bench.history[block], pairs).astype(np.float64)
        error = predicted - pairs.data
        rows = np.repeat(np.arange(start, start + len(block)), np.diff(pairs.indptr))
        squared += np.bincount(rows, error**2, minlength=n)
        absolute += np.bincount(rows, np.abs(error), minlength=n)
        classes = np.digitize(pairs.data, edges[1:-1]) if many else None
        true = (edges[:-1] + edges[1:])[classes] / 2 if classes is not None else pairs.data
        parts.append(pd.DataFrame({"rating": true, "n": 1, "error": error, "squared": error**2}))
    counts = np.diff(test.indptr)[bench.users]
    by_rating = pd.concat(parts).groupby("rating", as_index=False).sum()
    return {"rmse": np.sqrt(squared / counts), "mae": absolute / counts}, by_rating


def _head_share(shown: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> float:
    # Share of the recommendations that are among the most rated hundredth of the items.
    head = np.argsort(-counts, kind="stable")[: max(1, len(counts) // 100)]
    return float(shown[head].sum() / shown.sum()) if shown.sum() else float("nan")
