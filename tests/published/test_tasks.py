"""What an answer is worth, by visible arithmetic and by a second route."""

import numpy as np
import pandas as pd
import pytest
from protocols.record import Measure, Part, Sums
from protocols.summary import Run, summarize
from protocols.tasks import AmongRandom, Intervals, Lists, RatingErrors
from scipy import stats

import recsys
from recsys.evaluation.protocol.prepared import prepare
from recsys.ratings.feedback import Feedback


def part_of(train: pd.DataFrame, test: pd.DataFrame, negatives: object = None) -> Part:
    rating = "rating" if "rating" in train else None
    both = [recsys.Ratings.from_frame(rows, rating=rating) for rows in (train, test)]
    split = recsys.splits.given(both[0], both[1])
    return Part("all", prepare(split, 10), None if negatives is None else np.array(negatives))


def value(sums: Sums, name: str, power: int = 1) -> float:
    top, amounts = sums[name]
    return float((top.sum() / amounts.sum()) ** (1 / power))


@pytest.fixture
def stars() -> Part:
    train = pd.DataFrame({"user_id": [1, 1, 2, 3], "item_id": [1, 2, 1, 2], "rating": [1, 5, 4, 3]})
    test = pd.DataFrame({"user_id": [2, 3, 3], "item_id": [2, 1, 3], "rating": [5, 1, 4]})
    items = pd.DataFrame({"user_id": [1], "item_id": [3], "rating": [2]})
    return part_of(pd.concat([train, items]), test)


def test_errors_as_they_are_and_clipped_to_the_scale(stars: Part) -> None:
    predicted = np.array([7.0, 2.0, 3.0])  # of 5, 1 and 4
    free, clipped = (RatingErrors(clip).sums(stars, predicted) for clip in (False, True))
    assert value(free, "RMSE", 2) == pytest.approx(np.sqrt((4 + 1 + 1) / 3))
    assert value(free, "RMSE, clipped", 2) == pytest.approx(np.sqrt((0 + 1 + 1) / 3))
    assert value(free, "MAE") == pytest.approx((2 + 1 + 1) / 3)
    assert value(clipped, "RMSE", 2) == pytest.approx(np.sqrt(2 / 3))
    assert value(clipped, "MAE") == pytest.approx(2 / 3)
    assert free["MAE"][0].tolist() == [0, 2, 2]  # of each user
    assert free["MAE"][1].tolist() == [0, 1, 2]
    users, items = RatingErrors().pairs(stars)
    assert (users.tolist(), items.tolist()) == ([1, 2, 2], [1, 0, 2])


def test_errors_are_those_of_evaluate(sample: recsys.Ratings) -> None:
    split = recsys.splits.random(sample, 0.2)
    spec = recsys.ExplicitALS(4)
    part = Part("all", prepare(split, 10))
    task = RatingErrors()
    sums = task.sums(part, task.answer(part.prepared.ranker(spec.fit(split.train)), part))
    found = recsys.evaluate({"als": spec}, split)
    assert value(sums, "RMSE", 2) == pytest.approx(found.of("als", "rmse")["mean"])
    assert value(sums, "MAE") == pytest.approx(found.of("als", "mae")["mean"])


def test_true_deviations_cover_what_they_promise() -> None:
    rng = np.random.default_rng(0)
    n = 4000
    pairs = pd.DataFrame({"user_id": np.arange(n) // 100, "item_id": np.arange(n) % 100})
    test = pairs.assign(rating=rng.normal(size=n))
    train = pairs.assign(user_id=pairs.user_id + 1000, rating=0.0)
    part = part_of(train, test)
    truth = part.prepared.split.test.matrix.data
    deviations = np.linspace(0.1, 2, n)
    answer = np.stack([truth + deviations * rng.normal(size=n), deviations])
    task = Intervals()
    sums = task.sums(part, answer)
    assert value(sums, "within 90 %") == pytest.approx(0.9, abs=0.015)
    tenths = [value(sums, m.name, 2) for m in task.measures[2:]]
    assert len(tenths) == 10
    assert np.all(np.diff(tenths) > 0)
    assert tenths[-1] == pytest.approx(1.9, abs=0.15)
    overconfident = np.stack([answer[0], deviations / 2])
    assert value(task.sums(part, overconfident), "within 90 %") < 0.65


def test_deviations_are_those_of_the_model(sample: recsys.Ratings) -> None:
    split = recsys.splits.random(sample, 0.2)
    spec = recsys.BayesianMF(2, n_burn_in=5, n_samples=5)
    part = Part("all", prepare(split, 10))
    fitted = spec.fit(split.train)
    predicted, deviations = Intervals().answer(part.prepared.ranker(fitted), part)
    frame = split.test.to_frame()
    assert predicted == pytest.approx(fitted.predict(frame["user"], frame["item"]), abs=1e-5)
    rows = fitted.users.rows(frame["user"]), fitted.items.rows(frame["item"])
    assert deviations == pytest.approx(spec.deviations(fitted, *rows))


def test_an_item_among_random_ones_by_hand() -> None:
    train = pd.DataFrame({"user_id": [1, 2, 3, 4], "item_id": [1, 2, 3, 4]})
    test = pd.DataFrame({"user_id": [1, 2, 3], "item_id": [4, 4, 4]})
    part = part_of(train, test, [[1, 2], [0, 2], [0, 1]])
    task = AmongRandom(2)
    users, items = task.pairs(part)
    assert users.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert items.reshape(3, 3).tolist() == [[3, 1, 2], [3, 0, 2], [3, 0, 1]]
    # Second of three; last of three; tied with another behind a better one: second or third.
    scores = np.array([[0.5, 0.9, 0.1], [0.1, 0.9, 0.2], [0.5, 0.5, 0.9]])
    sums = task.sums(part, scores.ravel())
    second = 1 / np.log2(3)
    assert value(sums, "HR@2") == pytest.approx((1 + 0 + 0.5) / 3)
    assert value(sums, "NDCG@2") == pytest.approx((second + 0 + second / 2) / 3)


def test_scores_among_random_ones_are_those_of_the_model(sample: recsys.Ratings) -> None:
    train = sample.to_frame().rename(columns={"user": "user_id", "item": "item_id"})
    test = train.groupby("user_id").tail(1)
    train = train.drop(test.index)
    part = part_of(train, test, np.tile([3, 7], (sample.n_users, 1)))
    fitted = recsys.ImplicitALS(4, n_epochs=3).fit(part.prepared.trained_on)
    task = AmongRandom()
    scores = task.answer(part.prepared.ranker(fitted), part)
    users, items = task.pairs(part)
    assert scores.ravel() == pytest.approx(fitted.predict_rows(users, items), abs=1e-5)


def test_lists_are_those_of_evaluate(sample: recsys.Ratings) -> None:
    split = recsys.splits.held_out_users(sample, users=60)
    part = Part("all", prepare(split, 20, Feedback.parse("ones")))
    task = Lists((("R@5", "recall", 5), ("CR@20", "capped_recall", 20), ("N@20", "ndcg", 20)))
    fitted = recsys.ImplicitALS(4).fit(part.prepared.trained_on)
    sums = task.sums(part, task.answer(part.prepared.ranker(fitted), part))
    for name, metric, k in task.wanted:
        found = recsys.evaluate({"als": fitted.spec}, split, k, feedback="ones")
        assert value(sums, name) == pytest.approx(found.of("als", f"{metric}@{k}")["mean"])


def runs_of(values: np.ndarray) -> list[Run]:
    """Runs with seeds 0, 1, ... on parts "a" and "b" in turn, of these values of each user."""
    return [
        Run("ab"[i % 2], i // 2, 1.0, {"x": (column, np.ones(len(column)))})
        for i, column in enumerate(values.T)
    ]


def test_intervals_over_users_and_over_seeds_are_those_of_statistics() -> None:
    rng = np.random.default_rng(0)
    users = rng.normal(5, 1, (1000, 1))
    values = users + rng.normal(0, [[0.1, 0.1, 0.1, 0.1, 0.1, 0.1]], (1000, 6))
    found = summarize(Measure("x"), runs_of(values))
    assert found.mean == pytest.approx(values.mean())
    expected = stats.norm.interval(0.95, values.mean(), values.mean(axis=1).std() / 1000**0.5)
    assert (found.low, found.high) == pytest.approx(expected, abs=0.01)
    seeds = values.mean(axis=0).reshape(3, 2).mean(axis=1)
    assert found.by_seed == pytest.approx(seeds.tolist())
    low, high = stats.ttest_1samp(seeds, 0).confidence_interval()
    assert found.over_seeds == pytest.approx((high - low) / 2)
    assert found.by_part == pytest.approx({"a": values[:, ::2].mean(), "b": values[:, 1::2].mean()})


def test_a_root_mean_square_pools_ratings_and_averages_folds() -> None:
    first = Run("a", None, 1.0, {"x": (np.array([4.0, 0.0]), np.array([1.0, 3.0]))})
    second = Run("b", None, 1.0, {"x": (np.array([9.0, 9.0]), np.array([1.0, 1.0]))})
    found = summarize(Measure("x", 2), [first, second])
    assert found.mean == pytest.approx((1 + 3) / 2)
    assert np.isnan(found.over_seeds)
    assert found.to_dict()["over_seeds"] is None
