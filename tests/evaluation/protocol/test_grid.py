from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import recsys
from recsys.errors import FitError
from recsys.evaluation.protocol.validation import validation_score
from recsys.evaluation.search.record import lines
from recsys.ratings import splits
from recsys.ratings.ratings import Ratings
from recsys.recommend.chosen import Chooser, Searching

GOOD = recsys.ImplicitALS(8, regularization=0.1)
BAD = recsys.ImplicitALS(8, regularization=0.1, unobserved_weight=0.001)


def test_a_grid_takes_the_best_on_held_back_training_ratings(sample: recsys.Ratings) -> None:
    split = splits.random(sample, 0.2, seed=0)
    chosen = recsys.Grid((BAD, GOOD)).fit(split.train)
    assert chosen.spec == GOOD
    assert isinstance(chosen, recsys.Factors)
    assert np.array_equal(chosen.item_factors, GOOD.fit(split.train).item_factors)
    stars = recsys.Grid.over(recsys.ExplicitALS, {"regularization": [50.0, 0.1]}, seed=3)
    assert stars.fit(split.train).spec == recsys.ExplicitALS(regularization=0.1)


def test_a_grid_skips_what_cannot_be_fitted_and_says_so_if_nothing_can(
    sample: recsys.Ratings,
) -> None:
    grid = recsys.Grid((recsys.PureSVD(4000), recsys.PureSVD(4)))
    assert grid.fit(sample).spec == recsys.PureSVD(4)
    with pytest.raises(FitError, match="no candidate of the grid could be fitted: n_factors must"):
        recsys.Grid((recsys.PureSVD(4000), recsys.PureSVD(3000))).fit(sample)
    for candidates in ((), (GOOD, recsys.PureSVD(4))):
        with pytest.raises(ValueError, match="all of the same model"):
            recsys.Grid(candidates)


def test_the_choice_of_every_fold_is_on_record(sample: recsys.Ratings) -> None:
    grid = recsys.Grid((BAD, GOOD))
    result = recsys.evaluate({"tuned": grid}, splits.kfold(sample, 3), k=5)
    chosen = result.runs[result.runs["model"] == "tuned"]["spec"]
    assert [spec["unobserved_weight"] for spec in chosen] == [1.0] * 3
    assert len(result.specs["tuned"]["grid"]) == 2
    assert "Chosen in each training part" in result.to_html()


def test_a_grid_is_trained_once_per_seed_with_every_candidate(sample: Ratings) -> None:
    split = splits.random(sample, 0.2, seed=0)
    quick = [replace(one, n_epochs=3) for one in (BAD, GOOD)]
    models = {"tuned": recsys.Grid(tuple(quick)), "svd": recsys.Grid((recsys.PureSVD(4),))}
    result = recsys.evaluate(models, split, k=5, seeds=[3, 4])
    runs = result.runs[result.runs["model"] == "tuned"]
    assert runs["seed"].tolist() == [3, 4]
    assert [spec["seed"] for spec in runs["spec"]] == [3, 4]
    assert result.runs[result.runs["model"] == "svd"]["seed"].tolist() == [-1]
    alone = recsys.evaluate({"als": replace(quick[1], seed=4)}, split, k=5)
    assert runs["ndcg@5"].iloc[1] == alone.runs.set_index("model")["ndcg@5"]["als"]
    # The validation part does not depend on the seeds.
    seeded = recsys.Grid(tuple(quick), seed=9).with_seed(3)
    assert seeded is not None
    assert seeded.seed == 9


def test_a_grid_without_seeds_runs_once_by_those_of_its_candidates(sample: Ratings) -> None:
    one = replace(GOOD, n_epochs=3, seed=5)
    split = splits.random(sample, 0.2, seed=0)
    result = recsys.evaluate({"tuned": recsys.Grid((one, replace(one, seed=6)))}, split, k=5)
    runs = result.runs[result.runs["model"] == "tuned"]
    assert runs["seed"].tolist() == [-1]
    assert runs["spec"].iloc[0]["seed"] in (5, 6)


def test_train_takes_a_grid_and_keeps_what_was_tried(sample: Ratings, tmp_path: Path) -> None:
    candidates = tuple(recsys.PureSVD(width) for width in (30, 4000, 3))
    grid, seen = recsys.Grid(candidates, k=5), list[Searching]()
    assert isinstance(grid, Chooser)
    model = recsys.train(grid, sample, feedback="at-least=3", on_search=seen.append)
    liked = recsys.Feedback(ones=True, threshold=3)
    assert model.factors.spec == candidates[2]
    assert model.feedback == liked
    plain = recsys.train(candidates[2], sample, feedback=liked)
    assert model.recommend(5)["item"].tolist() == plain.recommend(5)["item"].tolist()
    record = recsys.load(recsys.save(model, tmp_path / "m")).search
    assert record is not None
    assert record["recipe"] == "--model pure-svd --feedback at-least=3 --set n_factors=3"
    split = splits.random(liked.apply(sample), grid.validation, grid.seed)
    worth = [validation_score(spec.fit(split.train), split, 5) for spec in candidates[::2]]
    assert worth[1] > worth[0]
    assert [one["value"] for one in record["trials"]] == [worth[0], None, worth[1]]
    assert record["trials"][1]["why"]
    assert record["validation"] == worth[1]
    popular = recsys.Popularity().fit(split.train)
    assert record["popularity"] == validation_score(popular, split, 5)
    assert [(one.n_trials, one.best) for one in seen] == [
        (1, worth[0]),
        (2, worth[0]),
        (3, worth[1]),
    ]
    assert dict(lines(record))["searched"].startswith("3 trials; NDCG@5 0.")


def test_a_grid_of_models_of_ratings_is_trained_on_the_ratings(sample: Ratings) -> None:
    grid = recsys.Grid.over(recsys.ExplicitALS, {"regularization": [50.0, 0.1]})
    chosen = grid.choose(sample, recsys.Feedback(ones=True))
    assert chosen.feedback == recsys.Feedback()
    assert chosen.spec == recsys.ExplicitALS(regularization=0.1)
    values = [one["value"] for one in chosen.record["trials"]]
    assert chosen.record["validation"] == min(values)
    assert chosen.record["baseline"] == "biases"


def test_a_single_candidate_needs_no_search(sample: Ratings) -> None:
    chosen = recsys.Grid((GOOD,)).choose(sample)
    assert chosen.spec == GOOD
    assert chosen.record["trials"] == []
    assert chosen.record["validation"] is None
