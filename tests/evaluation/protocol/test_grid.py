from dataclasses import replace

import numpy as np
import pytest

import recsys
from recsys.errors import FitError
from recsys.ratings import splits
from recsys.ratings.ratings import Ratings

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
        with pytest.raises(ValueError, match="candidates must be of one model"):
            recsys.Grid(candidates)


def test_the_choice_of_every_fold_is_on_record(sample: recsys.Ratings) -> None:
    grid = recsys.Grid((BAD, GOOD))
    result = recsys.evaluate({"tuned": grid}, splits.kfold(sample, 3), k=5)
    chosen = result.runs[result.runs["model"] == "tuned"]["spec"]
    assert [spec["unobserved_weight"] for spec in chosen] == [1.0] * 3
    assert len(result.specs["tuned"]["grid"]) == 2
    assert "Chosen from the grids" in result.to_html()


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
