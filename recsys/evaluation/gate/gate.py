"""`decide`: the two questions of a gate, and whether it opens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from recsys.evaluation.baselines import BASELINES
from recsys.evaluation.gate import level
from recsys.evaluation.gate.comparison import Comparison, compare, n_test_ratings
from recsys.evaluation.gate.contest import Contest
from recsys.evaluation.gate.level import Level, LevelCheck, Measured
from recsys.evaluation.gate.margin import Margin
from recsys.evaluation.gate.world import LEAST_FOUND, Found
from recsys.evaluation.metrics import label_of, metric_of
from recsys.evaluation.protocol.served import Served
from recsys.evaluation.result.results import Results
from recsys.ratings.feedback import Feedback

Decision = Literal["open", "closed", "undecided"]

_DRIFT = "or accept that with --allow-drift"


@dataclass(frozen=True)
class Terms:
    """What a gate goes by."""

    metric: str
    """Column of the metric, such as ndcg@10."""
    margin: Margin
    allow_drift: bool = False
    """Whether the candidate's data may be another world."""


@dataclass(frozen=True)
class World:
    """Whether the candidate's data are of the world that the served model knows."""

    found: tuple[Found, ...]
    """How much of its history is in the data; empty where the history is unknown."""
    level: LevelCheck
    allow_drift: bool

    @property
    def is_same(self) -> bool | None:
        """None where nothing is known: there is no history."""
        if not self.found:
            return None
        return all(one.enough for one in self.found) and self.level.is_below is not True

    @property
    def sentence(self) -> str:
        """The answer with the numbers behind it."""
        if not self.found:
            return "whether the data match is unknown: current has no history"
        if self.is_same:
            return f"matching data: they have {self.found[0]} of current; {self.level.sentence}"
        missing = [str(one) for one in self.found if not one.enough]
        if missing:
            said = (
                f"data mismatch: they have only {' and '.join(missing)} that current was trained "
                f"on, and {100 * LEAST_FOUND:g} % are needed"
            )
            remedy = "look for missing rows, changed columns or renamed ids"
        else:
            said = f"data mismatch: {self.level.sentence}"
            remedy = "check the new ratings"
        return f"{said}; allowed" if self.allow_drift else f"{said}; {remedy}, {_DRIFT}"

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        history = {one.what: {"found": one.n, "of": one.of} for one in self.found}
        return {
            "answer": {True: "yes", False: "no", None: "undecided"}[self.is_same],
            "history": history,
            "level": self.level.to_dict(),
            "allow_drift": self.allow_drift,
            "sentence": self.sentence,
        }


@dataclass(frozen=True)
class Gate:
    """Whether the candidate may replace the model in service."""

    world: World
    """Is this still the same world?"""
    comparison: Comparison | None
    """Is the candidate not worse? None where there are no ratings to tell by."""
    cannot: str
    """Why there are none, or why they do not tell models apart; "" where they do."""
    splits: tuple[str, ...]
    """How training and test ratings were chosen."""
    remarks: tuple[str, ...] = ()

    @property
    def decision(self) -> Decision:
        """Closed by another world or a worse candidate; open only if both answers are yes."""
        if self.world.is_same is False and not self.world.allow_drift:
            return "closed"
        if self.comparison is None or self.world.is_same is None:
            return "undecided"
        if self.comparison.answer == "yes" and self.cannot:
            return "undecided"
        answers: dict[str, Decision] = {"yes": "open", "no": "closed", "undecided": "undecided"}
        return answers[self.comparison.answer]

    @property
    def passed(self) -> bool:
        """Whether it is open."""
        return self.decision == "open"

    @property
    def sentence(self) -> str:
        """The decision and what it rests on, in one line."""
        if self.world.is_same is False and not self.world.allow_drift:
            return f"gate closed: {self.world.sentence}"
        if self.comparison is None:
            return f"gate undecided: {self.cannot}"
        if self.comparison.answer == "yes" and self.cannot:
            return f"gate undecided: {self.cannot}; {self.comparison.sentence}"
        return f"gate {self.decision}: {self.comparison.sentence}; {self.world.sentence}"

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        worse = None if self.comparison is None else self.comparison.to_dict()
        return {
            "decision": self.decision,
            "sentence": self.sentence,
            "same_world": self.world.to_dict(),
            "not_worse": worse or {"answer": "undecided", "sentence": self.cannot},
            "splits": list(self.splits),
            "remarks": list(self.remarks),
        }


def decide(
    result: Results,
    candidate: str,
    current: str,
    terms: Terms,
    contest: Contest,
    found: Sequence[Found],
    header: Mapping[str, Any] | None = None,
    how: str = "",
) -> Gate:
    """The gate for a candidate, after both models were measured on `contest.splits`.

    Args:
        result: the evaluation of both.
        candidate: its name there.
        current: the name of the model in service there.
        terms: what to go by.
        contest: what both were measured on.
        found: how much of the served model's history is in the data; empty without a history.
        header: `measured` of the served model's file.
        how: kind of the split that was asked for.

    Raises:
        ArgumentError: the evaluation does not have the metric for both models.
    """
    comparison, cannot = None, contest.cannot
    if not cannot:
        comparison = compare(result, candidate, current, terms.metric, terms.margin, contest.users)
        cannot = _is_blunt(result, comparison, current, terms, contest)
    now = None if comparison is None else _level(result, current, terms.metric)
    measured = Measured(how if contest.as_asked else "of unseen ratings", result.feedback)
    world = World(tuple(found), level.check(header, terms.metric, now, measured), terms.allow_drift)
    return Gate(world, comparison, cannot, result.splits, _remarks(result, contest, candidate))


def _is_blunt(
    result: Results, found: Comparison, current: str, terms: Terms, contest: Contest
) -> str:
    # Why this metric tells no models apart on these ratings: the baseline would pass, too, and the
    # candidate is not better than that.
    baseline = metric_of(terms.metric).baseline
    own = contest.current.model.fitted.spec if isinstance(contest.current, Served) else None
    has_it = any(terms.metric == one.metric and baseline in one.models for one in result.user_means)
    if found.answer != "yes" or not has_it or isinstance(own, type(BASELINES[baseline])):
        return ""
    passes = compare(result, baseline, current, terms.metric, terms.margin, contest.users)
    if passes.answer != "yes":
        return ""
    nothing = Margin(0.0, False)
    better = compare(result, found.candidate, baseline, terms.metric, nothing, contest.users)
    if better.answer == "yes":
        return ""
    return (
        f"{baseline} would pass, too, with {label_of(terms.metric)} {passes.candidate_mean:.4f}, "
        f"and {found.candidate} is not significantly better, so these ratings cannot distinguish "
        "models; check the new data, or choose another metric or a smaller margin"
    )


def _level(result: Results, model: str, metric: str) -> Level:
    one = next(m for m in result.user_means if m.metric == metric)
    has = one.denominators[:, one.models.index(model)] > 0
    return Level.of(one, model, n_test_ratings(result, model, result.user_ids[has]))


def _remarks(result: Results, contest: Contest, candidate: str) -> tuple[str, ...]:
    current, remarks = contest.current, []
    if isinstance(current, Served):
        own, here = current.model.feedback.unfitted, Feedback.parse(result.feedback)
        if (own.threshold, own.dislikes_below) != (here.threshold, here.dislikes_below):
            remarks.append(
                f"what counts as liked is defined by --feedback {here}, but current was trained "
                f"with {own}"
            )
    spec = (current.model.fitted.spec if isinstance(current, Served) else current).to_dict()
    fitted = result.runs.loc[result.runs["model"] == candidate, "spec"].iloc[0]
    if contest.same_training and dict(fitted) == dict(spec):
        remarks.append(
            f"{candidate} has the same settings and training ratings as current: this compares a "
            "model with itself"
        )
    return tuple(remarks)
