"""Training as a use case: what is measured, trained and saved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import recsys
from recsys.app.recipe import Part, Recipe
from recsys.app.train import Accuracy, measure, run
from recsys.store.model_file import read_about


def test_a_training_reads_measures_fits_and_saves(root: Path, tmp_path: Path) -> None:
    stages: list[str] = []
    hyperparameters = {"n_factors": 4, "n_epochs": 2}
    out = tmp_path / "new" / "folder" / "m.safetensors"
    recipe = Recipe(
        str(root / "data/sample"), out=str(out), hyperparameters=hyperparameters, test=0.2
    )
    trained = run(recipe, on_stage=stages.append)
    assert stages == ["reading", "measuring implicit-als", "training implicit-als", "saving"]
    found = trained.to_dict()
    assert found["path"] == str(out)
    assert found["spec"] == recsys.load(out).factors.spec.to_dict()
    assert found["loss"] == [p.loss for p in trained.log]
    assert [one["metric"] for one in found["accuracy"]] == ["NDCG@10"]


@pytest.mark.parametrize("name", ["popularity", "biases", "explicit-als", "pure-svd"])
def test_accuracy_is_that_of_an_evaluation(sample: recsys.Ratings, name: str) -> None:
    spec = Recipe("x", model=name, hyperparameters={} if "-" not in name else {"n_factors": 4})
    part = Part("random", 0.2, 3)
    measured = measure(spec.spec(), sample, recsys.Feedback(), part)
    found = {one.metric: one for one in measured.accuracy}
    models = {"own": spec.spec()}
    result = recsys.evaluate(models, recsys.splits.random(sample, 0.2, seed=3))
    ranked = found["NDCG@10"]
    # The model file keeps every metric with its interval, as an evaluation has it.
    levels = measured.header["metrics"]
    assert {"ndcg@10", "recall@10", "map@10"} <= set(levels)
    for metric, level in levels.items():
        row = result.of("own", metric)
        assert level["mean"] == pytest.approx(row["mean"]), metric
        assert level["n_users"] == row["n"]
        assert (level["low"], level["high"]) == pytest.approx((row["low"], row["high"]), rel=0.2)
    assert measured.header["split"].startswith("random, 0.2 of the ratings")
    assert ranked.model == pytest.approx(result.of("own", "ndcg@10")["mean"])
    assert (ranked.baseline is None) == (name == "popularity")
    if ranked.baseline is not None:
        assert ranked.baseline == pytest.approx(result.of("popularity", "ndcg@10")["mean"])
    assert ("RMSE" in found) == spec.spec().predicts_ratings
    if "RMSE" in found:
        assert found["RMSE"].model == pytest.approx(result.of("own", "rmse")["mean"])
        expected = None if name == "biases" else result.of("biases", "rmse")["mean"]
        assert found["RMSE"].baseline == (expected and pytest.approx(expected))


def test_accuracy_in_one_line() -> None:
    def line(model: float, baseline: float | None, margin: float | None) -> str:
        return Accuracy("NDCG@10", model, "Popularity", baseline, 1200, margin, "").sentence()

    assert line(0.3, None, None) == "NDCG@10 0.300 (1,200 users)"
    assert line(0.3, 0.25, None) == "NDCG@10 0.300, Popularity 0.250 (1,200 users)"
    assert line(0.3, 0.25, 0.01).endswith("(1,200 users): +0.050 ± 0.010")
    assert line(0.3, 0.31, 0.02).endswith(": -0.010 ± 0.020, within noise")
    rmse = Accuracy("RMSE", 0.9, "Biases", 0.95, 50, None, "")
    assert rmse.sentence() == "RMSE 0.900, Biases 0.950 (50 ratings)"


def test_the_model_file_keeps_what_was_measured(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "m"
    recipe = Recipe(
        str(root / "data/sample"), model="pure-svd", out=str(out), test=0.2, split="by-time",
        feedback="at-least=3",
    )  # fmt: skip
    trained = run(recipe)
    assert trained.accuracy[0].how == "the latest 20% of the ratings"
    measured = read_about(out)["measured"]
    assert (measured["how"], measured["test"], measured["k"]) == ("by-time", 0.2, 10)
    assert measured["feedback"] == "at-least=3"
    level = measured["metrics"]["ndcg@10"]
    assert level["mean"] == pytest.approx(trained.accuracy[0].model)
    assert level["n_users"] == trained.accuracy[0].n
    assert recsys.load(out).fitted.spec.name == "pure-svd"
    run(replace(recipe, test=0.0, split="random"))
    assert "measured" not in read_about(out)


def test_both_searches_of_a_measured_training_report_their_trials(
    root: Path, tmp_path: Path
) -> None:
    recipe = Recipe(
        str(root / "data/sample"), out=str(tmp_path / "m"), model="auto", budget=0.035, test=0.2
    )
    seen: list[int] = []
    trained = run(recipe, on_search=lambda one: seen.append(one.n_trials))
    assert seen.count(1) == 2
    assert trained.model.search is not None
    assert seen[-1] == len(trained.model.search["trials"])
