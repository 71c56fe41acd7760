"""`Evaluation`: what was measured, what can be said of it, and how it is written down."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys.evaluation.checks import BASELINES, SIGNIFICANT, Finding
from recsys.evaluation.names import label_of, metric_of, p_in_words, signed
from recsys.evaluation.summary import UserMeans, metrics_of, mirrored

SCHEMA = 1
"""Version of the JSON."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What was measured, user by user, and what can be said of it."""

    values: pd.DataFrame
    """Wide table: model, fold, seed, user, a column per metric, and n_ratings, the user's test
    ratings. Seed −1: nothing is drawn."""
    user_ids: npt.NDArray[Any]
    """Users with test ratings, increasing."""
    user_means: tuple[UserMeans, ...]
    """The same averaged over folds and seeds, in the order of `user_ids`."""
    summary: pd.DataFrame
    """Per model and metric: mean over users (of each user's mean over folds and seeds; of rmse and
    mae over all test ratings), 95 % bootstrap interval low to high, n users, and the paired
    comparison with the metric's baseline: difference, its interval, p (permutation test, Holm's
    correction over all pairs of models within the metric), effect size, share of users better off.
    """
    comparisons: pd.DataFrame
    """The same comparison for every pair of models: metric, model, other, ..."""
    runs: pd.DataFrame
    """Per model, fold and seed: every metric, those of the catalogue (coverage, gini, head_share),
    seconds to fit and to measure, and the spec that was fitted."""
    curves: pd.DataFrame
    """Model, metric (ndcg, recall, precision), length of the list 1 to 2k, value."""
    segments: pd.DataFrame
    """Per model: kind (activity, newcomers, popularity, genre), segment, metric, mean, interval, n
    (users; of items the held-out relevant ones)."""
    by_rating: pd.DataFrame
    """Per model that predicts ratings and true rating: n, mean error (predicted − true), rmse."""
    training: pd.DataFrame
    """Model, fold, seed, epoch, n_epochs, loss, seconds."""
    failures: Mapping[str, str]
    """Model → what went wrong, for models that could not be fitted or ranked."""
    specs: Mapping[str, Mapping[str, Any]]
    splits: tuple[str, ...]
    k: int
    feedback: str
    seeds: tuple[int, ...]
    fingerprint: str
    """Of the training and test ratings of the first split."""
    about: Mapping[str, Any]
    """Size of the data, package versions, machine, commit, time."""
    findings: tuple[Finding, ...] = ()
    """What the checks found."""

    @cached_property
    def per_user(self) -> pd.DataFrame:
        """Long table: model, fold, seed, user, metric, value. No row where there is no value."""
        keys = ["model", "fold", "seed", "user"]
        names = metrics_of(self.values)
        long = self.values.melt(keys, names, var_name="metric")
        return long[long["value"].notna()].reset_index(drop=True)

    @property
    def ranking(self) -> str:
        """The metric by which models are ordered as rankers: `ndcg@k`."""
        return f"ndcg@{self.k}"

    @property
    def models(self) -> list[str]:
        """Models with results, baselines first."""
        return list(self.summary["model"].unique())

    def of(self, model: str, metric: str) -> Mapping[str, Any]:
        """The row of the summary."""
        rows = self.summary[(self.summary["model"] == model) & (self.summary["metric"] == metric)]
        if not len(rows):
            raise KeyError(f"{model} has no {metric}")
        return {str(name): value for name, value in rows.iloc[0].items()}

    def order(self, metric: str) -> list[str]:
        """Models that have the metric, best first."""
        rows = self.summary[self.summary["metric"] == metric]
        if not len(rows):
            return []
        lower_is_better = metric_of(metric).higher_is_better is False
        return list(rows.sort_values("mean", ascending=lower_is_better, kind="stable")["model"])

    def comparison(self, metric: str, model: str, other: str) -> Mapping[str, Any]:
        """How `model` compares with `other`: difference, low, high, p, effect_size, better, n."""
        both = pd.concat([self.comparisons, mirrored(self.comparisons)])
        rows = both[
            (both["metric"] == metric) & (both["model"] == model) & (both["other"] == other)
        ]
        if not len(rows):
            raise KeyError(f"{model} and {other} have no common {metric}")
        return {str(name): value for name, value in rows.iloc[0].items()}

    def tied_with_best(self, metric: str) -> list[str]:
        """The best model, and those not significantly worse."""
        order = self.order(metric)
        return order[:1] + [
            other
            for other in order[1:]
            if self.comparison(metric, order[0], other)["p"] >= SIGNIFICANT
        ]

    @property
    def verdict(self) -> str:
        """The result in one or two sentences."""
        sentences = []
        order = self.order(self.ranking)
        if order:
            sentences.append(self._verdict(self.ranking, "ranks best", order))
        order = self.order("rmse")
        if set(order) - set(BASELINES):
            sentences.append(self._verdict("rmse", "predicts ratings best", order))
        return " ".join(sentences) or "Nothing could be measured."

    def _verdict(self, metric: str, does: str, order: list[str]) -> str:
        best, row = order[0], self.of(order[0], metric)
        tied = [model for model in self.tied_with_best(metric) if model != best]
        text = f"{best} {does}: {label_of(metric)} {row['mean']:.4f} "
        text += f"[{row['low']:.4f}, {row['high']:.4f}]"
        baseline = metric_of(metric).baseline
        if best != baseline and baseline in order:
            pair = self.comparison(metric, best, baseline)
            text += f", {signed(pair['difference'])} against {baseline}"
            text += f" ({p_in_words(pair['p'])})"
        if tied:
            return f"{text}; {_listed(tied)} cannot be told from it."
        rest = [model for model in order[1:] if model not in BASELINES]
        if rest and rest[0] == order[1]:
            pair = self.comparison(metric, best, rest[0])
            ahead = f"{abs(pair['difference']):.4f}, {p_in_words(pair['p'])}"
            text += f"; the next, {rest[0]}, is significantly behind ({ahead})"
        return text + "."

    def to_markdown(self, path: str | os.PathLike[str] | None = None) -> str:
        """The verdict, the summary as a table and the findings, in Markdown; also to a file.

        Means with intervals; `*` p < 0.05, `**` p < 0.01, `***` p < 0.001 against the baseline of
        the metric. A row per metric and a column per model.
        """
        from recsys.evaluation.report.markdown import markdown

        return _written(markdown(self), path)

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Everything but single folds of single users, as JSON; also written to `path` if given.

        Holds the values per user of the metrics that `recsys compare` tests.
        """
        tables = ("summary", "comparisons", "runs", "curves", "segments", "by_rating", "training")
        content: dict[str, Any] = {"schema_version": SCHEMA, "verdict": self.verdict}
        for name in tables:
            content[name] = json.loads(
                getattr(self, name).to_json(orient="records", double_precision=10)
            )
        content |= {
            "findings": [vars(finding) for finding in self.findings],
            "failures": dict(self.failures),
            "specs": dict(self.specs),
            "splits": list(self.splits),
            "k": self.k,
            "feedback": self.feedback,
            "seeds": list(self.seeds),
            "fingerprint": self.fingerprint,
            "about": dict(self.about),
            "users": self.user_ids.tolist(),
            "per_user": {
                one.metric: {
                    model: [None if np.isnan(v) else round(v, 6) for v in one.values[:, i]]
                    for i, model in enumerate(one.models)
                }
                for one in self.user_means
                if one.metric in self.compared
            },
            "test_ratings_per_user": self._weights(),
        }
        return _written(json.dumps(content, separators=(",", ":")) + "\n", path)

    @property
    def compared(self) -> tuple[str, ...]:
        """Metrics whose values per user are in the JSON."""
        k = self.k
        return f"ndcg@{k}", f"recall@{k}", f"map@{k}", f"mrr@{k}", f"hit_rate@{k}", "rmse", "mae"

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """The report: one page that opens offline, with tables and pictures; also to a file."""
        from recsys.evaluation.report.page import page

        return _written(page(self), path)

    def _weights(self) -> list[float]:
        for one in self.user_means:
            if one.metric == "rmse":
                return [float(v) for v in one.denominators.max(axis=1)]
        return []


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def _written(text: str, path: str | os.PathLike[str] | None) -> str:
    # Beside the file first, so that an interruption leaves the old one or the new one whole.
    if path is not None:
        file = Path(path).expanduser()
        unfinished = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            unfinished.write_text(text, "utf-8")
            os.replace(unfinished, file)
        finally:
            unfinished.unlink(missing_ok=True)
    return text
