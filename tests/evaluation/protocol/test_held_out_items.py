"""Items without ratings, ranked among themselves."""

from pathlib import Path

import genre_world
import numpy as np
import pytest

import recsys
from recsys.evaluation.protocol.prepared import prepare
from recsys.evaluation.protocol.reranked import with_rerankings
from recsys.evaluation.protocol.scored import sampled_values, score_values
from recsys.models.from_features import fit_with_features
from recsys.recommend.rerank.ways import parse

SPEC = recsys.ImplicitALS(4)


@pytest.fixture(scope="module")
def split() -> recsys.ratings.splits.Split:
    return recsys.splits.held_out_items(genre_world.world(), test=0.25, seed=1)


def test_genres_find_what_popularity_cannot(split: recsys.ratings.splits.Split) -> None:
    found = recsys.evaluate({"als": SPEC}, split, k=3, feedback="at-least=4")
    assert found.of("als", "precision@3")["mean"] > 0.6
    # In expectation over the orders of items that are all alike to it: the share of liked items.
    assert split.candidates is not None
    liked = split.test.matrix[:, split.candidates].toarray() >= 4
    share = liked[liked.any(axis=1)].mean()
    assert found.of("popularity", "precision@3")["mean"] == pytest.approx(share)


def test_the_report_says_what_is_ranked(split: recsys.ratings.splits.Split, tmp_path: Path) -> None:
    result = recsys.evaluate({"als": SPEC}, split, k=3)
    result.to_html(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "the 10 items that were held out compete for the 3 places" in page
    assert result.about["ranked items"] == 10
    # Recall of an unordered list is the same for everybody; that is no reason for more decimals.
    assert result.decimals("recall@3") < 5


def test_without_features_a_model_knows_nothing(split: recsys.ratings.splits.Split) -> None:
    found = recsys.evaluate({"als": SPEC}, split, k=3, features=False)
    means = [found.of(name, "ndcg@3")["mean"] for name in ("als", "popularity")]
    assert means[0] == pytest.approx(means[1])


def test_only_held_out_items_are_ranked(split: recsys.ratings.splits.Split) -> None:
    prepared = prepare(split, 5)
    ranker = prepared.ranker(fit_with_features(SPEC, split.train, True)[0])
    users = prepared.users
    rows = ranker.best(users, prepared.history[users], 20, prepared.seen[users])
    assert split.candidates is not None
    assert set(rows[rows >= 0].tolist()) == set(split.candidates.tolist())
    assert ((rows >= 0).sum(axis=1) == len(split.candidates)).all()
    auc = score_values(ranker, prepared)["auc"]
    scores = ranker.scores(users, prepared.history[users])[:, split.candidates]
    liked = split.test.matrix[users][:, split.candidates].toarray() > 0
    for user in range(5):
        pairs = scores[user][liked[user]][:, None] - scores[user][~liked[user]][None]
        above = (pairs > 0) + 0.5 * (pairs == 0)
        assert auc[user] == pytest.approx(above.mean())
    assert np.nanmax(sampled_values(ranker, prepared, 50)["sampled_hit_rate@5"]) <= 1


def test_ratings_of_the_test_part_change_nothing() -> None:
    ratings = genre_world.world()
    split = recsys.splits.held_out_items(ratings, seed=2)
    assert split.candidates is not None
    held_out = np.isin(ratings.matrix.indices, split.candidates)
    values = np.where(held_out, 6 - ratings.matrix.data, ratings.matrix.data)
    other = recsys.splits.held_out_items(ratings.with_values(values), seed=2)
    assert not np.array_equal(split.test.matrix.data, other.test.matrix.data)
    spec = recsys.ExplicitALS(4)
    tables = [
        recsys.train(spec, one.train, features=True).factors.item_factors for one in (split, other)
    ]
    assert np.array_equal(*tables)


def test_ratings_are_predicted_better_than_by_the_mean(
    split: recsys.ratings.splits.Split,
) -> None:
    found = recsys.evaluate({"als": recsys.ExplicitALS(4)}, split)
    assert found.of("als", "rmse")["mean"] < 0.7 * found.of("biases", "rmse")["mean"]


def test_a_served_model_is_measured_on_the_same_items(
    split: recsys.ratings.splits.Split,
) -> None:
    served = recsys.train(SPEC, split.train, features=True)
    found = recsys.evaluate({"served": served, "als": SPEC}, split, k=3)
    assert found.of("served", "ndcg@3")["mean"] == pytest.approx(found.of("als", "ndcg@3")["mean"])


def test_auto_chooses_on_items_with_ratings(split: recsys.ratings.splits.Split) -> None:
    found = recsys.evaluate({"auto": recsys.auto(budget=0)}, split, k=3)
    assert not found.failures
    assert found.of("auto", "ndcg@3")["mean"] > found.of("popularity", "ndcg@3")["mean"]


def test_re_ranked_lists_are_of_the_same_model(split: recsys.ratings.splits.Split) -> None:
    models = with_rerankings({"als": SPEC}, [parse("mmr=0.0001")])
    found = recsys.evaluate(models, split, k=3)
    means = [found.of(name, "ndcg@3")["mean"] for name in models]
    assert means[1] == pytest.approx(means[0], abs=0.1)
    assert means[1] > found.of("popularity", "ndcg@3")["mean"] + 0.1
