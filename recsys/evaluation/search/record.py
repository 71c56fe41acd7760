"""The record of a search: what was chosen, why, and how to get the same without searching."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from recsys.evaluation.search.rounds import Rounds
from recsys.evaluation.search.rule import EPOCHS
from recsys.evaluation.search.trials import Bench, Trial
from recsys.evaluation.search.validation import K
from recsys.evaluation.search.work import LEAST_UNIT
from recsys.recommend import chosen

Record = dict[str, Any]


def record(settings: Mapping[str, Any], bench: Bench, rounds: Rounds) -> Record:
    """A finished search, ready for JSON."""
    spec, feedback = bench.spec(rounds.chosen, rounds.n_epochs), rounds.chosen.feedback
    best = rounds.best
    final = bench.final_work(rounds.chosen, rounds.n_epochs)
    unit = bench.final_work(rounds.chosen, EPOCHS)
    return chosen.record(
        settings,
        spec,
        feedback,
        metric=f"ndcg@{K}",
        validation=None if best is None else best.score,
        popularity=rounds.popularity,
        users=0 if best is None else len(best.values),
        work=(bench.ledger.spent + final) / max(unit, LEAST_UNIT),
        remarks=list(_remarks(bench, rounds)),
        trials=[_line(trial) for trial in bench.trials],
    )


def lines(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a person should see of a record: pairs of a heading and a sentence.

    A record of another search has the same keys, with `baseline` where the model that others are
    compared with is not popularity.
    """
    if found["validation"] is not None:
        yield "searched", _why(found)
    yield "feedback", str(found["feedback"])
    yield "the same", f"recsys train RATINGS {found['recipe']}"
    for remark in found["remarks"]:
        yield "remark", remark


def _why(found: Mapping[str, Any]) -> str:
    n, worth = len(found["trials"]), f"{found['validation']:.4f}"
    how = f"{found['metric'].upper()} {worth} on ratings held out of the training part"
    baseline = found.get("baseline", "popularity")
    if baseline in found:
        users = f"{found['users']:,} users, over all parts held out"
        how += f", {baseline} {found[baseline]:.4f} ({users})"
    return f"{n} trials; {how}"


def _remarks(bench: Bench, rounds: Rounds) -> Iterator[str]:
    if not bench.ledger.budget:
        yield "budget 0: the hyperparameters are those of the rule, and were not checked"
        return
    limit = bench.ledger.time_limit
    if bench.ledger.out_of_time:
        yield (
            f"the time limit of {limit:g} s cut the search after {len(bench.trials)} trials; on "
            "another machine it may choose otherwise"
        )
    best = rounds.best
    if best is None:
        if not bench.n_parts:
            yield "too few ratings to hold any out: the hyperparameters are those of the rule"
        elif not bench.ledger.out_of_time:
            yield "no trial could be made: the hyperparameters are those of the rule"
    elif rounds.popularity is not None and best.score < rounds.popularity:
        yield (
            "popularity is better on the held-out ratings: these data have no pattern that a "
            "factorization finds"
        )


def _line(trial: Trial) -> Record:
    spec = trial.spec
    return {
        "feedback": str(trial.setting.feedback),
        "n_factors": spec.n_factors,
        "unobserved_weight": spec.unobserved_weight,
        "regularization": spec.regularization,
        "frequency_exponent": spec.frequency_exponent,
        "n_epochs": trial.n_epochs,
        "users": len(trial.values),
        "ndcg": trial.score,
    }
