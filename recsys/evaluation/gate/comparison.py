"""Is the candidate not worse? A paired comparison with a margin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from recsys.errors import ArgumentError
from recsys.evaluation.gate.contest import LEAST_USERS
from recsys.evaluation.gate.margin import Margin
from recsys.evaluation.metrics import label_of
from recsys.evaluation.metrics.record import Metric
from recsys.evaluation.result.results import Results
from recsys.evaluation.result.segments import Flags
from recsys.evaluation.result.statistics import quantiles, resampled_ratios
from recsys.evaluation.result.summary import UserMeans
from recsys.evaluation.result.wording import signed
from recsys.ratings.account import counted

Answer = Literal["yes", "no", "undecided"]


@dataclass(frozen=True)
class Comparison:
    """A candidate against the served model in one metric, on the users that have it for both."""

    answer: Answer
    """Whether the candidate is not worse."""
    metric: str
    candidate: str
    """Name of the candidate."""
    candidate_mean: float
    current_mean: float
    difference: float
    """Candidate − served model."""
    low: float
    """Of the 95 % bootstrap interval of the difference over users."""
    high: float
    margin: float
    """In the unit of the metric."""
    margin_in_words: str
    lower_is_better: bool
    n_users: int
    n_left_out: int
    """Newcomers with the metric; 0 where they are among the users."""
    n_ratings: int
    """Test ratings of these users, none of which the served model has seen."""

    @property
    def bound(self) -> float:
        """The difference at which the candidate is worse by the margin."""
        return self.margin if self.lower_is_better else -self.margin

    @property
    def is_beyond(self) -> bool:
        """Whether the difference itself is worse than the margin allows."""
        better = -self.difference if self.lower_is_better else self.difference
        return better < -self.margin

    @property
    def sentence(self) -> str:
        """The answer with the numbers behind it."""
        words = {"yes": "is not worse", "no": "is worse", "undecided": "may be worse"}
        said = (
            f"{self.candidate} {words[self.answer]} than current: {label_of(self.metric)} "
            f"{self.candidate_mean:.4f} against {self.current_mean:.4f}, difference "
            f"{signed(self.difference)} [{signed(self.low)}, {signed(self.high)}], allowed "
            f"{signed(self.bound)} ({self.margin_in_words}), {counted(self.n_users, 'user')} with "
            f"{counted(self.n_ratings, 'rating')} that current has not seen"
        )
        if self.n_left_out:
            said += f", without {counted(self.n_left_out, 'newcomer')}"
        if self.answer != "undecided":
            return said
        if self.n_users < LEAST_USERS:
            return f"{said}; a decision needs {LEAST_USERS} users, so wait for more ratings"
        return f"{said}; wait for more ratings, or allow more with --margin"

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "answer": self.answer,
            "metric": self.metric,
            "candidate": self.candidate_mean,
            "current": self.current_mean,
            "difference": self.difference,
            "low": self.low,
            "high": self.high,
            "margin": self.margin,
            "n_users": self.n_users,
            "n_left_out": self.n_left_out,
            "n_ratings": self.n_ratings,
            "sentence": self.sentence,
        }


def compare(
    result: Results,
    candidate: str,
    current: str,
    metric: str,
    margin: Margin,
    users: npt.NDArray[Any],
) -> Comparison:
    """The candidate against the served model.

    Not worse where the whole interval of the difference is better than the margin below zero, worse
    where it is all beyond that, else undecided, as with fewer than `LEAST_USERS` users.

    Newcomers get the most popular items from every model, and many of them would hide what the
    others lose. So where the candidate is worse by more than the margin without them, or too few
    users are left, those alone decide.

    Args:
        result: the evaluation of both.
        candidate: its name there.
        current: the name of the served model there.
        metric: column of the metric, such as ndcg@10.
        margin: how much worse the candidate may be.
        users: ids of the users who are no newcomers.

    Raises:
        ArgumentError: the evaluation does not have the metric for both models.
    """
    one = next((m for m in result.user_means if m.metric == metric), None)
    if one is None or not {candidate, current} <= set(one.models):
        raise ArgumentError(_not_of_both(result, candidate, current, metric))
    models = candidate, current
    columns = [one.models.index(model) for model in models]
    has_both = np.asarray((one.denominators[:, columns] > 0).all(axis=1))
    is_known = np.isin(result.user_ids, users)
    known = _compared(result, one, models, margin, has_both & is_known)
    if known.n_users >= LEAST_USERS and not known.is_beyond:
        return _compared(result, one, models, margin, has_both)
    return replace(known, n_left_out=int(np.count_nonzero(has_both & ~is_known)))


def _compared(
    result: Results, one: UserMeans, models: tuple[str, str], margin: Margin, chosen: Flags
) -> Comparison:
    columns = [one.models.index(model) for model in models]
    tops, belows = one.numerators[chosen][:, columns], one.denominators[chosen][:, columns]
    n_users = len(tops)
    means = one.finish(tops.sum(axis=0) / belows.sum(axis=0))
    resampled = one.finish(resampled_ratios(tops, belows))
    low, high = quantiles((resampled[:, 0] - resampled[:, 1])[:, None])[:, 0]
    allowed = margin.of(float(means[1]))
    lower_is_better = one.about.higher_is_better is False
    gain = (-high, -low) if lower_is_better else (low, high)
    answer: Answer = "undecided"
    if n_users >= LEAST_USERS:
        answer = "yes" if gain[0] > -allowed else "no" if gain[1] < -allowed else "undecided"
    return Comparison(
        answer=answer,
        metric=one.metric,
        candidate=models[0],
        candidate_mean=float(means[0]),
        current_mean=float(means[1]),
        difference=float(means[0] - means[1]),
        low=float(low),
        high=float(high),
        margin=allowed,
        margin_in_words=str(margin),
        lower_is_better=lower_is_better,
        n_users=n_users,
        n_left_out=0,
        n_ratings=n_test_ratings(result, models[0], result.user_ids[chosen]),
    )


def unfit(metric: Metric) -> str:
    """Why no gate can go by a metric; "" if one can."""
    if metric.group == "catalogue":
        return "it has no value per user, so two models cannot be compared in pairs"
    if metric.higher_is_better is None:
        return "neither more nor less of it is better"
    return ""


def _not_of_both(result: Results, candidate: str, current: str, metric: str) -> str:
    # What a gate could go by here.
    fit = [m for m in result.user_means if {candidate, current} <= set(m.models)]
    names = ", ".join(m.metric for m in fit if not unfit(m.about))
    why = f"{candidate} and current do not both have it"
    return f"gate must be one of {names}, not {metric!r}: {why}"


def n_test_ratings(result: Results, model: str, users: Any) -> int:
    """Test ratings of some users, over all folds."""
    rows = result.values[result.values["model"] == model]
    rows = rows.drop_duplicates(["fold", "user"])  # seeds have the same test ratings
    return int(rows.loc[rows["user"].isin(users), "n_ratings"].sum())
