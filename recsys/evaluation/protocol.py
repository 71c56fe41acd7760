"""Offline evaluation: what models that saw the training part say of the test part.

Full ranking: every item a user had not rated in the training part competes, in blocks of users, in
bounded memory. Every metric has one value per user; means, intervals and tests are over users.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from recsys.errors import RecsysError
from recsys.evaluation import metrics
from recsys.evaluation.statistics import bootstrap_interval, compare, holm
from recsys.models.baselines import Popularity
from recsys.models.factors import Factors
from recsys.models.fold_in import fold_in_users
from recsys.models.spec import OnEpoch, Spec
from recsys.ratings.feedback import Feedback
from recsys.ratings.splits import Split
from recsys.recommend.top_k import top_items, users_of

_BLOCK = 8192  # users ranked together

LIST_METRICS: dict[str, Callable[..., npt.NDArray[np.float64]]] = {
    "ndcg": metrics.ndcg,
    "recall": metrics.recall,
    "capped_recall": metrics.capped_recall,
    "precision": metrics.precision,
    "map": metrics.average_precision,
    "mrr": metrics.reciprocal_rank,
    "hit_rate": metrics.hit_rate,
}
"""Metrics of a ranked list against the held-out items, by the name they have in tables."""

BASELINE = "popularity"
"""What every evaluation compares with, whether asked for or not."""

OnModel = Callable[[str, str], OnEpoch | None]
"""Called with model and split before each fit; what it returns hears of the epochs."""


@dataclass(frozen=True)
class Evaluation:
    """What was measured, user by user, and what can be said of it."""

    per_user: pd.DataFrame
    """Long table: model, fold, user, metric, value."""
    catalogue: pd.DataFrame
    """Per model and fold, what has no value per user: coverage, gini and, of models whose scores
    are predicted ratings, rmse."""
    summary: pd.DataFrame
    """Per model and metric: mean over users (of each user's mean over folds), 95 % bootstrap
    interval, and the paired comparison with the baseline: difference, p (permutation test, Holm's
    correction within a metric), effect size, share of users better off."""
    failures: Mapping[str, str]
    """Model → what went wrong, for models that could not be fitted or ranked."""
    specs: Mapping[str, Mapping[str, Any]]
    splits: tuple[str, ...]
    k: int
    fingerprint: str
    """Of the training and test ratings of the first split."""

    def to_markdown(self) -> str:
        """The summary as a table in Markdown, means with intervals, significance by stars.

        `*` p < 0.05, `**` p < 0.01, `***` p < 0.001 against the baseline.
        """
        names = list(dict.fromkeys(self.summary["metric"]))
        lines = ["| model | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
        for model, rows in self.summary.groupby("model", sort=False):
            by_metric = rows.set_index("metric")
            cells = [_cell(by_metric.loc[name]) for name in names]
            lines.append(f"| {model} | " + " | ".join(cells) + " |")
        lines += [f"| {model} | failed: {why} |" for model, why in self.failures.items()]
        return "\n".join(lines) + "\n"

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Everything but the values per user, as JSON; also written to `path` if given."""
        text = json.dumps(
            {
                "summary": json.loads(self.summary.to_json(orient="records", double_precision=10)),
                "catalogue": json.loads(self.catalogue.to_json(orient="records")),
                "failures": dict(self.failures),
                "specs": dict(self.specs),
                "splits": list(self.splits),
                "k": self.k,
                "fingerprint": self.fingerprint,
            },
            indent=2,
        )
        if path is not None:
            Path(path).write_text(text, "utf-8")
        return text


def evaluate(
    models: Mapping[str, Spec],
    splits: Split | Iterable[Split],
    k: int = 10,
    *,
    feedback: Feedback | str | None = None,
    on_model: OnModel = lambda model, split: None,
) -> Evaluation:
    """Fits and measures every model on every split; `Popularity` always runs beside them.

    A model that fails is reported in `failures`, and the others finish.

    Args:
        models: name → spec.
        splits: one split, or several (folds, seeds) over the same users.
        k: length of the lists.
        feedback: what counts as liked, in training and test; everything seen is left out of lists.
        on_model: called before each fit.

    Raises:
        ValueError: there are no models, one is no spec, or k is less than 1.
    """
    if not models or not all(isinstance(spec, Spec) for spec in models.values()):
        raise ValueError("models must map at least one name to a spec, such as ImplicitALS()")
    if not isinstance(k, int | np.integer) or k < 1:
        raise ValueError(f"k must be a whole number of at least 1, not {k!r}")
    if not isinstance(feedback, Feedback):
        feedback = Feedback.parse(feedback) if feedback else Feedback()
    asked = {BASELINE: Popularity()} | dict(models)
    several = [splits] if isinstance(splits, Split) else list(splits)
    long: list[pd.DataFrame] = []
    catalogue: list[dict[str, Any]] = []
    failures: dict[str, str] = {}
    for fold, split in enumerate(several):
        trained_on = feedback.apply(split.train)
        counted = Split(split.train, feedback.apply(split.test), split.how, split.known)
        for name, spec in asked.items():
            try:
                factors = spec.fit(trained_on, on_model(name, split.how))
                table, extra = measure(factors, counted, k, feedback)
            except (RecsysError, ValueError) as error:
                failures[name] = str(error)
                continue
            if spec.predicts_ratings and not feedback.ones and split.known is None:
                extra["rmse"] = held_out_rmse(factors, split)
            catalogue.append({"model": name, "fold": fold} | extra)
            values = table.melt("user", var_name="metric")
            long.append(values.assign(model=name, fold=fold))
    per_user = pd.concat(long, ignore_index=True)[["model", "fold", "user", "metric", "value"]]
    per_user = per_user[~per_user["model"].isin(failures)]
    return Evaluation(
        per_user=per_user,
        catalogue=pd.DataFrame(catalogue),
        summary=summarise(per_user),
        failures=failures,
        specs={name: spec.to_dict() for name, spec in asked.items()},
        splits=tuple(split.how for split in several),
        k=int(k),
        fingerprint=several[0].train.fingerprint[:32] + several[0].test.fingerprint[:32],
    )


def summarise(per_user: pd.DataFrame) -> pd.DataFrame:
    """The summary of an `Evaluation` from its values per user."""
    rows: list[dict[str, Any]] = []
    # A user's mean over folds is one draw: folds of one user are not independent.
    means = per_user.groupby(["metric", "model", "user"], sort=False)["value"].mean()
    for metric in per_user["metric"].unique():
        wide = means[metric].unstack("model")
        others = [model for model in wide.columns if model != BASELINE and BASELINE in wide]
        others = [model for model in others if (wide[model] - wide[BASELINE]).notna().any()]
        tests = {model: compare(wide[model], wide[BASELINE]) for model in others}
        corrected = dict(zip(tests, holm([t.p_value for t in tests.values()]), strict=True))
        for model in wide.columns:
            interval = bootstrap_interval(wide[model])
            row = {"model": model, "metric": metric} | vars(interval)
            if model in tests:
                test = tests[model]
                row |= {"difference": test.difference, "p": float(corrected[model])}
                row |= {"effect_size": test.effect_size, "better": test.better}
            rows.append(row)
    order = {model: i for i, model in enumerate(per_user["model"].unique())}
    table = pd.DataFrame(rows)
    return table.sort_values("model", key=lambda m: m.map(order), kind="stable", ignore_index=True)


def ranking_metrics(factors: Factors, split: Split, k: int = 10) -> pd.DataFrame:
    """Metrics of each user with test ratings, ranking all items they had not rated.

    Returns:
        Columns user, `ndcg@k`, `recall@k`, ...; a row per user with at least one test rating.
    """
    return measure(factors, split, k)[0]


def measure(
    factors: Factors, split: Split, k: int, feedback: Feedback | None = None
) -> tuple[pd.DataFrame, dict[str, float]]:
    """A model's metrics on a split: a table with a row per test user; those of the catalogue."""
    users = np.flatnonzero(np.diff(split.test.matrix.indptr))
    counts = np.bincount(split.train.matrix.indices, minlength=split.train.n_items)
    n_users = int((np.diff(split.train.matrix.indptr) > 0).sum())
    parts: list[pd.DataFrame] = []
    shown = np.zeros(split.train.n_items, np.int64)
    for start in range(0, len(users), _BLOCK):
        block = users[start : start + _BLOCK]
        test, seen = split.test.matrix[block], split.seen.matrix[block]
        if split.known is None:
            who = users_of(factors, block)
        else:
            who = fold_in_users(factors, (feedback or Feedback()).rows(seen))
        items, _ = top_items(factors, who, k, excluded=seen)
        hits, n_relevant = contains(test, items), np.diff(test.indptr)
        columns = {f"{name}@{k}": of(hits, n_relevant) for name, of in LIST_METRICS.items()}
        columns[f"novelty@{k}"] = metrics.novelty(items, counts, n_users)
        columns[f"popularity@{k}"] = metrics.popularity_bias(items, counts)
        parts.append(pd.DataFrame({"user": split.test.users.ids[block]} | columns))
        shown += np.bincount(items[items >= 0], minlength=len(shown))
    recommended = np.repeat(np.arange(len(shown)), shown)
    extra = {
        f"coverage@{k}": metrics.coverage(recommended, len(shown)),
        f"gini@{k}": metrics.gini(recommended, len(shown)),
    }
    return pd.concat(parts, ignore_index=True), extra


def contains(matrix: sp.csr_matrix, items: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """Whether each item (n, k) is an entry of its row of a sorted CSR matrix; −1 never is."""
    n_columns = matrix.shape[1]
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    entries = rows * n_columns + matrix.indices  # increasing, as the matrix is sorted
    asked = np.arange(len(items))[:, None] * n_columns + items
    if not len(entries):
        return np.zeros(items.shape, bool)
    at = np.searchsorted(entries, asked).clip(max=len(entries) - 1)
    found: npt.NDArray[np.bool_] = (entries[at] == asked) & (items >= 0)
    return found


def held_out_rmse(factors: Factors, split: Split) -> float:
    """RMSE over the test ratings."""
    rows = np.repeat(np.arange(split.test.n_users), np.diff(split.test.matrix.indptr))
    predicted = factors.predict_rows(rows, split.test.matrix.indices)
    return metrics.rmse(predicted, split.test.matrix.data)


def _cell(row: pd.Series[Any]) -> str:
    p = row.get("p", float("nan"))
    stars = "***" if p < 0.001 else "**" if p < 0.01 else "*" if p < 0.05 else ""
    return f"{row['mean']:.4f} [{row['low']:.4f}, {row['high']:.4f}]{stars}"
