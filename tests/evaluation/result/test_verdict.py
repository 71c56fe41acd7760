"""The headline says in one line what the numbers of the verdict say."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import recsys
from recsys.evaluation.evaluation import Evaluation
from recsys.evaluation.protocol.contenders import Trained
from recsys.evaluation.protocol.prepared import PreparedSplit
from recsys.ratings import splits
from recsys.ratings.account import Account, Taken
from recsys.recommend.ranking import FittedRanker


@pytest.fixture(scope="module")
def measured(sample: recsys.Ratings) -> Evaluation:
    return recsys.evaluate({"als": recsys.ImplicitALS(4), "svd": recsys.PureSVD(4)},
                           splits.random(sample, 0.2), k=5)  # fmt: skip


def with_means(result: Evaluation, means: dict[str, float], p: dict[str, float]) -> Evaluation:
    """The result with other means of NDCG, and other p-values of each model against the best."""
    best = max(means, key=lambda model: means[model])
    summary, pairs = result.summary.copy(), result.comparisons.copy()
    for model, mean in means.items():
        rows = (summary["model"] == model) & (summary["metric"] == result.ranking)
        summary.loc[rows, ["mean", "low", "high"]] = mean, mean - 0.01, mean + 0.01
    for i, row in pairs[pairs["metric"] == result.ranking].iterrows():
        two = {row["model"], row["other"]}
        pairs.loc[i, "difference"] = means[row["model"]] - means[row["other"]]
        pairs.loc[i, "p"] = p.get((two - {best}).pop(), 0.0001) if best in two else 0.0001
    return replace(result, summary=summary, comparisons=pairs)


MEANS = {"svd": 0.5, "als": 0.48, "popularity": 0.3, "biases": 0.1}


@pytest.mark.parametrize(
    ("means", "p", "expected"),
    [
        ({}, {}, "svd ranks best, als close behind"),
        ({"als": 0.4}, {}, "svd ranks best, ahead of als"),
        ({}, {"als": 0.2}, "svd ranks best, als not significantly worse"),
        ({"als": 0.2}, {}, "svd ranks best, ahead of popularity"),
        ({}, {"als": 0.2, "popularity": 0.3}, "svd ranks best, not significantly better than "
         "popularity"),
        ({"popularity": 0.6}, {}, "No model ranks better than popularity"),
        ({"popularity": 0.6}, {"svd": 0.4}, "No model ranks better than popularity"),
    ],
)  # fmt: skip
def test_headlines(
    measured: Evaluation, means: dict[str, float], p: dict[str, float], expected: str
) -> None:
    result = with_means(measured, MEANS | means, p)
    assert result.headline == expected
    assert not any(letter.isdigit() for letter in result.headline)
    assert result.to_dict()["headline"] == expected
    assert result.to_markdown().startswith(f"# {expected}\n")


def test_numbers_of_the_verdict_have_the_decimals_of_the_table(measured: Evaluation) -> None:
    result = with_means(measured, MEANS, {})
    assert result.verdict.startswith("svd ranks best: NDCG@5 0.500 [0.490, 0.510], +")


def test_models_that_all_predict_are_judged_by_what_they_predict(sample: recsys.Ratings) -> None:
    hours = Account("plays.csv", "delimited text", {"rating": Taken("Hours", "2")}, kind="counts")
    split = splits.random(replace(sample, account=hours), 0.2)
    result = recsys.evaluate({"als": recsys.ExplicitALS(2)}, split, k=5)
    assert "predicts hours" in result.headline
    assert "predicts hours best: RMSE" in result.verdict
    assert "ratings" not in result.headline + result.verdict
    both = recsys.evaluate({"als": recsys.ExplicitALS(2), "svd": recsys.PureSVD(4)}, split, k=5)
    assert "ranks" in both.headline


def test_the_best_that_can_be_served(sample: recsys.Ratings) -> None:
    class OnlyLists:
        """The lists of a good model, by something that no model file holds."""

        name, predicts_ratings = "lists", False

        def to_dict(self) -> dict[str, object]:
            return {"model": self.name}

        def train(self, prepared: PreparedSplit, *_: Any) -> Trained:
            whole = FittedRanker(recsys.EASE(10.0).fit(prepared.trained_on))
            return Trained(SimpleNamespace(best=whole.best), {})

    split = splits.random(sample, 0.2)
    result = recsys.evaluate({"lists": OnlyLists(), "svd": recsys.PureSVD(1)}, split, k=5)
    result = with_means(result, {"lists": 0.5, "svd": 0.4, "popularity": 0.3, "biases": 0.1}, {})
    assert "lists cannot be saved as a model; the best that can is svd." in result.verdict
    result = with_means(result, {"lists": 0.3, "svd": 0.4, "popularity": 0.2, "biases": 0.1}, {})
    assert "cannot be saved" not in result.verdict


def test_what_a_search_or_a_grid_chose_can_be_saved(sample: recsys.Ratings) -> None:
    grid = recsys.Grid.over(recsys.PureSVD, {"n_factors": [1, 2]})
    split = splits.random(sample, 0.2)
    result = recsys.evaluate({"auto": recsys.auto(budget=0), "grid": grid}, split, k=5)
    means = {"auto": 0.5, "grid": 0.4, "popularity": 0.3, "biases": 0.1}
    assert "cannot be saved" not in with_means(result, means, {}).verdict
    assert "cannot be saved" not in with_means(result, means | {"grid": 0.6}, {}).verdict


def test_one_order_of_models(measured: Evaluation) -> None:
    result = with_means(measured, MEANS, {})
    assert result.ranked == ["svd", "als", "popularity", "biases"]
    failed = replace(result, summary=pd.DataFrame(columns=result.summary.columns))
    assert failed.headline == "Nothing could be measured"
