"""`Runs` gathers measurements while models are fitted, and makes the tables of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys.evaluation.evaluation import Evaluation
from recsys.evaluation.protocol.contenders import Contender
from recsys.evaluation.protocol.jobs import Job, Outcome, Run
from recsys.evaluation.protocol.kept_runs import Measured
from recsys.evaluation.protocol.measure import Measurement
from recsys.evaluation.protocol.prepared import PreparedSplit
from recsys.evaluation.result.segments import user_segments
from recsys.evaluation.result.summary import UserMeans, ratio_intervals, summarise, user_means
from recsys.provenance import commit, machine, versions
from recsys.ratings.feedback import Feedback
from recsys.ratings.ratings import Ratings, overview
from recsys.ratings.splits import Split

NO_SEED = -1
"""In tables, the seed of models in which nothing is drawn."""

_MOST_VALUES = 20  # different ratings; more are grouped into classes
_CLASSES = 10

_TRAINING = ["model", "fold", "seed", "epoch", "n_epochs", "loss", "seconds"]


class Runs:
    """Everything measured so far."""

    def __init__(
        self,
        contenders: Mapping[str, Contender],
        splits: Sequence[Split],
        k: int,
        feedback: Feedback,
        seeds: tuple[int, ...],
    ) -> None:
        self.failures: dict[str, str] = {}
        self._contenders, self._splits = contenders, splits
        self._k, self._feedback, self._seeds = k, feedback, seeds
        self._values: list[pd.DataFrame] = []
        self._runs: list[dict[str, Any]] = []
        self._curves: list[pd.DataFrame] = []
        self._training: list[dict[str, Any]] = []
        self._by_rating: list[pd.DataFrame] = []
        self._segments = _SegmentCounts(splits[0].test.n_users)
        self._prepared: PreparedSplit | None = None

    def add(self, job: Job, outcome: Outcome) -> None:
        """Adds what came of a job; those on one split come after each other."""
        if job.prepared is not self._prepared:
            self._prepared = job.prepared
            self._segments.begin(job.prepared)
        if isinstance(outcome, str):
            self.failures[job.run.model] = outcome
        else:
            self._add(job.run, outcome)

    def _add(self, run: Run, measured: Measured) -> None:
        keys, found = asdict(run), measured.found
        self._values.append(found.values.assign(**keys))
        about = {name: getattr(measured, name) for name in ("fit_seconds", "measure_seconds")}
        chosen = {"spec": dict(measured.spec)}
        self._runs.append(keys | found.means | found.catalogue | about | chosen)
        for metric, means in found.curves.items():
            length = np.arange(1, len(means) + 1)
            table = keys | {"metric": metric, "length": length, "value": means}
            self._curves.append(pd.DataFrame(table))
        self._training += [keys | vars(progress) for progress in measured.log]
        if len(found.by_rating):
            self._by_rating.append(found.by_rating.assign(**keys))
        self._segments.add(run.model, found)

    @property
    def is_empty(self) -> bool:
        """Whether no model was measured on all splits."""
        return all(name in self.failures for name in self._contenders)

    def result(self) -> Evaluation:
        """The tables, without models that failed on any split."""
        names = [name for name in self._contenders if name not in self.failures]
        values = _of(pd.concat(self._values, ignore_index=True), names)
        values["model"] = pd.Categorical(values["model"], names)
        means = user_means(values, names)
        summary, comparisons = summarise(means)
        ids = np.unique(values["user"].to_numpy())
        first = self._splits[0]
        same_source = first.test.account is first.train.account
        return Evaluation(
            values=values,
            user_ids=ids,
            user_means=tuple(means),
            summary=_in_order(summary, names),
            comparisons=comparisons,
            runs=_of(pd.DataFrame(self._runs), names),
            curves=_mean_curves(_of(pd.concat(self._curves, ignore_index=True), names)),
            segments=self._segments.table(means, first.test.users.rows(ids), self._k),
            by_rating=_in_order(
                _rating_errors([t for t in self._by_rating if t["model"][0] in names]), names
            ),
            training=_of(pd.DataFrame(self._training, columns=_TRAINING), names),
            failures=self.failures,
            specs={name: dict(one.to_dict()) for name, one in self._contenders.items()},
            splits=tuple(split.how for split in self._splits),
            k=self._k,
            feedback=str(self._feedback),
            seeds=self._seeds,
            fingerprint=first.train.fingerprint[:32] + first.test.fingerprint[:32],
            about=self._about(),
            account=_account(first.train),
            held_out_account=None if same_source else _account(first.test),
        )

    def _about(self) -> dict[str, Any]:
        first = self._splits[0]
        assert self._prepared is not None  # something was added
        return {
            "training ratings": dict(overview(first.train)),
            "test ratings": first.test.n_ratings,
            "test users": len(self._prepared.users),
            "ranked items": None if first.candidates is None else len(first.candidates),
            "notes": list(first.train.notes),
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": versions(),
            "machine": machine(),
            "commit": commit(),
        }


class _SegmentCounts:
    # What the table of segments needs, summed over the folds and seeds of each model.

    def __init__(self, n_users: int) -> None:
        self._n_users = n_users
        self._known, self._tested = np.zeros(n_users), np.zeros(n_users)
        self._counted = np.zeros(n_users)
        self._hits: dict[str, npt.NDArray[np.float32]] = {}
        self._totals: dict[str, npt.NDArray[np.float32]] = {}

    def begin(self, prepared: PreparedSplit) -> None:
        self._users = prepared.users
        self._labels = prepared.segments.labels
        self._relevant = prepared.segments.totals(prepared.relevant[prepared.users])
        self._known[self._users] += np.diff(prepared.seen.indptr)[self._users]
        self._counted[self._users] += np.diff(prepared.history.indptr)[self._users]
        self._tested[self._users] += 1

    def add(self, model: str, found: Measurement) -> None:
        shape = self._n_users, self._relevant.shape[1]
        self._hits.setdefault(model, np.zeros(shape, np.float32))[self._users] += found.segment_hits
        self._totals.setdefault(model, np.zeros(shape, np.float32))[self._users] += self._relevant

    def table(
        self, means: Sequence[UserMeans], rows: npt.NDArray[np.int64], k: int
    ) -> pd.DataFrame:
        # Users by NDCG, items by recall; `rows` are the users of the means.
        ranked = next(one for one in means if one.metric == f"ndcg@{k}")
        known, tested = self._known[rows], self._tested[rows]
        activity = np.rint(known / np.maximum(tested, 1)).astype(np.int64)
        groups = user_segments(activity, self._counted[rows] == 0)
        flags = np.column_stack([one.astype(np.float64) for one in groups.values()])
        tables = []
        for i, name in enumerate(ranked.models):
            top, below = ranked.numerators[:, i, None], ranked.denominators[:, i, None]
            tables.append(_segment_table(name, groups, ranked.metric, top * flags, below * flags))
            hits = self._hits[name][rows].astype(np.float64)
            totals = self._totals[name][rows].astype(np.float64)
            tables.append(_segment_table(name, self._labels, f"recall@{k}", hits, totals))
        table = pd.concat(tables, ignore_index=True)
        return table[table["n"] > 0].reset_index(drop=True)


def _account(ratings: Ratings) -> dict[str, Any] | None:
    return None if ratings.account is None else ratings.account.to_dict()


def _segment_table(
    model: str,
    labels: Iterable[tuple[str, str]],
    metric: str,
    tops: npt.NDArray[np.float64],
    belows: npt.NDArray[np.float64],
) -> pd.DataFrame:
    kinds, names = zip(*labels, strict=True)
    mean, low, high = ratio_intervals(tops, belows)
    columns = {"kind": kinds, "segment": names, "metric": metric, "mean": mean, "low": low}
    counts = np.rint(belows.sum(axis=0)).astype(np.int64)
    return pd.DataFrame({"model": model} | columns | {"high": high, "n": counts})


def _of(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    return table[table["model"].isin(names)].reset_index(drop=True)


def _in_order(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    order = {name: i for i, name in enumerate(names)}
    return table.sort_values("model", key=lambda m: m.map(order), kind="stable", ignore_index=True)


def _mean_curves(curves: pd.DataFrame) -> pd.DataFrame:
    keys = ["model", "metric", "length"]
    return curves.groupby(keys, sort=False)["value"].mean().reset_index()


def _classed(table: pd.DataFrame) -> pd.DataFrame:
    # Where there are many different ratings, each becomes the mean of its class. The classes, with
    # about equally many ratings, are the same for all models and folds.
    counts = table.groupby("rating")["n"].sum()
    if len(counts) <= _MOST_VALUES:
        return table
    values, n = counts.index.to_numpy(np.float64), counts.to_numpy(np.float64)
    middle = (np.cumsum(n) - n / 2) / n.sum()
    classes = np.unique((_CLASSES * middle).astype(int), return_inverse=True)[1]
    means = np.bincount(classes, values * n) / np.bincount(classes, n)
    at = counts.index.get_indexer(pd.Index(table["rating"]))
    return table.assign(rating=means[classes[at]])


def _rating_errors(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    # Over all folds and seeds: per model and true rating, number, mean error and RMSE.
    if not tables:
        return pd.DataFrame(columns=["model", "rating", "n", "mean_error", "rmse"])
    # Sorted by rating, because the first fold may lack one that a later fold has.
    table = _classed(pd.concat(tables, ignore_index=True))
    sums = table.groupby(["model", "rating"], as_index=False).sum()
    error, squared = sums["error"] / sums["n"], np.sqrt(sums["squared"] / sums["n"])
    return sums[["model", "rating", "n"]].assign(mean_error=error, rmse=squared)
