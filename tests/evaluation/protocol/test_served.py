from dataclasses import replace

import numpy as np
import pytest

import recsys
from recsys.errors import DataError
from recsys.evaluation.protocol.evaluate import Evaluable
from recsys.evaluation.protocol.prepared import PreparedSplit, prepare
from recsys.evaluation.protocol.served import Served, ServedRanker, held_against
from recsys.models.spec import Spec
from recsys.ratings import splits
from recsys.ratings.ratings import Ratings
from recsys.recommend.choice import Choice
from recsys.recommend.ranking import FittedRanker

GOOD = recsys.ImplicitALS(8, regularization=0.1)


def served_ranker(
    model: recsys.Recommender, prepared: PreparedSplit, choice: Choice | None = None
) -> ServedRanker:
    ranker = Served(model, choice or Choice()).train(prepared).ranker
    assert isinstance(ranker, ServedRanker)
    return ranker


def test_the_served_model_folds_users_in_and_knows_only_its_items(sample: recsys.Ratings) -> None:
    split = splits.random(sample, 0.3, seed=0)
    old = recsys.train(GOOD, split.train.select(split.train.matrix.indices % 3 > 0).without_empty())
    ranker = served_ranker(old, prepare(split, 10))
    users = np.arange(30)
    items = ranker.best(users, split.train.matrix[:30], 10, split.train.matrix[:30])
    known = old.factors.items.find(sample.items.ids) >= 0
    assert known[items].all()
    ids = old.factors.items.ids
    row = split.train.matrix[5, sample.items.rows(ids)]
    expected = old.factors.fold_in_users(row).factors[0] @ old.factors.item_factors.T
    scores = ranker.scores(users, split.train.matrix[:30])[5][sample.items.rows(ids)]
    assert scores == pytest.approx(expected, abs=1e-4)
    everything = ranker.scores(users, split.train.matrix[:30])
    everything[split.train.matrix[:30].toarray() != 0] = -np.inf
    best = np.take_along_axis(everything, items, axis=1)
    assert best == pytest.approx(-np.sort(-everything, axis=1)[:, :10], abs=1e-6)


@pytest.mark.parametrize(
    "spec", [recsys.NormalizedSVD(6), recsys.ExplicitALS(4), recsys.PureSVD(5)]
)
def test_a_served_model_trained_on_the_same_part_ranks_as_it_did(
    sample: recsys.Ratings, spec: Spec
) -> None:
    split = splits.random(sample, 0.3, seed=0)
    model = recsys.train(spec, split.train)
    users = np.arange(sample.n_users)
    seen = split.train.matrix
    served = Served(model).train(prepare(split, 5)).ranker.best(users, seen, 5, seen)
    stored = FittedRanker(model.factors).best(users, seen, 5, seen)
    assert (served == stored).mean() > 0.99


def test_a_served_model_that_saw_the_test_is_trained_again(sample: recsys.Ratings) -> None:
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


def test_a_recommender_is_evaluated_without_training(sample: Ratings) -> None:
    """A model trained on the same part has the metrics of its spec trained by the evaluation."""
    split = splits.random(sample, 0.3, seed=0)
    models: dict[str, Evaluable] = {
        "fresh": GOOD,
        "served": recsys.train(GOOD, split.train),
        "weights": recsys.EASE(100.0),
        "served weights": recsys.train(recsys.EASE(100.0), split.train),
    }
    result = recsys.evaluate(models, split, k=5)
    assert not result.failures
    for fresh, served in (("fresh", "served"), ("weights", "served weights")):
        for metric in ("ndcg@5", "auc", "coverage@5"):
            runs = result.runs.set_index("model")[metric]
            assert runs[served] == pytest.approx(runs[fresh], rel=0.01)
    assert result.specs["served"]["served"]
    assert "R004" not in {finding.code for finding in result.findings}


def test_a_choice_is_measured_as_the_model_would_serve_it(sample: Ratings) -> None:
    split = splits.random(sample, 0.3, seed=0)
    model = recsys.train(GOOD, split.train)
    among, excluded = sample.items.ids[:60].tolist(), sample.items.ids[:5].tolist()
    choice = Choice(n=3, among=among, exclude=excluded)
    repeats = Served(model, Choice(exclude_seen=False))
    models: dict[str, Evaluable] = {"all": model, "few": Served(model, choice), "seen": repeats}
    result = recsys.evaluate(models, split, k=5)
    assert result.specs["few"]["choice"]["exclude"] == excluded
    ranker = served_ranker(model, prepare(split, 5), choice)
    users = np.arange(20)
    seen = split.train.matrix[:20]
    lists = ranker.best(users, seen, 5, seen)
    for user, rows in zip(users, lists, strict=True):
        expected = model.recommend(sample.users.ids[user], 5, choice=choice.but(5))["item"]
        assert sample.items.ids[rows[rows >= 0]].tolist() == expected.tolist()
    others = np.setdiff1d(np.arange(sample.n_items), np.arange(5, 60))
    assert np.isneginf(ranker.scores(users, seen)[:, others]).all()
    runs = result.runs.set_index("model")
    assert runs["ndcg@5"]["few"] < runs["ndcg@5"]["all"]
    # A list with items the user has rated has fewer places for test items.
    assert runs["recall@5"]["seen"] < runs["recall@5"]["all"]


def test_predictions_of_unknown_items_are_the_users_offset(sample: Ratings) -> None:
    split = splits.random(sample, 0.3, seed=0)
    few = split.train.select(split.train.matrix.indices % 3 > 0).without_empty()
    model = recsys.train(recsys.ExplicitALS(4), few)
    ranker = served_ranker(model, prepare(split, 5))
    users = np.arange(30)
    pairs = split.test.matrix[:30]
    found = ranker.predicted(users, split.train.matrix[:30], pairs)
    theirs = model.factors.items.find(sample.items.ids)
    row = split.train.matrix[7, sample.items.rows(model.factors.items.ids)]
    person = model.factors.fold_in_users(row)
    begin, end = pairs.indptr[7:9]
    assert (theirs[pairs.indices[begin:end]] < 0).any()
    for column, value in zip(pairs.indices[begin:end], found[begin:end], strict=True):
        expected = model.factors.mean + person.bias[0]
        if theirs[column] >= 0:
            item = model.factors.item_factors[theirs[column]]
            expected += model.factors.item_bias[theirs[column]] + person.factors[0] @ item
        assert value == pytest.approx(expected, abs=1e-4)


def renamed(ratings: recsys.Ratings, prefix: str) -> recsys.Ratings:
    frame = ratings.to_frame()
    for side in ("user", "item"):
        frame[side] = prefix + frame[side].astype(str)
    return recsys.Ratings.from_frame(frame, "user", "item")


def test_a_served_model_with_other_ids_is_refused(sample: recsys.Ratings) -> None:
    split = splits.random(sample, 0.3, seed=0)
    foreign = recsys.train(GOOD, renamed(split.train, "x"))
    said = r"item ids are text \('x1', .*\) in the model in service and whole numbers \(1, 2, 3"
    with pytest.raises(DataError, match=said):
        held_against(foreign, [split])
    result = recsys.evaluate({"svd": recsys.PureSVD(4), "current": foreign}, split, k=5)
    assert "none of" in result.failures["current"]


def test_a_served_model_of_other_people_is_folded_in_and_said(sample: recsys.Ratings) -> None:
    split = splits.random(sample, 0.3, seed=0)
    frame = sample.to_frame()
    frame["user"] += 100_000
    strangers = recsys.train(GOOD, recsys.Ratings.from_frame(frame, "user", "item"))
    one, how = held_against(strangers, [split])
    assert isinstance(one, Served)
    assert how.endswith("as far as ids show: it knows none of these users")
    frame["user"] = "u" + frame["user"].astype(str)
    coded = recsys.train(GOOD, recsys.Ratings.from_frame(frame, "user", "item"))
    with pytest.raises(DataError, match=r"user ids are text \('u100001'"):
        held_against(coded, [split])
