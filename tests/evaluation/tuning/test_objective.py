"""What a setting is worth, against the evaluation and against plain arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

import recsys
from recsys import Feedback, Ratings
from recsys.errors import ArgumentError, DataError
from recsys.evaluation.tuning import objective
from recsys.evaluation.tuning.objective import PART, Bench, Goal
from recsys.ratings.splits import shared_pairs


@pytest.mark.parametrize(
    ("metric", "spec"),
    [
        ("ndcg@10", recsys.EASE()),
        ("recall@5", recsys.ImplicitALS(8, n_epochs=3)),
        ("rmse", recsys.Biases()),
    ],
)
def test_a_value_is_that_of_the_evaluation(
    metric: str, spec: recsys.models.spec.Spec, sample: Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objective, "MOST_PARTS", 2)
    bench = Bench(sample, None, Goal.parse(metric), seed=1)
    values = []
    for part in bench.parts:
        result = recsys.evaluate({"it": spec}, part.split, k=bench.goal.k)
        values.append(result.of("it", metric)["mean"])
    assert len(values) == 2
    assert bench.value(spec, Feedback()) == pytest.approx(np.mean(values))


def test_the_history_of_an_item_model_enters_as_its_training_did(
    sample: Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objective, "MOST_PARTS", 1)
    bench, liked = (
        Bench(sample, None, Goal.parse("hit_rate@5"), 0),
        Feedback(ones=True, threshold=4),
    )
    split = bench.parts[0].split
    matrix = liked.of(split.train.matrix).toarray()
    spec = recsys.ItemKNN(20)
    scores = matrix @ spec.fit(liked.apply(split.train)).weights.toarray()
    scores[split.train.matrix.toarray() > 0] = -np.inf
    test = split.test.matrix.toarray() > 0
    hits, users = 0.0, np.flatnonzero(test.any(axis=1))
    for user in users:
        best = np.argsort(-scores[user], kind="stable")[:5]
        hits += test[user, best].any()
    assert bench.value(spec, liked) == pytest.approx(hits / len(users), abs=0.01)  # ties


def test_each_part_holds_out_a_tenth_and_parts_differ(sample: Ratings) -> None:
    parts = Bench(sample, None, Goal.parse("ndcg@10"), 0).parts
    assert len(parts) == 4  # 300 users
    for part in parts:
        n_test = part.split.test.n_ratings
        assert part.split.train.n_ratings + n_test <= sample.n_ratings
        assert n_test == pytest.approx(sample.n_ratings / 10, rel=0.15)
        assert not len(shared_pairs(part.split.train, part.split.test))
    first = parts[0].split.test.fingerprint
    assert parts[1].split.test.fingerprint != first
    other = Bench(sample, None, Goal.parse("ndcg@10"), 1).parts
    assert other[0].split.test.fingerprint != first


def test_of_many_users_only_some_are_held_out(
    sample: Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objective, "MOST_USERS", 50)
    bench = Bench(sample, None, Goal.parse("ndcg@10"), 0)
    assert len(bench.parts) == 1
    assert bench.n_users == 50


def test_a_training_is_measured_after_some_epochs_and_some_parts(
    sample: Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objective, "MOST_PARTS", 3)
    bench, steps = Bench(sample, None, Goal.parse("ndcg@10"), 0), dict[int, float]()
    spec = recsys.ImplicitALS(8, n_epochs=9)
    value = bench.value(spec, Feedback(ones=True), steps.__setitem__)
    assert list(steps) == [4, 8, PART, PART + 1]
    assert bench.value(spec, Feedback(ones=True)) == value  # to look does not change anything
    assert steps[PART + 1] == pytest.approx(value, rel=0.2)
    fixed = dict[int, float]()
    bench.value(recsys.PureSVD(4), Feedback(), fixed.__setitem__)
    assert list(fixed) == [PART, PART + 1]


def test_the_baseline_is_the_one_of_the_metric(sample: Ratings) -> None:
    for metric, name in (("ndcg@10", "popularity"), ("rmse", "biases")):
        bench = Bench(sample, None, Goal.parse(metric), 0)
        spec = recsys.Popularity() if name == "popularity" else recsys.Biases()
        assert bench.baseline == (name, bench.value(spec, Feedback()))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ndgc@10", r"metric must be one of .*\(did you mean 'ndcg'\?\)"),
        ("auc", "metric must be one of"),
        ("ndcg", "metric must look like ndcg@10, not 'ndcg'"),
        ("ndcg@0", "metric must look like ndcg@10"),
        ("ndcg@ten", "metric must look like ndcg@10"),
        ("rmse@10", "metric must look like rmse, not 'rmse@10'"),
        ("novelty@10", "novelty@10: neither higher nor lower is better"),
    ],
)
def test_a_bad_metric_is_named(text: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Goal.parse(text)


def test_too_few_ratings_to_hold_any_out() -> None:
    import scipy.sparse as sp

    two = Ratings.from_matrix(sp.csr_matrix(np.eye(2)))
    with pytest.raises(DataError, match=r"validation part 1.*leaves no"):
        _ = Bench(two, None, Goal.parse("ndcg@10"), 0).parts
