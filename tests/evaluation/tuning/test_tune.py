"""`tune` and `Tuner` in Python: with `train`, with `evaluate`, and on files."""

from __future__ import annotations

import math
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import recsys
from recsys import Ratings
from recsys.errors import ArgumentError, RecsysError
from recsys.evaluation.tuning import result, tune
from recsys.ratings.splits import Split
from recsys.recommend.chosen import Chooser, Searching

QUICK: Any = {"models": ("ease", "item-knn"), "trials": 6}


@pytest.fixture(scope="module")
def found(sample: Ratings) -> recsys.Tuning:
    return recsys.tune(sample, **QUICK)


def test_it_finds_a_model_that_is_better_than_popularity(
    found: recsys.Tuning, sample: Ratings
) -> None:
    name, level = found.baseline
    assert name == "popularity"
    assert found.score > level > 0
    assert found.spec.name == found.best.model
    assert found.score == max(one.value for one in found.ranked)
    assert list(found.best_of_models) == found.models
    frame = found.frame
    assert len(frame) == 6
    assert frame["ndcg@10"].max() == found.score
    assert {"trial", "model", "state", "seconds", "feedback", "n_neighbours"} <= set(frame)


def test_ease_is_searched_by_default_unless_there_are_many_items(
    sample: Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def models(given: recsys.Tuning) -> set[str]:
        return set(given.models) | {"blend"}  # which needs more trials

    kept = recsys.tune(sample, trials=4, feedback="ones")
    assert models(kept) == set(kept.settings["models"])
    for module in (tune, result):
        monkeypatch.setattr(module, "MOST_ITEMS", sample.n_items - 1)
    few = recsys.tune(sample, trials=4, feedback="ones")
    assert models(few) == models(kept) - {"ease"}
    assert few.record["remarks"][0].startswith("ease was not searched, because its fits are slow")
    named = recsys.tune(sample, ("ease", "pure-svd"), trials=4, feedback="ones")
    assert "ease" in named.models


def test_train_trains_what_was_found_and_keeps_the_record(
    found: recsys.Tuning, sample: Ratings, tmp_path: Path
) -> None:
    assert isinstance(found, Chooser)
    model = recsys.train(found, sample)
    plain = recsys.train(found.spec, sample, feedback=found.feedback)
    assert model.recommend(5)["item"].tolist() == plain.recommend(5)["item"].tolist()
    again = recsys.load(recsys.save(model, tmp_path / "m"))
    assert again.search == found.record
    assert len(found.record["trials"]) == 6
    with pytest.raises(ArgumentError, match="the best trial has feedback"):
        recsys.train(found, sample, feedback="at-least=2")


def test_a_tuner_chooses_what_tune_finds(found: recsys.Tuning, sample: Ratings) -> None:
    seen: list[Searching] = []
    tuner = recsys.Tuner(**QUICK)
    model = recsys.train(tuner, sample, on_search=seen.append)
    assert model.factors.spec == found.spec
    assert model.feedback.unfitted == found.feedback
    assert [one.n_trials for one in seen] == [1, 2, 3, 4, 5, 6]
    assert seen[-1].share == 1
    assert (seen[-1].best, seen[-1].model) == (found.score, found.best.model)
    as_they_are = tuner.fit(sample)
    assert as_they_are.spec == tuner.choose(sample, recsys.Feedback()).spec


def test_an_evaluation_never_shows_it_the_test_part(sample: Ratings) -> None:
    tuner = recsys.Tuner(("item-knn",), trials=4)
    split = recsys.splits.random(sample, 0.2, seed=3)
    other = replace(split, test=_shuffled(split))
    found = [
        recsys.evaluate({"tuned": tuner, "ease": recsys.EASE()}, one, k=5) for one in (split, other)
    ]
    specs = [one.runs.set_index("model")["spec"]["tuned"] for one in found]
    assert specs[0] == specs[1]
    report = found[0].to_html()
    assert "tuned, split 1" in report
    assert "ease, split 1" not in report
    chosen = tuner.choose(split.train)
    assert specs[0] == chosen.spec.to_dict() | {"feedback": str(chosen.feedback)}


def _shuffled(split: Split) -> Ratings:
    # Other held-out ratings of the same users: half of them.
    return split.test.select(np.arange(split.test.n_ratings) % 2 == 0)


def test_tuners_of_other_models_are_no_choice_on_the_test(sample: Ratings) -> None:
    split = recsys.splits.random(sample, 0.2)

    def codes(**models: Any) -> set[str]:
        result = recsys.evaluate(models, split, k=5)
        return {finding.code for finding in result.findings}

    one, other = recsys.Tuner("ease", trials=1), recsys.Tuner("pure-svd", trials=1)
    assert "R004" not in codes(one=one, other=other)
    assert "R004" in codes(one=one, other=replace(one, trials=2))


def test_the_folder_has_report_and_recipe(sample: Ratings, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    found = recsys.tune(sample, "implicit-als", trials=2, out=out, feedback="at-least=4", seed=7,
                        hyperparameters={"implicit-als": {"n_epochs": 3}})  # fmt: skip
    recipe = tomllib.loads((out / "best.toml").read_text())
    own = dict(found.best.spec)
    assert recipe["model"] == own.pop("model") == "implicit-als"
    assert recipe["seed"] == own.pop("seed") == 7
    assert recipe["feedback"] == "at-least=4"
    assert own.pop("alpha") is None  # none has no value in TOML
    assert recipe["hyperparameters"] == own
    assert own["n_epochs"] == 3
    assert "NDCG@10" in (out / "report.html").read_text()


def test_the_same_seed_finds_the_same(found: recsys.Tuning, sample: Ratings) -> None:
    again = recsys.tune(sample, **QUICK)

    def told(one: recsys.Tuning) -> list[Any]:
        return [(trial.params, trial.state, trial.value) for trial in one.trials]

    assert told(again) == told(found)
    assert told(recsys.tune(sample, **QUICK, seed=1)) != told(found)


def test_settings_of_a_tuner() -> None:
    tuner = recsys.Tuner(
        ["ease", "ease"], budget="1.5m", hyperparameters={"ease.regularization": "3"}
    )
    assert tuner.models == ("ease",)
    assert tuner.budget == "1.5m"
    assert tuner.to_dict() == {
        "model": "tune", "models": ["ease"], "metric": "ndcg@10", "trials": 100, "budget": "1.5m",
        "hyperparameters": {"ease.regularization": "3"}, "seed": 0, "processes": 1,
    }  # fmt: skip
    assert not tuner.predicts_ratings
    assert recsys.Tuner("biases").predicts_ratings
    bad: Any = (
        ({"models": ()}, "models must name at least one"),
        ({"models": "easy"}, r"models must be one of .*, not 'easy' \(did you mean 'ease'\?\)"),
        ({"hyperparameters": {"pure-svd.n_factors": 3}}, "a model of implicit-als"),
    )
    for wrong, message in bad:
        with pytest.raises(RecsysError, match=message):
            recsys.Tuner(**wrong)


def test_a_better_baseline_is_said(found: recsys.Tuning) -> None:
    assert not any("is better" in remark for remark in found.record["remarks"])
    worse = replace(found, baseline=("popularity", found.score + 0.1))
    assert worse.record["remarks"][0] == "popularity is better on the held-out ratings"
    assert math.isclose(worse.record["popularity"], found.score + 0.1)
