"""Ranking by how sure a score is: against the draws themselves, one by one."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import recsys
from recsys.errors import ArgumentError
from recsys.evaluation.protocol.served import Served
from recsys.models.bayesian_mf import BayesianMF
from recsys.models.gibbs import posterior
from recsys.ratings import splits
from recsys.recommend.choice import Choice
from recsys.recommend.recommender import Recommender
from recsys.recommend.risk import LEVEL, Z, sample_of

SPEC = BayesianMF(3, n_burn_in=8, n_samples=12, thinning=1)


@pytest.fixture(scope="module")
def model(sample: recsys.Ratings) -> Recommender:
    return recsys.train(SPEC, sample)


def drawn_scores(model: Recommender, user: int) -> np.ndarray:
    """(K, n_items) the expected ratings of a user by each sample: a loop over the formula."""
    factors, state = model.factors, model.factors.state
    row, k_all, f = factors.users.row(user), SPEC.n_samples, SPEC.n_factors
    scale = float(state["scale"][0])
    found = np.empty((k_all, len(factors.items)))
    for k in range(k_all):
        x, bias = state["user_draws"][row, k, :f], state["user_draws"][row, k, f]
        y = factors.item_factors[:, k * f : (k + 1) * f] * np.sqrt(k_all / scale)
        found[k] = factors.mean + scale * (y @ x + bias + state["item_biases"][:, k])
    return found


def test_z_is_that_of_the_level() -> None:
    from scipy.stats import norm

    assert pytest.approx(norm.ppf((1 + LEVEL) / 2)) == Z


@pytest.mark.parametrize(("risk", "sign"), [("mean", 0), ("lower", -1), ("upper", 1)])
def test_scores_are_the_ends_of_the_interval(model: Recommender, risk: str, sign: int) -> None:
    deviations = drawn_scores(model, 7).std(axis=0)
    items = model.fitted.items.ids
    means = model.predict(7, items)
    answer = model.recommend(7, len(items), risk=risk)
    rows = model.fitted.items.rows(answer["item"])
    assert list(answer.columns[:5]) == ["rank", "item", "score", "low", "high"]
    ends = means[rows] + np.outer([sign, -1, 1], Z * deviations[rows])
    for name, expected in zip(("score", "low", "high"), ends, strict=True):
        assert np.allclose(answer[name], expected, atol=2e-4)
    assert (np.diff(answer["score"]) <= 0).all()
    assert answer.attrs["interval"] == "low and high are the 90% interval of the expected rating"
    seen = model.seen()[[model.fitted.users.row(7)]].indices
    assert not set(rows) & set(seen)


def test_the_noise_of_a_rating_is_not_in_the_interval(model: Recommender) -> None:
    answer = model.recommend(7, 5, risk="mean")
    _, whole = model.predict(7, answer["item"], deviation=True)
    of_mean = (answer["high"] - answer["low"]) / 2 / Z
    noise = np.square(model.factors.state["noise"]).mean() * model.factors.state["scale"][0] ** 2
    assert np.allclose(whole**2 - of_mean**2, noise, rtol=1e-3)


@pytest.mark.parametrize("risk", ["mean", "lower", "upper", "thompson"])
def test_one_question_a_batch_and_evaluation_agree(
    model: Recommender, risk: str, sample: recsys.Ratings
) -> None:
    many = model.recommend_many([3, 7, 200], 6, risk=risk, seed=5)
    assert list(many.columns) == ["user", "rank", "item", "score", "low", "high"]
    for user in (3, 7, 200):
        one = model.recommend(user, 6, risk=risk, seed=5)
        own = many[many["user"] == user]
        assert own["item"].tolist() == one["item"].tolist()
        for name in ("score", "low", "high"):
            assert np.allclose(own[name], one[name], atol=1e-4)
    ranker = model.ranker(Choice(risk=risk, seed=5))
    rows = sample.users.rows([3, 7, 200])
    seen = model.seen()[rows]
    best = model.fitted.items.ids[ranker.best(rows, seen, 6, seen)]
    assert best.ravel().tolist() == many["item"].tolist()


def test_filters_and_exclusions_hold(model: Recommender) -> None:
    first = model.recommend(7, 3, risk="upper")["item"].tolist()
    rest = model.recommend(7, 3, risk="upper", exclude=first[:1])["item"].tolist()
    assert rest[:2] == first[1:]
    assert set(model.recommend(7, 3, risk="thompson", among=first)["item"]) == set(first)
    assert len(model.recommend(7, 5, risk="lower", rerank="mmr=0.5")) == 5


def test_thompson_is_one_draw_for_all_items(model: Recommender) -> None:
    draws = drawn_scores(model, 7)
    for seed in range(5):
        answer = model.recommend(7, 200, risk="thompson", seed=seed)
        k = int(sample_of(seed, np.array([model.fitted.users.row(7)]), SPEC.n_samples)[0])
        rows = model.fitted.items.rows(answer["item"])
        assert np.allclose(answer["score"], draws[k][rows], atol=2e-4)


def test_thompson_chooses_as_often_as_an_item_is_the_best(model: Recommender) -> None:
    draws = drawn_scores(model, 7)
    row = model.fitted.users.row(7)
    draws[:, model.seen()[[row]].indices] = -np.inf
    best = model.fitted.items.ids[draws.argmax(axis=1)]
    n = 600
    found = pd.Series([model.recommend(7, 1, risk="thompson", seed=s)["item"][0] for s in range(n)])
    chances = pd.Series(best).value_counts(normalize=True)
    shares = found.value_counts(normalize=True)
    assert set(shares.index) == set(chances.index)
    error = np.sqrt(chances * (1 - chances) / n)
    assert ((shares[chances.index] - chances).abs() < 5 * error).all()


def test_samples_are_even_over_seeds_and_over_users() -> None:
    k = 16
    for drawn in (
        np.array([sample_of(seed, np.array([3]), k)[0] for seed in range(4000)]),
        sample_of(3, np.arange(4000), k),
        sample_of(2**63, np.arange(4000), k),
    ):
        counts = np.bincount(drawn, minlength=k)
        assert np.square(counts - 250).sum() / 250 < 45  # χ² with 15 degrees: p about 1e-4


def test_new_people_are_drawn_from_their_posterior(model: Recommender) -> None:
    """Over many seeds: mean and covariance of each sample's posterior, in closed form."""
    shape = 1, len(model.fitted.items)
    row = sp.csr_matrix(([5.0, 1.0], [2, 9], [0, 2]), shape=shape, dtype=np.float32)
    n, k = 1500, 5
    drawn = np.array([SPEC.fold_in_draws(model.factors, row, s)[0, k] for s in range(n)])
    samples = list(SPEC._samples(model.factors, row, "users"))
    problem = posterior(row, *samples[k])
    _, (normal,) = next(problem.normal_matrices())
    covariance = np.linalg.inv(normal) * samples[k][-1] ** 2
    mean = problem.solve()[0][0]
    error = np.sqrt(np.diag(covariance) / n)
    assert (np.abs(drawn.mean(axis=0) - mean) < 5 * error + 1e-4).all()
    of_covariance = np.sqrt((np.outer(*[np.diag(covariance)] * 2) + covariance**2) / n)
    assert (np.abs(np.cov(drawn.T) - covariance) < 5 * of_covariance).all()


def test_a_new_person_gets_the_same_alone_and_among_others(model: Recommender) -> None:
    rows = model.seen()[[3, 8]].astype(np.float32)
    both = SPEC.fold_in_draws(model.factors, rows, 1)
    assert np.allclose(both[1], SPEC.fold_in_draws(model.factors, rows[1], 1)[0], atol=1e-5)
    answers = [model.recommend_for({2: 5, 9: 1}, 5, risk=r) for r in ("lower", "mean", "upper")]
    assert all((one["low"] < one["high"]).all() for one in answers)
    assert model.recommend_for({}, 4, risk="lower")["score"].isna().all()


def test_evaluation_measures_it(model: Recommender, sample: recsys.Ratings) -> None:
    split = splits.held_out_users(sample, 0.3, 0.3)
    contenders = {
        risk: Served(model, Choice(risk=risk)) for risk in ("mean", "lower", "upper", "thompson")
    }
    result = recsys.evaluate(contenders, split, k=5)
    plain = recsys.evaluate({"served": Served(model)}, split, k=5).of("served", "ndcg@5")["mean"]
    means = {risk: result.of(risk, "ndcg@5")["mean"] for risk in contenders}
    assert means["mean"] == pytest.approx(plain)
    assert len({round(value, 6) for value in means.values()}) > 2


def test_other_models_say_who_knows_it(sample: recsys.Ratings) -> None:
    for spec in (recsys.ImplicitALS(2, n_epochs=1), recsys.EASE(5.0), recsys.Popularity()):
        other = recsys.train(spec, sample)
        said = f"{spec.name} has no standard deviations; use bayesian-mf"
        with pytest.raises(ArgumentError, match=said):
            other.recommend(1, risk="mean")
        with pytest.raises(ArgumentError, match=said):
            other.recommend_many([1], risk="lower")
        with pytest.raises(ArgumentError, match=said):
            other.recommend_for({1: 5}, risk="upper")


def test_bad_risks_are_named(model: Recommender) -> None:
    with pytest.raises(ArgumentError, match="risk must be one of mean, lower, upper, thompson"):
        model.recommend(1, risk="high")
    with pytest.raises(ArgumentError, match="seed must be"):
        model.recommend(1, risk="thompson", seed=-1)
    with pytest.raises(ArgumentError, match="risk is for one user at a time"):
        model.recommend_group([1, 2], risk="lower")


def test_what_features_describe_keeps_its_mean() -> None:
    rng = np.random.default_rng(0)
    pairs = [
        (user, item, float(rng.integers(1, 6)))
        for user in range(30)
        for item in range(12)
        if rng.random() < 0.6
    ]
    items = pd.DataFrame({"item_id": range(13), "title": [f"T{i}" for i in range(13)],
                          "genres": ["a|b", "b", "a"] * 4 + ["a"]})  # fmt: skip
    frame = pd.DataFrame(pairs, columns=["user_id", "item_id", "rating"])
    ratings = recsys.Ratings.from_frame(frame, items=items)
    model = recsys.train(SPEC, ratings, features=["genres"])
    mean = model.recommend(3, 13, exclude_seen=False).set_index("item")["score"]
    for risk in ("lower", "thompson"):
        found = model.recommend(3, 13, exclude_seen=False, risk=risk).set_index("item")
        assert found["score"][12] == pytest.approx(mean[12], rel=1e-5)
        assert np.isnan(found["low"][12])
        assert found["low"].notna().sum() == 12


def test_lists_in_files_have_the_interval(model: Recommender, tmp_path: Path) -> None:
    from recsys.app.lists import write_lists
    from recsys.app.recommend import RecommendRequest

    for name in ("l.jsonl", "l.csv"):
        request = RecommendRequest(
            model=str(recsys.save(model, tmp_path / "m.safetensors")),
            everybody=True, out=str(tmp_path / name), risk="lower", n=3,
        )  # fmt: skip
        write_lists(request)
    line = json.loads((tmp_path / "l.jsonl").read_text().splitlines()[6])
    one = model.recommend(line["user"], 3, risk="lower")
    for column in ("item", "score", "low", "high"):
        assert np.allclose([row[column] for row in line["items"]], one[column], atol=1e-4)
    table = pd.read_csv(tmp_path / "l.csv")
    assert list(table.columns) == ["user", "rank", "item", "score", "low", "high", "remark"]
