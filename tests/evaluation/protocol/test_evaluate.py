import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import recsys
from recsys.evaluation.result.statistics import share_better
from recsys.models.registry import SPECS
from recsys.ratings import splits

ALS = recsys.ImplicitALS(8, regularization=0.1)


@pytest.fixture(scope="module")
def result(sample: recsys.Ratings) -> recsys.Evaluation:
    models = {"als": recsys.ImplicitALS(8), "svd": recsys.PureSVD(8)}
    return recsys.evaluate(models, splits.kfold(sample, 3, seed=0), k=5)


def test_the_baselines_are_always_evaluated_too(result: recsys.Evaluation) -> None:
    assert result.summary["model"].unique().tolist() == ["popularity", "biases", "als", "svd"]
    assert set(result.specs) == {"popularity", "biases", "als", "svd"}
    assert len(result.splits) == 3


def test_summary_is_the_mean_of_the_users_means_over_folds(result: recsys.Evaluation) -> None:
    values = result.per_user[result.per_user["metric"] == "ndcg@5"]
    als = values[values["model"] == "als"].groupby("user")["value"].mean()
    popular = values[values["model"] == "popularity"].groupby("user")["value"].mean()
    row = result.of("als", "ndcg@5")
    assert row["mean"] == pytest.approx(als.mean())
    assert row["low"] < row["mean"] < row["high"]
    assert row["n"] == als.notna().sum()
    differences = als - popular
    assert row["difference"] == pytest.approx(differences.mean())
    assert 0 < row["p"] < 0.05
    assert row["better"] == pytest.approx(share_better(differences))


def test_every_metric_is_that_of_the_list_the_recommender_gives(sample: recsys.Ratings) -> None:
    split = splits.random(sample, test=0.2, seed=0)
    spec = recsys.ImplicitALS(8)
    result = recsys.evaluate({"als": spec}, split, k=5)
    model = recsys.train(spec, split.train)
    table = result.per_user[result.per_user["model"] == "als"]
    table = table.pivot(index="user", columns="metric", values="value")
    for user in table.index[:20]:
        listed = model.recommend(user, 5)["item"].to_numpy()
        row = sample.users.row(user)
        relevant = sample.items.ids[split.test.matrix[row].indices]
        hits = np.isin(listed, relevant)
        found = table.loc[user]
        assert found["precision@5"] == hits.sum() / 5
        assert found["recall@5"] == pytest.approx(hits.sum() / len(relevant))
        assert found["hit_rate@5"] == hits.any()
        assert found["mrr@5"] == (1 / (hits.argmax() + 1) if hits.any() else 0)
    everyone = model.recommend_many(table.index.to_numpy(), 5)
    coverage = everyone["item"].nunique() / sample.n_items
    als = result.runs.set_index("model").loc["als"]
    assert als["coverage@5"] == pytest.approx(coverage)


def test_held_out_users_are_folded_in(sample: recsys.Ratings) -> None:
    split = splits.held_out_users(sample, 60, 0.3, seed=0)
    result = recsys.evaluate({"als": recsys.ImplicitALS(8)}, split, k=5)
    model = recsys.train(recsys.ImplicitALS(8), split.train)
    table = result.per_user.query("model == 'als' and metric == 'recall@5'").set_index("user")
    assert split.known is not None
    for user in table.index[:10]:
        row = sample.users.row(user)
        known = split.known.matrix[row]
        ratings = dict(zip(sample.items.ids[known.indices].tolist(), known.data, strict=True))
        listed = model.recommend_for(ratings, 5)["item"]
        relevant = sample.items.ids[split.test.matrix[row].indices]
        expected = np.isin(listed, relevant).sum() / len(relevant)
        assert table["value"][user] == pytest.approx(expected)


def test_a_model_that_fails_is_reported_and_the_others_finish(sample: recsys.Ratings) -> None:
    models = {"bad": recsys.PureSVD(4000), "good": recsys.PureSVD(4)}
    result = recsys.evaluate(models, splits.random(sample, seed=0), k=5)
    assert "n_factors must be at most 200" in result.failures["bad"]
    assert result.summary["model"].unique().tolist() == ["popularity", "biases", "good"]
    assert "R012 error: bad failed: n_factors" in result.to_markdown()


def test_every_model_can_be_evaluated(sample: recsys.Ratings) -> None:
    quick = {"n_factors": 4, "n_epochs": 3}
    models = {
        name: spec(**{k: v for k, v in quick.items() if k in spec.__dataclass_fields__})
        for name, spec in SPECS.items()
    }
    result = recsys.evaluate(models, splits.random(sample, seed=0), k=5, feedback="at-least=3")
    assert not result.failures
    assert set(result.summary["model"]) == set(SPECS)


def test_json_and_markdown_hold_the_summary(result: recsys.Evaluation, tmp_path: Path) -> None:
    text = result.to_json(tmp_path / "r.json")
    assert (tmp_path / "r.json").read_text() == text
    found = json.loads(text)
    assert len(found["summary"]) == len(result.summary)
    assert found == result.to_dict()
    assert found["specs"]["als"]["n_factors"] == 8
    assert found["splits"][0].startswith("fold 1 of 3")
    row = result.of("als", "ndcg@5")
    assert f"{row['mean']:.3f} [{row['low']:.3f}" in result.to_markdown()


def test_bad_arguments_are_named(sample: recsys.Ratings) -> None:
    split = splits.random(sample, seed=0)
    models: Any
    for models in ({}, {"x": recsys.PureSVD}, {"x": None}, [recsys.PureSVD(2)]):
        with pytest.raises(ValueError, match="models must map"):
            recsys.evaluate(models, split)
    for models in ({1: recsys.PureSVD(2)}, {None: recsys.PureSVD(2)}, {"": recsys.PureSVD(2)}):
        with pytest.raises(ValueError, match="models must have names that are text"):
            recsys.evaluate(models, split)
    wrong: Any
    for wrong in (None, sample, 3):
        with pytest.raises(ValueError, match="splits must be at least one Split"):
            recsys.evaluate({"x": recsys.PureSVD(2)}, wrong)
    k: Any
    with pytest.raises(ValueError, match="k must be at most the number of items, 200, not 1,001"):
        recsys.evaluate({"x": recsys.PureSVD(2)}, split, k=1001)
    for k in (0, 2.5):
        with pytest.raises(ValueError, match="k must be a whole number"):
            recsys.evaluate({"x": recsys.PureSVD(2)}, split, k=k)


def test_only_predicted_ratings_have_an_error(sample: recsys.Ratings) -> None:
    split = splits.random(sample, seed=0)
    models = {"als": recsys.ImplicitALS(4), "stars": recsys.ExplicitALS(4)}
    result = recsys.evaluate(models, split, k=5, feedback="at-least=4")
    found = result.summary[result.summary["metric"] == "rmse"].set_index("model")
    assert set(found.index) == {"stars", "biases"}
    # These models train on the ratings themselves, and their errors are over all test ratings.
    held_out = split.test.to_frame()
    for name, spec in (("stars", models["stars"]), ("biases", recsys.Biases())):
        predicted = spec.fit(split.train).predict(held_out["user"], held_out["item"])
        expected = np.sqrt(np.mean((predicted - held_out["rating"]) ** 2))
        assert found["mean"][name] == pytest.approx(expected, rel=1e-6)
        assert found["low"][name] < expected < found["high"][name]
    of_stars = result.by_rating[result.by_rating["model"] == "stars"]
    total = np.sqrt((of_stars["n"] * of_stars["rmse"] ** 2).sum() / of_stars["n"].sum())
    assert total == pytest.approx(found["mean"]["stars"])
    errors = predicted - held_out["rating"]
    fives = result.by_rating.query("model == 'biases' and rating == 5")
    assert fives["mean_error"].item() == pytest.approx(errors[held_out["rating"] == 5].mean())


def test_seeds_are_runs_of_their_own(sample: recsys.Ratings) -> None:
    split = splits.random(sample, 0.2, seed=0)
    als = replace(ALS, n_epochs=3)
    result = recsys.evaluate({"als": als, "svd": recsys.PureSVD(4)}, split, k=5, seeds=[3, 4])
    seeds = result.runs.groupby("model")["seed"].apply(list).to_dict()
    assert seeds == {"als": [3, 4], "svd": [-1], "popularity": [-1], "biases": [-1]}
    both = [recsys.evaluate({"als": replace(als, seed=s)}, split, k=5).values for s in (3, 4)]
    mean = np.mean([v[v["model"] == "als"]["ndcg@5"].to_numpy() for v in both], axis=0)
    one = next(m for m in result.user_means if m.metric == "ndcg@5")
    assert one.values[:, one.models.index("als")] == pytest.approx(mean)


def test_splits_over_other_users_are_refused(
    sample: recsys.Ratings, random_ratings: recsys.Ratings
) -> None:
    both = [splits.random(sample, 0.2), splits.random(random_ratings, 0.2)]
    with pytest.raises(recsys.errors.DataError, match="do not have the same users and items"):
        recsys.evaluate({"als": ALS}, both)
    with pytest.raises(ValueError, match="splits must be at least one Split"):
        recsys.evaluate({"als": ALS}, [])


def test_bad_numbers_are_named(sample: recsys.Ratings) -> None:
    split = splits.random(sample, 0.2)
    with pytest.raises(ValueError, match="sampled_negatives must be a whole number"):
        recsys.evaluate({"als": ALS}, split, sampled_negatives=-1)
    with pytest.raises(ValueError, match="seeds must be whole numbers"):
        recsys.evaluate({"als": ALS}, split, seeds=[0.5])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="seeds must be whole numbers"):
        recsys.evaluate({"als": ALS}, split, seeds=3)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["popularity", "biases"])
def test_nothing_takes_the_place_of_a_baseline(name: str, sample: recsys.Ratings) -> None:
    split = splits.random(sample, 0.2)
    with pytest.raises(ValueError, match=f"models must not be called '{name}', unless"):
        recsys.evaluate({name: recsys.PureSVD(2)}, split)
    own = {"popularity": recsys.Popularity(), "biases": recsys.Biases(n_epochs=2)}
    result = recsys.evaluate({name: own[name]}, split)
    assert set(result.models) == {"popularity", "biases"}


def test_filters_say_what_they_removed(random_ratings: recsys.Ratings) -> None:
    core = random_ratings.at_least_active(5, 5)
    removed = random_ratings.n_ratings - core.n_ratings
    assert f"{removed:,} of {random_ratings.n_ratings:,} ratings" in core.notes[0]
    result = recsys.evaluate({"svd": recsys.PureSVD(2)}, splits.random(core, 0.2), k=3)
    assert core.notes[0] in result.to_html()
    assert result.about["notes"] == list(core.notes)


def heavy_counts() -> recsys.Ratings:
    """Play counts as they are: most are small, a few enormous, and folds hold different ones."""
    rng = np.random.default_rng(0)
    pairs = [(u, i) for u in range(60) for i in range(40) if rng.random() < 0.5]
    frame = pd.DataFrame(pairs, columns=["user_id", "item_id"])
    return recsys.Ratings.from_frame(
        frame.assign(rating=np.floor(np.exp(rng.exponential(2, len(frame)))) + 2)
    )


def test_errors_are_sorted_by_rating_where_the_first_fold_lacks_one(
    sample: recsys.Ratings,
) -> None:
    frame = sample.to_frame()
    frame.loc[0, "rating"] = 0.25  # the only one
    folds = list(splits.kfold(recsys.Ratings.from_frame(frame, "user", "item"), 3, seed=0))
    folds.sort(key=lambda fold: bool((fold.test.matrix.data == 0.25).any()))
    table = recsys.evaluate({"als": recsys.ExplicitALS(2)}, folds, k=5).by_rating
    assert list(table["model"].unique()) == ["biases", "als"]
    for _, rows in table.groupby("model"):
        assert rows["rating"].iloc[0] == 0.25
        assert rows["rating"].is_monotonic_increasing


def test_many_different_ratings_are_in_the_same_classes_in_every_fold() -> None:
    counts = heavy_counts()
    folds = list(splits.kfold(counts, 3, seed=0))
    table = recsys.evaluate({"als": recsys.ExplicitALS(2)}, folds, k=5).by_rating
    n = sum(fold.test.n_ratings for fold in folds)
    for _, rows in table.groupby("model"):
        assert 5 <= len(rows) <= 10
        assert rows["n"].sum() == n
        assert rows["n"].max() < n / 3
        assert rows["rating"].is_monotonic_increasing
        assert rows["rating"].is_unique
    of_model = table.groupby("model")["rating"].apply(lambda one: sorted(one.tolist()))
    assert of_model["als"] == of_model["biases"]
    errors = table[table["model"] == "biases"]
    total = (errors["n"] * errors["rating"]).sum()
    assert total == pytest.approx(sum(fold.test.matrix.data.sum() for fold in folds), rel=1e-6)


def test_newcomers_favour_no_model(sample: recsys.Ratings) -> None:
    """40 users come after the training: everybody gives them the same list."""
    frame = sample.to_frame()
    new = frame["user"] <= 40
    test = splits.random(sample, 0.2).test.to_frame()
    train = frame[~new].merge(test[["user", "item"]], how="left", indicator=True)
    train = train[train["_merge"] == "left_only"].drop(columns="_merge")
    test = pd.concat([test[test["user"] > 40], frame[new]])
    parts = (recsys.read_ratings(part) for part in (train, test))
    split = splits.given(*parts)
    models: dict[str, Any] = {"als": ALS, "stars": recsys.ExplicitALS(4), "ease": recsys.EASE()}
    result = recsys.evaluate(models, split, k=5)
    wide = result.values.pivot(index="user", columns="model", values="ndcg@5")
    alike = wide[wide.index <= 40]
    assert alike.to_numpy() == pytest.approx(np.tile(alike[["popularity"]], 5), abs=1e-12)
    segments: Any = result.segments.set_index(["model", "segment"])
    n = result.newcomers
    assert n is not None
    assert n[0] == 40
    for model in result.models:
        for name, rows in (("newcomers", wide.index <= 40), ("known users", wide.index > 40)):
            found: Any = segments.loc[(model, name)]
            assert found["kind"] == "user"
            assert found["n"] == rows.sum()
            assert found["mean"] == pytest.approx(wide[model][rows].mean())
    best = segments.xs("known users", level="segment")["mean"].idxmax()
    assert f"40 of the {sum(n)} test users are newcomers" in result.verdict
    assert f"known users {best} ranks best" in result.verdict
    assert "newcomers" in result.to_html()
