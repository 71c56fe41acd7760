"""The search: where it looks, who takes turns, what it keeps."""

from __future__ import annotations

import math
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import recsys
from recsys import Ratings
from recsys.errors import ArgumentError, DataError, FitError
from recsys.evaluation.tuning.family import COMPLETE, FAILED, PRUNED, Family, storage_at
from recsys.evaluation.tuning.objective import Bench, Goal
from recsys.evaluation.tuning.search import STUDY, Limits, Search
from recsys.models.spec import Spec

NDCG, RMSE = Goal.parse("ndcg@10"), Goal.parse("rmse")
Worth = Callable[..., float]


@pytest.fixture
def worth(monkeypatch: pytest.MonkeyPatch) -> Callable[[Worth], None]:
    """Sets what a spec is worth, in place of fits and measurements."""

    def set_to(function: Worth) -> None:
        def value(self: Bench, spec: Spec, feedback: Any, on_step: Any = None) -> float:
            return 0.0 if on_step is None else function(spec, on_step)  # the baseline

        monkeypatch.setattr(Bench, "value", value)

    return set_to


def searched(
    ratings: Ratings, *models: str, trials: int = 30, goal: Goal = NDCG, **more: Any
) -> Search:
    named = {name: more.get("given", {}).get(name, {}) for name in models}
    seconds, folder = more.get("seconds", math.inf), more.get("folder")
    feedback = more.get("feedback")
    search = Search(ratings, named, goal, feedback, Limits(trials, seconds), 0, folder)
    search.run(more.get("on_search"))
    return search


def told(search: Search) -> list[Any]:
    return [(t.number, t.model, t.state, t.value, dict(t.params)) for t in search.trials]


@pytest.mark.parametrize("goal", [NDCG, RMSE])
def test_it_finds_the_top_of_a_hill(
    goal: Goal, sample: Ratings, worth: Callable[[Worth], None]
) -> None:
    """A hill in the logarithm of λ and in the width, that is a valley for an error."""

    def hill(spec: Any, on_step: Any) -> float:
        height = -(math.log10(spec.regularization / 0.05) ** 2)
        height -= (math.log2(spec.n_factors / 40) / 3) ** 2
        return height if goal is NDCG else -height

    worth(hill)
    given = {"explicit-als": {"n_epochs": 5, "implicit_weight": 0}}
    search = searched(sample, "explicit-als", trials=40, goal=goal, given=given)
    best = search.best
    assert best is not None
    assert len(search.trials) == 40
    assert math.log10(best.params["regularization"] / 0.05) == pytest.approx(0, abs=0.15)
    assert best.params["n_factors"] == pytest.approx(40, abs=12)
    first, second = best.value, max((-t.value if goal is RMSE else t.value) for t in search.trials)
    assert second == (-first if goal is RMSE else first)
    shares = search.families[0].importances()
    assert set(shares) == {"regularization", "n_factors"}
    assert sum(shares.values()) == pytest.approx(1)


def test_models_take_turns_and_those_far_behind_leave(
    sample: Ratings, worth: Callable[[Worth], None]
) -> None:
    level = {"ease": 0.4, "pure-svd": 0.3, "item-knn": 0.2, "bpr": 0.1}
    worth(lambda spec, on_step: level[spec.name])
    search = searched(sample, *reversed(level), trials=60)
    turns = [trial.model for trial in search.trials]
    dimensions = {one.space.model: len(one.space.dimensions) for one in search.families}
    for name in level:  # more hyperparameters, more turns
        share = (1 + dimensions[name]) / (4 + sum(dimensions.values()))
        assert turns[:20].count(name) == pytest.approx(20 * share, abs=1.5)
    assert set(turns[20:40]) == {"ease", "pure-svd"}
    assert set(turns[40:]) == {"ease"}


def test_models_that_are_close_to_the_best_stay(
    sample: Ratings, worth: Callable[[Worth], None]
) -> None:
    level = {"ease": 0.4, "pure-svd": 0.37, "item-knn": 0.35}  # the baseline has 0
    worth(lambda spec, on_step: level[spec.name])
    turns = [trial.model for trial in searched(sample, *level, trials=60).trials]
    assert set(turns[45:]) == {"ease", "pure-svd"}


def test_a_model_without_hyperparameters_is_tried_once(
    sample: Ratings, worth: Callable[[Worth], None]
) -> None:
    worth(lambda spec, on_step: 0.5)
    feedback = recsys.Feedback(ones=True)
    search = searched(sample, "popularity", trials=9, feedback=feedback)
    assert len(search.trials) == 1
    search = searched(sample, "popularity", "ease", trials=9, feedback=feedback)
    assert [trial.model for trial in search.trials].count("popularity") == 1
    assert len(search.trials) == 9


def test_a_training_that_is_behind_is_given_up(
    sample: Ratings, worth: Callable[[Worth], None]
) -> None:
    steps: list[int] = []

    def value(spec: Any, on_step: Any) -> float:
        good = spec.regularization < 300
        for epoch in (4, 8, 16):
            steps.append(epoch)
            on_step(epoch, 0.2 if good else 0.1)
        return 0.3 if good else 0.15

    worth(value)
    search = searched(sample, "ease", trials=40)
    given_up = [trial for trial in search.trials if trial.state == PRUNED]
    assert given_up
    assert all(trial.params["regularization"] >= 300 for trial in given_up)
    assert all(list(trial.steps) == [4] for trial in given_up)
    assert len(steps) == 3 * 40 - 2 * len(given_up)
    assert search.best is not None
    assert search.best.params["regularization"] < 300


def test_an_interrupted_search_goes_on_as_if_nothing_had_happened(
    sample: Ratings, tmp_path: Path
) -> None:
    feedback = recsys.Feedback(ones=True)
    models: Any = ("ease", "item-knn", "pure-svd")
    whole = searched(sample, *models, trials=14, feedback=feedback)

    def stop(searching: Any) -> None:
        if searching.n_trials == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        searched(sample, *models, trials=14, feedback=feedback, folder=tmp_path, on_search=stop)
    there = searched(sample, *models, trials=6, feedback=feedback, folder=tmp_path)
    assert told(there) == told(whole)[:6]
    resumed = searched(sample, *models, trials=14, feedback=feedback, folder=tmp_path)
    assert told(resumed) == told(whole)


def test_what_was_cut_short_is_not_counted(
    sample: Ratings, tmp_path: Path, worth: Callable[[Worth], None]
) -> None:
    calls: list[Spec] = []

    def value(spec: Any, on_step: Any) -> float:
        calls.append(spec)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return float(spec.regularization)

    worth(value)
    with pytest.raises(KeyboardInterrupt):
        searched(sample, "ease", trials=5, folder=tmp_path)
    search = searched(sample, "ease", trials=5, folder=tmp_path)
    assert calls[3] == calls[2]  # it is tried again
    assert [trial.number for trial in search.trials] == [0, 1, 2, 3, 4]


def test_a_killed_process_leaves_a_study_that_goes_on(sample: Ratings, tmp_path: Path) -> None:
    code = f"""
import os, recsys
from recsys.evaluation.tuning.objective import Bench
def value(self, spec, *_):
    if spec.name == "ease" and spec.regularization == 500:
        os._exit(9)
    return 0.5
Bench.value = value
recsys.tune(recsys.read_ratings({str(Path(__file__).parents[3] / "data" / "sample")!r}), "ease",
            out={str(tmp_path)!r})
"""
    # Not in the checkout, whose kernels need not be compiled.
    killed = subprocess.run([sys.executable, "-P", "-c", code], check=False, cwd=tmp_path)
    assert killed.returncode == 9
    search = searched(sample, "ease", trials=3, folder=tmp_path)
    assert [trial.number for trial in search.trials] == [0, 1, 2]
    assert search.trials[0].value == 0.5


def test_trials_that_fail_are_kept_and_the_others_go_on(
    sample: Ratings, worth: Callable[[Worth], None]
) -> None:
    def value(spec: Any, on_step: Any) -> float:
        if spec.regularization == 500:
            raise FitError("user 3 has no finite solution")
        return math.nan if spec.regularization > 1000 else 0.5

    worth(value)
    search = searched(sample, "ease", trials=20)
    states = {trial.state for trial in search.trials}
    assert states == {COMPLETE, FAILED}
    assert search.trials[1].why == "user 3 has no finite solution"  # the published default
    assert "no user has a value for ndcg@10" in {trial.why for trial in search.trials}
    assert all(math.isnan(one.value) for one in search.trials if one.state == FAILED)


def test_no_trial_could_be_completed(sample: Ratings, worth: Callable[[Worth], None]) -> None:
    def value(spec: Any, on_step: Any) -> float:
        raise FitError("the matrix is singular")

    worth(value)
    with pytest.raises(FitError, match="no trial could be completed: the matrix is singular"):
        searched(sample, "ease", trials=2)


def test_a_bug_is_not_a_failed_trial(sample: Ratings, worth: Callable[[Worth], None]) -> None:
    def value(spec: Any, on_step: Any) -> float:
        raise AttributeError("no attribute 'n_factor'")

    worth(value)
    with pytest.raises(AttributeError):
        searched(sample, "ease", trials=2)


def test_a_search_that_lacks_memory_is_no_failed_fit(
    sample: Ratings, worth: Callable[[Worth], None]
) -> None:
    def value(spec: Spec, on_step: Any) -> float:
        raise MemoryError("2 GB")

    worth(value)
    with pytest.raises(MemoryError, match="no trial could be completed: not enough memory; 2 GB"):
        searched(sample, "ease", trials=2)


def test_no_trial_starts_after_the_budget(
    sample: Ratings, monkeypatch: pytest.MonkeyPatch, worth: Callable[[Worth], None]
) -> None:
    worth(lambda spec, on_step: 0.5)
    clock = iter(range(0, 10_000, 3))
    monkeypatch.setattr("time.perf_counter", lambda: float(next(clock)))  # 3 s a trial
    shares: list[float] = []
    search = searched(
        sample, "ease", seconds=10.0, on_search=lambda found: shares.append(found.share)
    )
    assert len(search.trials) == 4
    assert shares == [0.3, 0.6, 0.9, 1.0]


def test_the_folder_must_have_the_same_search(sample: Ratings, tmp_path: Path) -> None:
    searched(sample, "ease", trials=1, folder=tmp_path)
    again: Any = {"trials": 1, "folder": tmp_path}
    half = sample.select(sample.matrix.data > 2)
    changed: tuple[tuple[Callable[[], Search], str], ...] = (
        (lambda: searched(half, "ease", **again), "holds a study of ease with ratings"),
        (lambda: searched(sample, "ease", goal=Goal.parse("recall@5"), **again), "metric ndcg@10"),
        (lambda: searched(sample, "ease", feedback=recsys.Feedback(), **again), "feedback search"),
        (lambda: searched(sample, "ease", given={"ease": {"regularization": 3}}, **again), "space"),
    )
    for how, match in changed:
        with pytest.raises(ArgumentError, match=match):
            how()
    assert len(searched(sample, "ease", trials=1, folder=tmp_path).trials) == 1
    searched(sample, "ease", "popularity", trials=2, folder=tmp_path)  # one model more is fine


def test_a_file_that_is_no_study(sample: Ratings, tmp_path: Path) -> None:
    (tmp_path / STUDY).write_bytes(b"something else" * 100)
    with pytest.raises(ArgumentError, match="study.db is not a study that this version can read"):
        storage_at(tmp_path / STUDY)


@pytest.mark.parametrize(
    "damage",
    [
        "study_user_attributes set value_json = 'half of {'",
        "study_user_attributes set value_json = cast(x'ff' as text)",
        "trials set state = 'asleep'",
        "trial_params set distribution_json = '{}'",
        "trial_params set distribution_json = null",
    ],
)
def test_a_study_that_is_damaged(
    damage: str, sample: Ratings, tmp_path: Path, worth: Callable[[Worth], None]
) -> None:
    worth(lambda spec, on_step: 0.5)
    searched(sample, "ease", trials=1, folder=tmp_path)
    with closing(sqlite3.connect(tmp_path / STUDY)) as database:
        database.execute(f"update {damage}")
        database.commit()
    with pytest.raises(DataError, match="the study of the search is damaged.*another folder"):
        searched(sample, "ease", trials=1, folder=tmp_path)


def test_no_memory_for_a_study_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacks(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr("optuna.storages.RDBStorage", lacks)
    with pytest.raises(MemoryError):
        storage_at(tmp_path / STUDY)


def test_models_must_suit_the_metric_and_the_ratings(sample: Ratings) -> None:
    with pytest.raises(ArgumentError, match="rmse is for models that predict ratings, which ease"):
        searched(sample, "biases", "ease", goal=RMSE)
    seen = recsys.feedback.ones(sample)
    with pytest.raises(DataError, match="explicit-als predicts ratings"):
        searched(seen, "explicit-als")


def test_optuna_says_nothing(
    sample: Ratings, capsys: pytest.CaptureFixture[str], worth: Callable[[Worth], None]
) -> None:
    import optuna

    before = optuna.logging.get_verbosity()
    worth(lambda spec, on_step: 0.5)
    searched(sample, "ease", trials=12)
    assert capsys.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == before


def test_a_family_keeps_what_it_is_told_first(sample: Ratings) -> None:
    family = searched(sample, "popularity", trials=1).families[0]
    assert isinstance(family, Family)
    assert family.keep("a", "one") == "one"
    assert family.keep("a", "two") == "one"
