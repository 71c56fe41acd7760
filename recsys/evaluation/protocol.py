"""`evaluate`: models that saw the training part, side by side on what the test part says.

Every model is fitted and measured on every split, by every seed; `Popularity` and `Biases` always
run beside what was asked. Means, intervals and tests are over users.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys.errors import ArgumentError, DataError, RecsysError
from recsys.evaluation.bench import Bench, Measured, make_bench, measure
from recsys.evaluation.checks import find_faults
from recsys.evaluation.grid import Grid
from recsys.evaluation.result import Evaluation
from recsys.evaluation.sampled import sampled_metrics
from recsys.evaluation.scoring import FactorScorer, Model, Scorer, WeightScorer
from recsys.evaluation.segments import user_segments
from recsys.evaluation.served import Served
from recsys.evaluation.summary import UserMeans, ratio_intervals, summarise, user_means
from recsys.models.baselines import Biases, Popularity
from recsys.models.factors import Factors
from recsys.models.item_weights import ItemWeights
from recsys.models.spec import OnEpoch, Spec
from recsys.provenance import commit, machine, versions
from recsys.ratings.feedback import Feedback
from recsys.ratings.ratings import overview
from recsys.ratings.splits import Split

OnModel = Callable[[str, str], OnEpoch | None]
"""Called with model and split before each fit; what it returns hears of the epochs."""

_NO_SEED = -1  # in tables, of models in which nothing is drawn


def evaluate(
    models: Mapping[str, Model],
    splits: Split | Iterable[Split],
    k: int = 10,
    *,
    feedback: Feedback | str | None = None,
    seeds: Sequence[int] = (),
    sampled_negatives: int = 0,
    on_model: OnModel = lambda model, split: None,
) -> Evaluation:
    """Fits and measures every model on every split; `Popularity` and `Biases` run beside them.

    A model that fails is reported in `failures`, and the others finish. Models that predict ratings
    are trained on the ratings themselves, the others on the feedback.

    Args:
        models: name → spec, yardstick (`EASE`, `ItemKNN`) or `Grid`.
        splits: one split, or several (folds) over the same users and items.
        k: length of the lists.
        feedback: what counts as liked, in training and test; everything seen is left out of lists.
        seeds: train every model that draws at random once for each; none: by its own seed.
        sampled_negatives: also measure against so many random items, under names of their own.
        on_model: called before each fit.

    Raises:
        ValueError: there are no models, one is none, or a number is out of range.
        DataError: the splits are over different users or items.
    """
    _check(models, k, seeds, sampled_negatives)
    asked: dict[str, Model] = {"popularity": Popularity(), "biases": Biases()} | dict(models)
    if not isinstance(feedback, Feedback):
        feedback = Feedback.parse(feedback) if feedback else Feedback()
    several = [splits] if isinstance(splits, Split) else list(splits)
    _check_splits(several)
    if sampled_negatives:
        warnings.warn(
            "metrics against sampled items are not those of full ranking, and may order models "
            "otherwise; decide by full ranking",
            stacklevel=2,
        )
    runs = _Runs(several[0].test.n_users)
    for fold, split in enumerate(several):
        bench = make_bench(split, int(k), feedback)
        runs.begin(bench)
        for name, model in asked.items():
            for variant, seed in _by_seed(model, seeds):
                on_epoch = on_model(name, split.how)
                try:
                    began = time.perf_counter()
                    scorer = _fitted(variant, bench, on_epoch)
                    fitted = time.perf_counter()
                    found = measure(scorer, bench, predicts_ratings=model.predicts_ratings)
                    if sampled_negatives:
                        extra = sampled_metrics(scorer, bench, sampled_negatives)
                        found = replace(found, values=found.values.assign(**extra))
                except (RecsysError, ValueError) as error:
                    runs.failures[name] = str(error)
                    break
                seconds = fitted - began, time.perf_counter() - fitted
                runs.add((name, fold, seed), scorer, found, seconds)
    result = runs.result(asked, several, int(k), feedback, seeds)
    return replace(result, findings=tuple(find_faults(result, several, asked)))


def _check(
    models: Mapping[str, Model], k: int, seeds: Sequence[int], sampled_negatives: int
) -> None:
    kinds = Spec, Grid, Served
    if not models or not all(isinstance(m, kinds) and hasattr(m, "fit") for m in models.values()):
        raise ArgumentError("models must map at least one name to a spec, such as ImplicitALS()")
    if not isinstance(k, int | np.integer) or isinstance(k, bool) or k < 1:
        raise ArgumentError(f"k must be a whole number of at least 1, not {k!r}")
    if not isinstance(sampled_negatives, int | np.integer) or sampled_negatives < 0:
        raise ArgumentError(
            f"sampled_negatives must be a whole number of at least 0, not {sampled_negatives!r}"
        )
    if not all(isinstance(s, int | np.integer) and s >= 0 for s in seeds):
        raise ArgumentError(f"seeds must be whole numbers of at least 0, not {seeds!r}")
    if len(set(seeds)) < len(seeds):
        raise ArgumentError(f"seeds must differ, not {seeds!r}")


def _check_splits(several: Sequence[Split]) -> None:
    if not several or not all(isinstance(split, Split) for split in several):
        raise ArgumentError("splits must be at least one Split, such as splits.random(ratings)")
    first = several[0]
    for split in several[1:]:
        if split.test.users != first.test.users or split.test.items != first.test.items:
            raise DataError(
                f"the splits {first.how!r} and {split.how!r} are not over the same users and "
                "items; evaluate them one by one"
            )


def _by_seed(model: Model, seeds: Sequence[int]) -> Iterator[tuple[Model, int]]:
    # The model as it runs: once by each seed, or once where nothing is drawn.
    own = getattr(model, "seed", None)
    if own is None or isinstance(model, Grid):
        yield model, _NO_SEED
        return
    for seed in seeds or [own]:
        yield replace(model, seed=int(seed)), int(seed)  # type: ignore[type-var]


def _fitted(model: Model, bench: Bench, on_epoch: OnEpoch | None) -> Scorer:
    of_ratings = model.predicts_ratings or isinstance(model, Served)
    fitted = model.fit(bench.split.train if of_ratings else bench.trained_on, on_epoch)
    if isinstance(fitted, Factors):
        return FactorScorer(fitted, folds_in=bench.folds_in)
    if isinstance(fitted, ItemWeights):
        return WeightScorer(fitted)
    if isinstance(fitted, FactorScorer):
        return replace(fitted, folds_in=bench.folds_in)
    scorer: Scorer = fitted
    return scorer


@dataclass
class _Runs:
    """What is gathered while models are fitted and measured, and the tables made of it."""

    n_users: int
    failures: dict[str, str] = field(default_factory=dict)
    values: list[pd.DataFrame] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    curves: list[pd.DataFrame] = field(default_factory=list)
    training: list[dict[str, Any]] = field(default_factory=list)
    by_rating: list[pd.DataFrame] = field(default_factory=list)
    hits: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    totals: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)

    def begin(self, bench: Bench) -> None:
        """A split comes; the models added next were measured on it."""
        self.bench = bench
        self.relevant = bench.segments.totals(bench.relevant[bench.users])
        if not hasattr(self, "known"):
            self.known, self.served = np.zeros(self.n_users), np.zeros(self.n_users)
        self.known[bench.users] += np.diff(bench.split.seen.matrix.indptr)[bench.users]
        self.served[bench.users] += 1

    def add(
        self,
        run: tuple[str, int, int],
        scorer: Scorer,
        found: Measured,
        seconds: tuple[float, float],
    ) -> None:
        """One model, fold and seed."""
        name, fold, seed = run
        keys: dict[str, Any] = {"model": name, "fold": fold, "seed": seed}
        self.values.append(found.values.assign(**keys))
        spec = getattr(getattr(scorer, "factors", None), "spec", None)
        about = {"fit_seconds": seconds[0], "measure_seconds": seconds[1]}
        chosen = {"spec": spec.to_dict() if spec is not None else {}}
        self.runs.append(keys | found.means | found.catalogue | about | chosen)
        for metric, means in found.curves.items():
            length = np.arange(1, len(means) + 1)
            self.curves.append(
                pd.DataFrame(keys | {"metric": metric, "length": length, "value": means})
            )
        for progress in getattr(scorer, "log", ()):
            self.training.append(keys | vars(progress))
        if len(found.by_rating):
            self.by_rating.append(found.by_rating.assign(**keys))
        users, shape = self.bench.users, (self.n_users, self.relevant.shape[1])
        self.hits.setdefault(name, np.zeros(shape, np.float32))[users] += found.segment_hits
        self.totals.setdefault(name, np.zeros(shape, np.float32))[users] += self.relevant

    def result(
        self,
        asked: Mapping[str, Model],
        several: Sequence[Split],
        k: int,
        feedback: Feedback,
        seeds: Sequence[int],
    ) -> Evaluation:
        """The tables."""
        names = [name for name in asked if name not in self.failures]
        values = pd.concat(self.values, ignore_index=True)
        values = values[values["model"].isin(names)].reset_index(drop=True)
        values["model"] = pd.Categorical(values["model"], names)
        means = user_means(values, names)
        summary, comparisons = summarise(means)
        ids = np.unique(values["user"].to_numpy())
        first = several[0]
        return Evaluation(
            values=values,
            user_ids=ids,
            user_means=tuple(means),
            summary=_in_order(summary, names),
            comparisons=comparisons,
            runs=_of(pd.DataFrame(self.runs), names),
            curves=_mean_curves(_of(pd.concat(self.curves, ignore_index=True), names)),
            segments=self._segments(means, names, first.test.users.rows(ids)),
            by_rating=_rating_errors([t for t in self.by_rating if t["model"][0] in names]),
            training=_of(
                pd.DataFrame(
                    self.training,
                    columns=["model", "fold", "seed", "epoch", "n_epochs", "loss", "seconds"],
                ),
                names,
            ),
            failures=self.failures,
            specs={name: model.to_dict() for name, model in asked.items()},
            splits=tuple(split.how for split in several),
            k=k,
            feedback=str(feedback),
            seeds=tuple(int(seed) for seed in seeds),
            fingerprint=first.train.fingerprint[:32] + first.test.fingerprint[:32],
            about={
                "training ratings": dict(overview(first.train)),
                "test ratings": first.test.n_ratings,
                "test users": len(self.bench.users),
                "notes": list(first.train.notes),
                "made": datetime.now(UTC).isoformat(timespec="seconds"),
                "versions": versions(),
                "machine": machine(),
                "commit": commit(),
            },
        )

    def _segments(
        self, means: Sequence[UserMeans], names: Sequence[str], rows: npt.NDArray[np.int64]
    ) -> pd.DataFrame:
        tables = []
        ranked = next(one for one in means if one.metric.startswith("ndcg@"))
        activity = np.rint(self.known[rows] / np.maximum(self.served[rows], 1)).astype(np.int64)
        groups = user_segments(activity)
        flags = np.column_stack([one.astype(np.float64) for one in groups.values()])
        items = self.bench.segments.labels
        recall = f"recall@{self.bench.k}"
        for i, name in enumerate(ranked.models):
            top, below = ranked.numerators[:, i, None], ranked.denominators[:, i, None]
            tables.append(_segment_table(name, groups, ranked.metric, top * flags, below * flags))
            hits, totals = (
                part[name][rows].astype(np.float64) for part in (self.hits, self.totals)
            )
            tables.append(_segment_table(name, items, recall, hits, totals))
        table = pd.concat(tables, ignore_index=True)
        return table[table["n"] > 0].reset_index(drop=True)


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
    counts = belows.sum(axis=0).astype(np.int64)
    return pd.DataFrame({"model": model} | columns | {"high": high, "n": counts})


def _of(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    return table[table["model"].isin(names)].reset_index(drop=True)


def _in_order(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    order = {name: i for i, name in enumerate(names)}
    return table.sort_values("model", key=lambda m: m.map(order), kind="stable", ignore_index=True)


def _mean_curves(curves: pd.DataFrame) -> pd.DataFrame:
    keys = ["model", "metric", "length"]
    return curves.groupby(keys, sort=False)["value"].mean().reset_index()


def _rating_errors(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    # Over all folds and seeds: per model and true rating, number, mean error and RMSE.
    if not tables:
        return pd.DataFrame(columns=["model", "rating", "n", "mean_error", "rmse"])
    sums = pd.concat(tables).groupby(["model", "rating"], sort=False, as_index=False).sum()
    error, squared = sums["error"] / sums["n"], np.sqrt(sums["squared"] / sums["n"])
    return sums[["model", "rating", "n"]].assign(mean_error=error, rmse=squared)
