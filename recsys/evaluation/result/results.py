"""`Results`: the tables of an evaluation, and questions to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy.typing as npt
import pandas as pd

from recsys.evaluation.metrics import METRICS, metric_of
from recsys.evaluation.result.statistics import SIGNIFICANT
from recsys.evaluation.result.summary import UserMeans, metrics_of, mirrored
from recsys.evaluation.result.wording import decimals, half_widths
from recsys.findings import Finding
from recsys.ratings.account import Account
from recsys.ratings.words import Words, words_of


@dataclass(frozen=True, eq=False)
class Results:
    """What was measured, user by user, and what follows from it."""

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
    """Per model: kind (user, activity, few ratings, popularity, genre), segment, metric, mean,
    interval, n (users; of items the held-out relevant ones)."""
    by_rating: pd.DataFrame
    """Per model that predicts ratings and true rating: n, mean error (predicted − true), rmse.
    Of more than 20 different ratings, the means of ten classes with about equally many ratings."""
    training: pd.DataFrame
    """Model, fold, seed, epoch, n_epochs, loss, seconds."""
    failures: Mapping[str, str]
    """Model → error message, for models that could not be fitted or ranked."""
    specs: Mapping[str, Mapping[str, Any]]
    """Model → name and hyperparameters, as they were asked for."""
    splits: tuple[str, ...]
    """How each split was made, in words."""
    k: int
    """Length of the lists."""
    feedback: str
    """What counts as liked."""
    seeds: tuple[int, ...]
    """Seeds that models were trained with; empty where each used its own."""
    fingerprint: str
    """Hash of the training and test ratings of the first split."""
    about: Mapping[str, Any]
    """Size of the data, package versions, machine, commit, time."""
    findings: tuple[Finding, ...] = ()
    """What the checks found."""
    account: Mapping[str, Any] | None = None
    """What was understood of the source of the ratings, ready for JSON; None where they were not
    read from one."""
    held_out_account: Mapping[str, Any] | None = None
    """The same of the test ratings, where they are from another source."""

    @property
    def read(self) -> list[tuple[str, str]]:
        """What was understood of the sources, as pairs of a heading and a sentence."""
        accounts = (self.account, self.held_out_account)
        return [line for one in accounts if one for line in Account.from_dict(one).lines()]

    @property
    def noun(self) -> str:
        """What one value of the ratings is called: rating, count, hours, ..."""
        return self.words.value

    @property
    def words(self) -> Words:
        """What the ratings are called in texts."""
        return words_of(self.account)

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

    @cached_property
    def ranked(self) -> list[str]:
        """Models with results, best by `ranking` first: their order in all tables and legends."""
        order = self.order(self.ranking)
        return order + [model for model in self.models if model not in order]

    def decimals(self, metric: str) -> int:
        """Decimals with which the means of a metric are shown; see `wording.decimals`."""
        rows = self.summary[self.summary["metric"] == metric]
        return decimals(half_widths(list(rows["low"]), list(rows["high"])))

    @property
    def compared(self) -> tuple[str, ...]:
        """Metrics whose values per user are in the JSON."""
        return tuple(metric.column(self.k) for metric in METRICS.values() if metric.compared)

    def of(self, model: str, metric: str) -> Mapping[str, Any]:
        """The row of the summary.

        Raises:
            KeyError: the model does not have the metric.
        """
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
        """`model` compared with `other`: difference, low, high, p, effect_size, better, n.

        Raises:
            KeyError: the two do not both have the metric.
        """
        both = pd.concat([self.comparisons, mirrored(self.comparisons)])
        rows = both[
            (both["metric"] == metric) & (both["model"] == model) & (both["other"] == other)
        ]
        if not len(rows):
            raise KeyError(f"{model} and {other} have no common {metric}")
        return {str(name): value for name, value in rows.iloc[0].items()}

    @property
    def newcomers(self) -> tuple[int, int] | None:
        """Numbers of newcomers and of known users in the test; None without newcomers."""
        n = self.segments[self.segments["kind"] == "user"].groupby("segment")["n"].max()
        if "newcomers" not in n:
            return None
        return int(n["newcomers"]), int(n.get("known users", 0))

    def tied_with_best(self, metric: str) -> list[str]:
        """The best model, and those not significantly worse."""
        order = self.order(metric)
        return order[:1] + [
            other
            for other in order[1:]
            if self.comparison(metric, order[0], other)["p"] >= SIGNIFICANT
        ]
