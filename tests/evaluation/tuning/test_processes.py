"""Trials in several processes: each is worth what it is worth alone; the same ones again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from parallel_models import ended

import recsys
from recsys.errors import WorkerError
from recsys.evaluation.tuning.family import COMPLETE
from recsys.evaluation.tuning.objective import Bench, Goal
from recsys.models.registry import spec_from_dict
from recsys.ratings.feedback import Feedback

SEARCH: dict[str, Any] = {
    "models": ["normalized-svd", "pure-svd", "blend"],
    "hyperparameters": {
        "normalized-svd": {"n_factors": "2:32"},
        "pure-svd": {"n_factors": "2:32"},
    },
    "trials": 21,
}


class Stopped(BaseException):
    pass


def tried(found: recsys.Tuning) -> list[Any]:
    return [(t.number, t.model, t.state, t.value, dict(t.params)) for t in found.trials]


@pytest.fixture(scope="module")
def found(sample: recsys.Ratings) -> recsys.Tuning:
    return recsys.tune(sample, **SEARCH, processes=2)


def test_each_trial_is_worth_what_it_is_worth_alone(
    found: recsys.Tuning, sample: recsys.Ratings
) -> None:
    """To the bit; the settings differ from those of one process where the sampler proposes them."""
    bench = Bench(sample, None, Goal.parse("ndcg@10"), 0)
    complete = [trial for trial in found.trials if trial.state == COMPLETE]
    assert len(complete) > 15
    for trial in complete:
        spec = spec_from_dict(trial.spec)
        assert bench.value(spec, Feedback.parse(trial.feedback)) == trial.value
    assert found.baseline == bench.baseline
    assert found.record["searched"]["processes"] == 2
    settings = [(trial.model, tuple(trial.params.items())) for trial in found.trials]
    assert len(set(settings)) == len(settings)


def test_a_search_of_starts_is_the_same(sample: recsys.Ratings) -> None:
    """Where nothing is proposed, what is tried does not depend on the processes either."""
    search = SEARCH | {"models": ["normalized-svd", "pure-svd"], "trials": 5}
    both = [recsys.tune(sample, **search, processes=n) for n in (1, 3)]
    assert tried(both[0]) == tried(both[1])


def test_a_search_that_was_stopped_goes_on(
    found: recsys.Tuning, sample: recsys.Ratings, tmp_path: Path
) -> None:
    rounds: list[int] = []

    def on_search(searching: Any) -> None:
        rounds.append(searching.n_trials)
        if searching.n_trials >= 14:
            raise Stopped

    with pytest.raises(Stopped):
        recsys.tune(sample, **SEARCH, processes=2, out=tmp_path, on_search=on_search)
    assert rounds == list(range(2, 15, 2))
    again = recsys.tune(sample, **SEARCH, processes=2, out=tmp_path)
    assert tried(again) == tried(found)


def test_a_process_that_ends_does_not_count_as_a_trial(
    sample: recsys.Ratings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search: dict[str, Any] = {"models": ["pure-svd"], "trials": 3, "out": tmp_path}
    with monkeypatch.context() as patch:
        patch.setattr("recsys.evaluation.tuning.trying._work", ended)
        with pytest.raises(WorkerError, match="that worked on pure-svd ended with code 3"):
            recsys.tune(sample, **search, processes=2)
    assert [trial.number for trial in recsys.tune(sample, **search).trials] == [0, 1, 2]
