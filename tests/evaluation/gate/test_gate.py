"""What opens and closes a gate, from the answers to its two questions."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

import recsys
from recsys.evaluation.gate.comparison import Answer, Comparison
from recsys.evaluation.gate.contest import contest
from recsys.evaluation.gate.gate import Gate, Terms, World, decide
from recsys.evaluation.gate.level import LevelCheck
from recsys.evaluation.gate.margin import Margin
from recsys.evaluation.gate.world import Found, history_in
from recsys.ratings.feedback import Feedback

WORLDS = {
    "same": World((Found("ratings", 95, 100),), LevelCheck(None, None, None, "level"), False),
    "lost": World((Found("ratings", 80, 100),), LevelCheck(None, None, False, "level"), False),
    "below": World((Found("ratings", 99, 100),), LevelCheck(None, None, True, "level"), False),
    "unknown": World((), LevelCheck(None, None, None, "level"), False),
}
DECIDED = {
    ("same", "yes"): "open", ("same", "no"): "closed", ("same", "undecided"): "undecided",
    ("unknown", "yes"): "undecided", ("unknown", "no"): "undecided",
    ("unknown", "undecided"): "undecided",
}  # fmt: skip
DRIFT = {"yes": "open", "no": "closed", "undecided": "undecided"}


def comparison(answer: Answer) -> Comparison:
    return Comparison(
        answer,
        "ndcg@10",
        "new",
        0.2,
        0.2,
        0.0,
        -0.001,
        0.001,
        0.01,
        "5 % of current",
        False,
        60,
        60,
        0.0,
        0,
        90,
    )


@pytest.mark.parametrize(("name", "answer"), list(product(WORLDS, DRIFT)))
def test_decision(name: str, answer: Answer) -> None:
    gate = Gate(WORLDS[name], comparison(answer), "", ("by time",))
    assert gate.decision == DECIDED.get((name, answer), "closed")
    assert gate.passed == (gate.decision == "open")
    assert gate.sentence.startswith(f"gate {gate.decision}: ")
    assert "\n" not in gate.sentence
    drifting = replace(gate, world=replace(gate.world, allow_drift=True))
    assert drifting.decision == ("undecided" if name == "unknown" else DRIFT[answer])
    found = gate.to_dict()
    assert found["decision"] == gate.decision
    assert found["not_worse"]["answer"] == answer
    assert found["same_world"]["answer"] == {"same": "yes", "unknown": "undecided"}.get(name, "no")


def test_the_world_says_what_is_missing_and_what_to_do() -> None:
    lost = WORLDS["lost"].sentence
    assert "they have only 80 of the 100 ratings (80 %)" in lost
    assert "90 % are needed" in lost
    assert "--allow-drift" in lost
    assert replace(WORLDS["lost"], allow_drift=True).sentence.endswith("; allowed")
    assert "data mismatch: level; check the new ratings" in (WORLDS["below"].sentence)


def test_without_ratings_to_tell_by_it_is_undecided() -> None:
    gate = Gate(WORLDS["same"], None, "all seen", ())
    assert (gate.decision, gate.sentence) == ("undecided", "gate undecided: all seen")
    assert gate.to_dict()["not_worse"] == {"answer": "undecided", "sentence": "all seen"}
    assert replace(gate, world=WORLDS["lost"]).decision == "closed"


def test_ratings_that_tell_no_models_apart_open_nothing() -> None:
    gate = Gate(WORLDS["same"], comparison("yes"), "popularity would pass, too", ())
    assert gate.decision == "undecided"
    assert gate.sentence.startswith("gate undecided: popularity would pass, too; new is not worse")
    worse = replace(gate, comparison=comparison("no"))
    assert worse.decision == "closed"


@pytest.mark.parametrize(
    ("new", "decision"),
    [
        (recsys.Popularity(), "undecided"),
        (recsys.ImplicitALS(8, regularization=0.1), "open"),
    ],
)
def test_a_margin_by_which_popularity_would_pass(
    new: Any, decision: str, sample: recsys.Ratings
) -> None:
    past = recsys.splits.by_time(sample, 0.2).train
    current = recsys.train(recsys.ImplicitALS(8, regularization=0.1), past)
    held = contest(current, [recsys.splits.by_time(sample, 0.2)], Feedback())
    result = recsys.evaluate({"new": new, "current": held.current}, held.splits)
    terms = Terms("ndcg@10", Margin.parse("70%"))
    gate = decide(result, "new", "current", terms, held, history_in(current, [sample]))
    assert gate.comparison is not None
    assert (gate.comparison.answer, gate.decision) == ("yes", decision), gate.sentence
    assert ("popularity would pass, too" in gate.sentence) == (decision == "undecided")


def test_popularity_may_replace_popularity(sample: recsys.Ratings) -> None:
    current = recsys.train(recsys.Popularity(), recsys.splits.by_time(sample, 0.2).train)
    held = contest(current, [recsys.splits.by_time(sample, 0.2)], Feedback())
    models: dict[str, Any] = {"new": recsys.Popularity(), "current": held.current}
    result = recsys.evaluate(models, held.splits)
    terms = Terms("ndcg@10", Margin.parse("70%"))
    gate = decide(result, "new", "current", terms, held, history_in(current, [sample]))
    assert gate.decision == "open", gate.sentence


@pytest.mark.parametrize(("how", "said"), [("values", True), ("at-least=4", False)])
def test_another_meaning_of_liked_is_said(how: str, said: bool, sample: recsys.Ratings) -> None:
    split, feedback = recsys.splits.by_time(sample, 0.2), Feedback.parse(how)
    current = recsys.train(recsys.Popularity(), split.train, feedback="at-least=4")
    held = contest(current, [split], feedback)
    models: dict[str, Any] = {"new": recsys.PureSVD(4), "current": held.current}
    result = recsys.evaluate(models, held.splits, feedback=feedback)
    terms = Terms("ndcg@10", Margin.parse("5%"))
    gate = decide(result, "new", "current", terms, held, history_in(current, [sample]))
    remark = (
        "what counts as liked is defined by --feedback values, but current was trained with "
        "at-least"
    )
    assert any(one.startswith(remark) for one in gate.remarks) == said
