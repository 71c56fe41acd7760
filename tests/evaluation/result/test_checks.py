"""Each check finds its planted fault, and is silent without it."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import recsys
from recsys.evaluation.protocol.contenders import Trained
from recsys.evaluation.protocol.prepared import PreparedSplit
from recsys.evaluation.result import checks
from recsys.findings import Finding
from recsys.models.implicit_als import ImplicitALS
from recsys.ratings import splits
from recsys.ratings.ratings import Ratings
from recsys.ratings.simulate import simulate
from recsys.recommend.ranking import FittedRanker

ALS = recsys.ImplicitALS(8)


def codes(result: recsys.Evaluation) -> set[str]:
    return {finding.code for finding in result.findings}


def finding(result: recsys.Evaluation, code: str) -> Finding:
    return next(f for f in result.findings if f.code == code)


@pytest.fixture(scope="module")
def healthy(sample: recsys.Ratings) -> recsys.Evaluation:
    """Folds of a healthy model, which has only the findings that any random split has."""
    als = recsys.ImplicitALS(8, regularization=0.1)
    return recsys.evaluate({"als": als}, splits.kfold(sample, 3), k=5)


@pytest.fixture
def timed(sample: recsys.Ratings) -> recsys.Ratings:
    if sample.timestamps is None:
        pytest.skip("the sample has no times")
    return sample


def test_a_healthy_evaluation_has_no_errors(healthy: recsys.Evaluation) -> None:
    assert not [f for f in healthy.findings if f.level == "error"]
    assert not codes(healthy) & {"R001", "R002", "R004", "R006", "R008", "R009", "R011", "R012"}


def test_r001_a_leak(sample: recsys.Ratings) -> None:
    split = splits.random(sample, test=0.2, seed=0)
    leaking = np.zeros(sample.n_ratings, bool)
    leaking[:7] = True
    both = sample.select(leaking)
    test = split.test.to_frame()
    added = pd.concat([test, both.to_frame()]).drop_duplicates(["user", "item"])
    n = len(added) - len(test)
    wider = recsys.Ratings.from_frame(added, "user", "item", timestamp="timestamp")
    wider = wider.reindex(sample.users, sample.items, sample.item_table)
    result = recsys.evaluate({"als": ALS}, replace(split, test=wider), k=5)
    found = finding(result, "R001")
    assert found.level == "error"
    assert f"{n} of the {wider.n_ratings:,} test ratings are also in training" in found.text
    assert result.findings[0] == found


def test_r001_a_model_that_was_trained_on_the_test(sample: recsys.Ratings) -> None:
    split = splits.random(sample, test=0.2, seed=0)
    everything, honest = (recsys.train(recsys.PureSVD(4), part) for part in (sample, split.train))
    result = recsys.evaluate({"all": everything, "some": honest}, split, k=5)
    found = [one for one in result.findings if one.code == "R001"]
    n = split.test.n_ratings
    assert [one.text for one in found] == [f"'all' was trained on {n:,} of the {n:,} test ratings"]
    assert found[0].level == "error"


def test_r001_a_leak_into_what_is_shown(sample: recsys.Ratings) -> None:
    split = splits.held_out_users(sample, 60, 0.3, seed=0)
    result = recsys.evaluate({"als": ALS}, replace(split, known=split.test), k=5)
    assert "in the known ratings of the test users" in finding(result, "R001").text


def test_r002_worse_than_its_baseline(sample: recsys.Ratings) -> None:
    class Backwards(ImplicitALS):
        """Ranks the best last."""

        def fit(self, ratings: Ratings, *how: Any, **named: Any) -> recsys.Factors:
            factors = super().fit(ratings, *how, **named)
            return replace(factors, user_factors=-factors.user_factors)

    models = {"bad": Backwards(8), "stars": recsys.ExplicitALS(4)}
    result = recsys.evaluate(models, splits.random(sample, 0.2), k=5)
    found = finding(result, "R002")
    assert found.level == "warning"
    assert "bad is worse than popularity: NDCG@5" in found.text
    notes = [f for f in result.findings if f.code == "R002" and f.level == "note"]
    assert all("designed to predict ratings" in f.remedy for f in notes)


def test_r003_a_lead_within_noise(sample: recsys.Ratings) -> None:
    models = {"one": ALS, "two": replace(ALS, regularization=0.0101)}
    result = recsys.evaluate(models, splits.random(sample, 0.2), k=5)
    assert "which is within noise" in finding(result, "R003").text
    assert "not significantly worse" in result.verdict


def test_r004_chosen_on_the_test(sample: recsys.Ratings) -> None:
    models = {f"als-{f}": recsys.ImplicitALS(f) for f in (2, 4)}
    split = splits.random(sample, 0.2)
    result = recsys.evaluate(models, split, k=5)
    assert "als-2, als-4 are all implicit-als" in finding(result, "R004").text
    grid = recsys.Grid(tuple(models.values()))
    assert "R004" not in codes(recsys.evaluate({"als": grid}, split, k=5))


def test_r005_too_few_users(sample: recsys.Ratings, healthy: recsys.Evaluation) -> None:
    few = sample.select(np.repeat(np.arange(sample.n_users), np.diff(sample.matrix.indptr)) < 30)
    result = recsys.evaluate({"als": ALS}, splits.random(few.without_empty(), 0.2), k=5)
    found = finding(result, "R005")
    assert "test users give NDCG@5" in found.text
    assert "% of the value either way" in found.text
    assert "R005" not in codes(healthy)


def test_r006_concentrated_on_the_head(healthy: recsys.Evaluation) -> None:
    frame, items = simulate(600, 2000, 20_000)
    ratings = recsys.Ratings.from_frame(frame, user="userId", item="movieId", items=items)
    # Strong regularization leaves only popularity.
    flat = recsys.ImplicitALS(4, regularization=0.1)
    result = recsys.evaluate({"flat": flat}, splits.random(ratings, 0.2), k=5)
    found = finding(result, "R006").text
    assert "of what flat recommends is among the most rated hundredth" in found
    assert "raise the number of factors or lower" in finding(result, "R006").remedy
    assert "R006" not in codes(healthy)
    heavy = recsys.evaluate({"flat": recsys.EASE(1e6)}, splits.random(ratings, 0.2), k=5)
    assert finding(heavy, "R006").remedy.startswith("lower the regularization, or present")


def test_r007_time_travel(timed: recsys.Ratings) -> None:
    at_random = recsys.evaluate({"als": ALS}, splits.random(timed, 0.2), k=5)
    assert finding(at_random, "R007").level == "note"
    split = splits.by_time(timed, 0.2)
    assert "R007" not in codes(recsys.evaluate({"als": ALS}, split, k=5))
    # A split that claims to be by time and is not.
    wrong = replace(splits.random(timed, 0.2), how=split.how)
    assert finding(recsys.evaluate({"als": ALS}, wrong, k=5), "R007").level == "error"


def test_r007_comes_before_all_but_errors(timed: recsys.Ratings) -> None:
    models = {"one": ALS, "two": replace(ALS, regularization=0.0101), "bad": recsys.PureSVD(4000)}
    found = recsys.evaluate(models, splits.random(timed, 0.2), k=5).findings
    assert [finding.level for finding in found[:3]] == ["error", "note", "warning"]
    assert [finding.code for finding in found[:2]] == ["R012", "R007"]


def test_what_holds_of_every_fold_is_said_once(timed: recsys.Ratings) -> None:
    folds = []
    for split in splits.kfold(timed, 3, seed=0):
        rows = np.repeat(np.arange(timed.n_users), np.diff(split.train.matrix.indptr))
        folds.append(replace(split, train=split.train.select(rows >= 5), known=split.test))
    result = recsys.evaluate({"als": ALS}, folds, k=5)
    cold = [f for f in result.findings if f.code == "R009"]
    leaks = [f for f in result.findings if f.code == "R001"]
    assert (len(cold), len(leaks)) == (0, 1)  # the known ratings are those of the test
    n = sum(fold.test.n_ratings for fold in folds)
    assert f"{n:,} of the {n:,} test ratings are also in the known" in leaks[0].text
    assert "(all 3 splits)" in leaks[0].text
    folds = [replace(fold, known=None) for fold in folds]
    cold = [f for f in recsys.evaluate({"als": ALS}, folds, k=5).findings if f.code == "R009"]
    assert len(cold) == 1
    assert cold[0].text.startswith(f"5 of the {timed.n_users} test users are newcomers")


def test_r008_sampled_metrics(sample: recsys.Ratings) -> None:
    split = splits.random(sample, 0.2)
    with pytest.warns(UserWarning, match="not those of full ranking"):
        result = recsys.evaluate({"als": ALS}, split, k=5, sampled_negatives=20)
    assert finding(result, "R008").level == "warning"


def test_r009_users_without_known_ratings(timed: recsys.Ratings) -> None:
    split = splits.random(timed, 0.2)
    cold = np.repeat(np.arange(timed.n_users), np.diff(split.train.matrix.indptr)) >= 3
    result = recsys.evaluate({"als": ALS}, replace(split, train=split.train.select(cold)), k=5)
    tested = (np.diff(split.test.matrix.indptr)[:3] > 0).sum()
    assert f"{tested} of the" in finding(result, "R009").text


def test_r010_unfinished_training(sample: recsys.Ratings) -> None:
    split = splits.random(sample, 0.2)
    short = recsys.evaluate({"als": recsys.ImplicitALS(8, n_epochs=2)}, split, k=5)
    assert "in the last of 2 epochs" in finding(short, "R010").text
    long = recsys.evaluate({"als": recsys.ImplicitALS(8, n_epochs=60)}, split, k=5)
    assert "R010" not in codes(long)


def test_r011_a_single_run(sample: recsys.Ratings) -> None:
    split = splits.random(sample, 0.2)
    assert "R011" in codes(recsys.evaluate({"als": ALS}, split, k=5))
    assert "R011" not in codes(recsys.evaluate({"als": ALS}, split, k=5, seeds=[0, 1]))


def test_r012_a_model_that_failed(sample: recsys.Ratings) -> None:
    models = {"bad": recsys.PureSVD(4000), "good": ALS}
    result = recsys.evaluate(models, splits.random(sample, 0.2), k=5)
    assert "bad failed: n_factors must be" in finding(result, "R012").text


def test_every_code_is_described(root: Path) -> None:
    described = [
        line.split("|")[1].strip() for line in checks.__doc__.splitlines() if "| R0" in line
    ]
    assert described == [f"R{i:03d}" for i in range(1, 14)]
    page = (root / "docs" / "evaluation.md").read_text()
    for code in described:
        assert f"| {code} |" in page


def test_r013_a_model_without_scores(sample: Ratings) -> None:
    class OnlyLists:
        """A contender whose ranker gives lists and nothing else."""

        name, predicts_ratings = "lists", False

        def to_dict(self) -> dict[str, object]:
            return {"model": self.name}

        def train(self, prepared: PreparedSplit, *_: Any) -> Trained:
            whole = FittedRanker(ALS.fit(prepared.trained_on))
            return Trained(SimpleNamespace(best=whole.best), {})

    result = recsys.evaluate({"lists": OnlyLists(), "als": ALS}, splits.random(sample, 0.2), k=5)
    assert finding(result, "R013").text == "lists ranks without scores, so it has no AUC"
    assert result.of("lists", "ndcg@5")["mean"] == result.of("als", "ndcg@5")["mean"]
    assert "auc" not in set(result.summary[result.summary["model"] == "lists"]["metric"])
    alone = recsys.evaluate({"als": ALS}, splits.random(sample, 0.2), k=5)
    assert "R013" not in codes(alone)
