"""Grids, seeds, sampled metrics, the served model and the gate."""

from dataclasses import replace

import numpy as np
import pytest

import recsys
from recsys.errors import FitError
from recsys.evaluation.bench import make_bench
from recsys.evaluation.gate import gate
from recsys.evaluation.sampled import sampled_metrics
from recsys.evaluation.scoring import FactorScorer, best_items
from recsys.evaluation.served import Served, held_against
from recsys.models.fold_in import fold_in_users
from recsys.ratings import splits
from recsys.ratings.feedback import Feedback

GOOD = recsys.ImplicitALS(8, regularization=0.1)
BAD = recsys.ImplicitALS(8, regularization=0.1, unobserved_weight=0.001)


def test_a_grid_takes_the_best_on_held_back_training_ratings(sample):
    split = splits.random(sample, 0.2, seed=0)
    chosen = recsys.Grid((BAD, GOOD)).fit(split.train)
    assert chosen.spec == GOOD
    assert np.array_equal(chosen.item_factors, GOOD.fit(split.train).item_factors)
    stars = recsys.Grid.over(recsys.ExplicitALS, {"regularization": [50.0, 0.1]}, seed=3)
    assert stars.fit(split.train).spec == recsys.ExplicitALS(regularization=0.1)


def test_a_grid_skips_what_cannot_be_fitted_and_says_so_if_nothing_can(sample):
    grid = recsys.Grid((recsys.PureSVD(4000), recsys.PureSVD(4)))
    assert grid.fit(sample).spec == recsys.PureSVD(4)
    with pytest.raises(FitError, match="no candidate of the grid could be fitted: n_factors must"):
        recsys.Grid((recsys.PureSVD(4000), recsys.PureSVD(3000))).fit(sample)
    for candidates in ((), (GOOD, recsys.PureSVD(4))):
        with pytest.raises(ValueError, match="candidates must be of one model"):
            recsys.Grid(candidates)


def test_the_choice_of_every_fold_is_on_record(sample):
    grid = recsys.Grid((BAD, GOOD))
    result = recsys.evaluate({"tuned": grid}, splits.kfold(sample, 3), k=5)
    chosen = result.runs[result.runs["model"] == "tuned"]["spec"]
    assert [spec["unobserved_weight"] for spec in chosen] == [1.0] * 3
    assert len(result.specs["tuned"]["grid"]) == 2
    assert "Chosen from the grids" in result.to_html()


def test_seeds_are_runs_of_their_own(sample):
    split = splits.random(sample, 0.2, seed=0)
    models = {"als": replace(GOOD, n_epochs=3), "svd": recsys.PureSVD(4)}
    result = recsys.evaluate(models, split, k=5, seeds=[3, 4])
    seeds = result.runs.groupby("model")["seed"].apply(list).to_dict()
    assert seeds == {"als": [3, 4], "svd": [-1], "popularity": [-1], "biases": [-1]}
    both = [
        recsys.evaluate({"als": replace(models["als"], seed=s)}, split, k=5).values for s in (3, 4)
    ]
    mean = np.mean([v[v["model"] == "als"]["ndcg@5"].to_numpy() for v in both], axis=0)
    one = next(m for m in result.user_means if m.metric == "ndcg@5")
    assert one.values[:, one.models.index("als")] == pytest.approx(mean)


def test_sampled_metrics_by_drawing_one_user_at_a_time(sample):
    """With as many draws as it takes, the share of draws that beat an item is its true rank."""
    split = splits.random(sample, 0.2, seed=0)
    bench = make_bench(split, 5, Feedback())
    factors = GOOD.fit(split.train)
    scorer = FactorScorer(factors)
    found = sampled_metrics(scorer, bench, 1, seed=0)["sampled_hit_rate@5"]
    assert (found[~np.isnan(found)] == 1).all()  # among two, everything is in the first five
    runs = [sampled_metrics(scorer, bench, 9, seed=s)["sampled_hit_rate@5"] for s in range(60)]
    user = bench.users[0]
    scores = scorer.scores(np.array([user]), bench.history[[user]])[0]
    relevant = split.test.matrix[user].indices
    rated = np.union1d(split.train.matrix[user].indices, relevant)
    others = np.setdiff1d(np.arange(sample.n_items), rated)
    above = (scores[others][:, None] > scores[relevant]).mean(axis=0)
    # At most four of nine independent draws may be above.
    from scipy.stats import binom

    assert np.mean(runs, axis=0)[0] == pytest.approx(binom.cdf(4, 9, above).mean(), abs=0.08)


def test_the_served_model_folds_users_in_and_knows_only_its_items(sample):
    split = splits.random(sample, 0.3, seed=0)
    old = recsys.train(GOOD, split.train.select(split.train.matrix.indices < 150).without_empty())
    scorer = Served(old).fit(split.train)
    users = np.arange(30)
    items = best_items(scorer, users, split.train.matrix[:30], 10, split.train.matrix[:30])
    known = old.factors.items.find(sample.items.ids) >= 0
    assert known[items].all()
    ids = old.factors.items.ids
    row = split.train.matrix[5, sample.items.rows(ids)]
    expected = fold_in_users(old.factors, row).factors[0] @ old.factors.item_factors.T
    scores = scorer.scores(users, split.train.matrix[:30])[5][sample.items.rows(ids)]
    assert scores == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    "spec", [recsys.NormalizedSVD(6), recsys.ExplicitALS(4), recsys.PureSVD(5)]
)
def test_a_served_model_trained_on_the_same_part_ranks_as_it_did(sample, spec):
    split = splits.random(sample, 0.3, seed=0)
    model = recsys.train(spec, split.train)
    users = np.arange(sample.n_users)
    seen = split.train.matrix
    served = best_items(Served(model).fit(split.train), users, seen, 5, seen)
    stored = best_items(FactorScorer(model.factors), users, seen, 5, seen)
    assert (served == stored).mean() > 0.99


def test_a_served_model_that_saw_the_test_is_trained_again(sample):
    split = splits.random(sample, 0.2, seed=0)
    fair, how = held_against(recsys.train(GOOD, split.train), [split])
    assert isinstance(fair, Served)
    assert "seen none" in how
    leaky, how = held_against(recsys.train(GOOD, sample), [split])
    assert leaky == GOOD
    n = split.test.n_ratings
    assert f"trained on {n:,} of the {n:,} test ratings" in how
    unknown, how = held_against(replace(recsys.train(GOOD, split.train), history=None), [split])
    assert unknown == GOOD
    assert "no history" in how


def test_the_gate(sample):
    split = splits.random(sample, 0.2, seed=0)
    models = {"new": BAD, "current": GOOD, "stars": recsys.ExplicitALS(4)}
    result = recsys.evaluate(models, split, k=5)
    closed = gate(result, "new", "current", "ndcg@5")
    assert not closed.passed
    assert "new is significantly worse than current: NDCG@5" in closed.sentence
    assert gate(result, "current", "new", "ndcg@5").passed
    assert gate(result, "current", "current", "ndcg@5").passed
    # Of errors the lower is better: what is worse has the higher number.
    order = result.order("rmse")
    assert result.of(order[0], "rmse")["mean"] < result.of(order[1], "rmse")["mean"]
    assert gate(result, order[0], order[1], "rmse").passed
    assert not gate(result, order[1], order[0], "rmse").passed
    with pytest.raises(ValueError, match="gate must be one of .*ndcg@5.*, not 'rmse'"):
        gate(result, "new", "current", "rmse")


def test_splits_over_other_users_are_refused(sample, random_ratings):
    both = [splits.random(sample, 0.2), splits.random(random_ratings, 0.2)]
    with pytest.raises(recsys.errors.DataError, match="not over the same users and items"):
        recsys.evaluate({"als": GOOD}, both)
    with pytest.raises(ValueError, match="splits must be at least one Split"):
        recsys.evaluate({"als": GOOD}, [])


def test_bad_numbers_are_named(sample):
    split = splits.random(sample, 0.2)
    with pytest.raises(ValueError, match="sampled_negatives must be a whole number"):
        recsys.evaluate({"als": GOOD}, split, sampled_negatives=-1)
    with pytest.raises(ValueError, match="seeds must be whole numbers"):
        recsys.evaluate({"als": GOOD}, split, seeds=[0.5])


def test_filters_say_what_they_removed(random_ratings):
    core = random_ratings.at_least_active(5, 5)
    removed = random_ratings.n_ratings - core.n_ratings
    assert f"{removed:,} of {random_ratings.n_ratings:,} ratings" in core.notes[0]
    result = recsys.evaluate({"svd": recsys.PureSVD(2)}, splits.random(core, 0.2), k=3)
    assert core.notes[0] in result.to_html()
    assert result.about["notes"] == list(core.notes)
