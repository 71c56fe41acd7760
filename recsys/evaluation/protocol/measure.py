"""Measuring: all metrics of one fitted model on one prepared split.

Full ranking: every item a user had not rated in the training part competes. Users are ranked in
blocks, in bounded memory. Every metric but those of the catalogue has one value per user.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys.csr import entry_rows
from recsys.evaluation.metrics import METRICS, metrics_from
from recsys.evaluation.metrics.inputs import Exposure, GradedLists, Lists, RatingErrors
from recsys.evaluation.metrics.record import Metric
from recsys.evaluation.protocol.lists import BLOCK, UserLists, ranked_lists
from recsys.evaluation.protocol.prepared import PreparedSplit, prepare
from recsys.evaluation.protocol.scored import score_values
from recsys.evaluation.result.summary import run_means
from recsys.models.common import Rows
from recsys.models.spec import Fitted
from recsys.ratings.feedback import Feedback
from recsys.ratings.splits import Split
from recsys.recommend.ranking import Ranker

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Measurement:
    """The metrics of one model on one split."""

    values: pd.DataFrame
    """A row per user with test ratings, in the order of `PreparedSplit.users`: user, a column per
    metric, and `n_ratings`, the user's test ratings."""
    catalogue: dict[str, float]
    """Metrics without a value per user."""
    curves: dict[str, Vector]
    """Metric → mean over users (2k,) for lists of 1, 2, ... items."""
    segment_hits: npt.NDArray[np.float32]
    """(n_test_users, n_segments) expected hits among the first k by item segment."""
    by_rating: pd.DataFrame
    """Per true rating: n, sum of errors, sum of squared errors. Empty without predicted ratings."""

    @property
    def means(self) -> dict[str, float]:
        """Each metric: its mean over users, or over ratings where it is pooled."""
        return run_means(self.values)


@dataclass(frozen=True, eq=False)
class Errors:
    """Errors of predicted test ratings: the inputs `RatingErrors` of metrics."""

    errors: Vector
    error_users: npt.NDArray[np.int64]
    n_ratings: npt.NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class _Exposure:
    recommended: Vector
    reached: Vector
    counts: npt.NDArray[np.int64]

    @classmethod
    def nothing(cls, counts: npt.NDArray[np.int64]) -> _Exposure:
        return cls(np.zeros(len(counts)), np.zeros(len(counts)), counts)

    def among(self, candidates: Rows | None) -> _Exposure:
        # Of the items that are ranked: they are the catalogue.
        if candidates is None:
            return self
        kept = self.recommended[candidates], self.reached[candidates]
        return _Exposure(*kept, self.counts[candidates])

    def add(self, lists: UserLists) -> None:
        if lists.ties is None:
            listed = lists.items[lists.items >= 0]
            self.recommended[:] += np.bincount(listed, minlength=len(self.counts))
            self.reached[listed] = 1
            return
        there = np.asarray(lists.chances > 0)
        listed, chances = lists.items[there], lists.chances[there]
        self.recommended[:] += np.bincount(listed, chances, len(self.counts))
        # Missed by all lists: Π (1 − chance), as ties are in another order for each user.
        with np.errstate(divide="ignore"):
            missed = np.exp(
                np.bincount(listed, np.log1p(-chances.astype(np.float64)), len(self.counts))
            )
        self.reached[:] = 1 - (1 - self.reached) * missed


def measure(
    ranker: Ranker, prepared: PreparedSplit, *, predicts_ratings: bool = False
) -> Measurement:
    """All metrics of one fitted model.

    Args:
        ranker: the model.
        prepared: what to measure it on.
        predicts_ratings: whether its scores are predicted ratings, so that their errors mean
            something.
    """
    n, k = len(prepared.users), prepared.k
    columns: dict[str, Vector] = {}
    exposure = _Exposure.nothing(prepared.counts)
    with_curve = [metric for metric in metrics_from(Lists) if metric.curve is not None]
    sums = {metric.name: np.zeros(2 * k) for metric in with_curve}
    segment_hits = np.zeros((n, prepared.segments.n), np.float32)
    n_ranked = 0
    for lists in ranked_lists(ranker, prepared, 2 * k):
        first, at = lists.first(k), lists.positions
        _put(columns, list_values(first, [*metrics_from(Lists), *metrics_from(GradedLists)]), at, n)
        segment_hits[at] = prepared.segments.sums(first.items, first.item_hits)
        ranked = lists.with_relevant
        for metric in with_curve:
            sums[metric.name] += metric.values_by_length(ranked).sum(axis=0)
        n_ranked += len(ranked.items)
        exposure.add(ranked.first(k))
    exposure = exposure.among(prepared.candidates)
    columns |= score_values(ranker, prepared)
    by_rating = pd.DataFrame()
    if predicts_ratings and prepared.has_values and hasattr(ranker, "predicted"):
        errors = rating_errors(ranker, prepared)
        columns |= error_values(errors, k)
        by_rating = _by_rating(prepared, errors.errors)
    return Measurement(
        values=_table(prepared, columns),
        catalogue={metric.column(k): metric.value(exposure) for metric in metrics_from(Exposure)},
        curves={name: total / max(1, n_ranked) for name, total in sums.items()},
        segment_hits=segment_hits,
        by_rating=by_rating,
    )


def measure_all(
    fitted: Mapping[str, Fitted], split: Split, k: int = 10, feedback: Feedback | None = None
) -> dict[str, Measurement]:
    """All metrics of several fitted models on one split, which is prepared once.

    Args:
        fitted: name → what `fit` returned on the training part.
        split: what to measure them on.
        k: length of the lists.
        feedback: which ratings count as liked; None for all.
    """
    prepared = prepare(split, k, feedback)
    return {
        name: measure(
            prepared.ranker(one),
            prepared,
            predicts_ratings=one.spec.predicts_ratings,
        )
        for name, one in fitted.items()
    }


def list_values(lists: UserLists, metrics: Iterable[Metric]) -> dict[str, Vector]:
    """Column → values (n,) of list metrics; what the data cannot provide is left out."""
    found = {}
    for metric in metrics:
        values = metric.value(lists)
        if values is None:
            continue
        if metric.inputs is Lists:
            values = np.where(lists.n_relevant > 0, values, np.nan)
        found[metric.column(lists.k)] = values
    return found


def rating_errors(ranker: Ranker, prepared: PreparedSplit) -> Errors:
    """Predicted − true of every test rating, in the order of the test users."""
    parts, users = [], prepared.users
    for start in range(0, len(users), BLOCK):
        block = users[start : start + BLOCK]
        pairs = prepared.split.test.matrix[block]
        predicted = ranker.predicted(block, prepared.history[block], pairs)  # type: ignore[attr-defined]
        parts.append(predicted.astype(np.float64) - pairs.data)
    test = prepared.split.test.matrix[users]
    return Errors(np.concatenate(parts), entry_rows(test), np.diff(test.indptr))


def error_values(errors: Errors, k: int) -> dict[str, Vector]:
    """Column → values (n,) of the metrics of predicted ratings."""
    return {metric.column(k): metric.value(errors) for metric in metrics_from(RatingErrors)}


def _by_rating(prepared: PreparedSplit, errors: Vector) -> pd.DataFrame:
    true = prepared.split.test.matrix[prepared.users].data
    table = pd.DataFrame({"rating": true, "n": 1, "error": errors, "squared": errors**2})
    return table.groupby("rating", as_index=False).sum()


def _put(
    columns: dict[str, Vector],
    values: Mapping[str, Vector],
    at: npt.NDArray[np.int64],
    n: int,
) -> None:
    for name, part in values.items():
        columns.setdefault(name, np.full(n, np.nan))[at] = part


def _table(prepared: PreparedSplit, columns: Mapping[str, Vector]) -> pd.DataFrame:
    names = [metric.column(prepared.k) for metric in METRICS.values()]
    test = prepared.split.test
    return pd.DataFrame(
        {"user": test.users.ids[prepared.users]}
        | {name: columns[name] for name in names if name in columns}
        | {"n_ratings": np.diff(test.matrix.indptr)[prepared.users].astype(np.float64)}
    )
