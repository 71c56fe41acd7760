"""Is the candidate not worse? A paired comparison with a margin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

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

LEAST_DIFFERENT = 30
"""Users with different values from the two models below which the bootstrap interval is too short:
of 50 users of whom 2 % lose a hit, it says in a third of the draws that nobody does."""
_GUARD = 0.8


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
    n_different: int
    """Those of them with different values from the two models."""
    possible_loss: float
    """What the candidate may lose where `n_different` is below `LEAST_DIFFERENT`, else 0."""
    n_left_out: int
    """Newcomers and copies with the metric; 0 where they are among the users."""
    n_ratings: int
    """Test ratings of these users, none of which the served model has seen."""

    @property
    def bound(self) -> float:
        """The difference at which the candidate is worse by the margin."""
        return self.margin if self.lower_is_better else -self.margin

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
            who = "newcomer or copy" if self.n_left_out == 1 else "newcomers or copies"
            said += f", without {self.n_left_out:,} {who}"
        if self.answer != "undecided":
            return said
        if self.n_users < LEAST_USERS:
            return f"{said}; a decision needs {LEAST_USERS} users, so wait for more ratings"
        if self.possible_loss > self.margin:
            differ = f"only {counted(self.n_different, 'user')} with different values"
            return (
                f"{said}; {differ} cannot exclude a loss of {self.possible_loss:.4f}, so wait for "
                "more ratings"
            )
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
    where it is all beyond that, else undecided, as with too few users. Where few users have
    different values, the share of those who lose, of all for whom the served model finds something,
    is also bounded by their number (one-sided 95 %, Clopper and Pearson 1934). Each is taken to
    lose the mean size of the differences, or everything where there is none.

    Users of whom nothing is known get the most popular items from every model, and many of them
    would hide what the others lose. So where the others are too few, or the candidate may be worse
    for them by more than the margin (by the 80 % interval), those alone decide.

    Args:
        result: the evaluation of both.
        candidate: its name there.
        current: the name of the served model there.
        metric: column of the metric, such as ndcg@10.
        margin: how much worse the candidate may be.
        users: ids of the users of whom something is known.

    Raises:
        ArgumentError: the evaluation does not have the metric for both models.
    """
    one = next((m for m in result.user_means if m.metric == metric), None)
    if one is None or not {candidate, current} <= set(one.models):
        raise ArgumentError(_not_of_both(result, candidate, current, metric))
    columns = [one.models.index(model) for model in (candidate, current)]
    has_both = np.asarray((one.denominators[:, columns] > 0).all(axis=1))
    is_known = np.isin(result.user_ids, users)
    known = _Pairs.of(one, columns, has_both & is_known)
    n_left_out = int(np.count_nonzero(has_both & ~is_known))
    found = known.compared(result, margin, n_left_out)
    enough = found.n_users >= LEAST_USERS and found.possible_loss <= found.margin
    if not n_left_out or not enough or known.gains(_GUARD)[0] <= -found.margin:
        return found
    return _Pairs.of(one, columns, has_both).compared(result, margin, 0)


@dataclass(frozen=True)
class _Pairs:
    # The values of candidate and served model, in this order, on some users.

    one: UserMeans
    columns: list[int]
    chosen: Flags
    tops: npt.NDArray[np.float64]
    means: npt.NDArray[np.float64]
    differences: npt.NDArray[np.float64]

    @classmethod
    def of(cls, one: UserMeans, columns: list[int], chosen: Flags) -> _Pairs:
        tops, belows = one.numerators[chosen][:, columns], one.denominators[chosen][:, columns]
        means = one.finish(tops.sum(axis=0) / belows.sum(axis=0))
        resampled = one.finish(resampled_ratios(tops, belows))
        return cls(one, columns, chosen, tops, means, resampled[:, 0] - resampled[:, 1])

    @property
    def lower_is_better(self) -> bool:
        return self.one.about.higher_is_better is False

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        low, high = quantiles(self.differences[:, None], level)[:, 0]
        return float(low), float(high)

    def gains(self, level: float = 0.95) -> tuple[float, float]:
        # The interval of what the candidate gains, whatever is better.
        low, high = self.interval(level)
        return (-high, -low) if self.lower_is_better else (low, high)

    def compared(self, result: Results, margin: Margin, n_left_out: int) -> Comparison:
        names = [self.one.models[column] for column in self.columns]
        (mean, current_mean), (low, high) = self.means.tolist(), self.interval()
        found = Comparison(
            answer="undecided",
            metric=self.one.metric,
            candidate=names[0],
            candidate_mean=mean,
            current_mean=current_mean,
            difference=mean - current_mean,
            low=low,
            high=high,
            margin=margin.of(current_mean),
            margin_in_words=str(margin),
            lower_is_better=self.lower_is_better,
            n_users=len(self.tops),
            n_different=int(np.count_nonzero(self.tops[:, 0] != self.tops[:, 1])),
            possible_loss=self.possible_loss(),
            n_left_out=n_left_out,
            n_ratings=n_test_ratings(result, names[0], result.user_ids[self.chosen]),
        )
        if found.n_users < LEAST_USERS:
            return found
        gain = self.gains()
        if gain[1] < -found.margin:
            return replace(found, answer="no")
        safe = gain[0] > -found.margin and found.possible_loss <= found.margin
        safe &= bool(self.tops.any())  # where neither finds anything, nothing is told
        return replace(found, answer="yes" if safe else "undecided")

    def possible_loss(self) -> float:
        # Errors have no end, so this is for metrics of which more is better.
        new, current = self.tops.T
        differs, found = new != current, current > 0
        if self.lower_is_better or differs.sum() >= LEAST_DIFFERENT or not found.any():
            return 0.0
        size = np.abs(new - current)[differs].mean() if differs.any() else current[found].mean()
        n_losers, n_found = int((new < current).sum()), int(found.sum())
        all_lose = n_losers == n_found
        share = 1.0 if all_lose else betaincinv(n_losers + 1, n_found - n_losers, 0.95)
        return float(share * n_found * size / len(self.tops))


def unfit(metric: Metric) -> str:
    """Why no gate can go by a metric; "" if one can."""
    if metric.group == "catalogue":
        return "it has no value per user, so two models cannot be compared by paired tests"
    if metric.higher_is_better is None:
        return "neither higher nor lower is better"
    return ""


def _not_of_both(result: Results, candidate: str, current: str, metric: str) -> str:
    # What a gate could go by here.
    fit = [m for m in result.user_means if {candidate, current} <= set(m.models)]
    names = ", ".join(m.metric for m in fit if not unfit(m.about))
    why = f"{candidate} and current must both have it"
    return f"gate must be one of {names}, not {metric!r}: {why}"


def n_test_ratings(result: Results, model: str, users: Any) -> int:
    """Test ratings of some users, over all folds."""
    rows = result.values[result.values["model"] == model]
    rows = rows.drop_duplicates(["fold", "user"])  # seeds have the same test ratings
    return int(rows.loc[rows["user"].isin(users), "n_ratings"].sum())
