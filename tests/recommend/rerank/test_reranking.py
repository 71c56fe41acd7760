"""Re-ranked lists: the same in one answer, in a batch and in evaluation."""

import numpy as np
import pytest

from recsys import EASE, Choice, ImplicitALS, Popularity, Ratings, Recommender, train
from recsys.errors import ArgumentError, DataError
from recsys.recommend.rerank.ways import WAYS


@pytest.fixture(scope="module")
def model(sample: Ratings) -> Recommender:
    return train(ImplicitALS(8, n_epochs=5, unobserved_weight=0.2), sample, feedback="ones")


@pytest.mark.parametrize("way", list(WAYS))
def test_one_answer_a_batch_and_the_ranker_agree(way: str, model: Recommender) -> None:
    choice = Choice(n=6, rerank=f"{way}=0.6", where="year < 2005")
    plain = Choice(n=6, where="year < 2005")
    users = model.factors.users.ids[:20]
    many = model.recommend_many(users, choice=choice)
    ranker, rows = model.ranker(choice), np.arange(20)
    history = model.feedback.of(model.seen()[rows])
    listed = ranker.best(rows, history, 6, model.seen()[rows])
    changed = 0
    for row, user in enumerate(users.tolist()):
        one = model.recommend(user, choice=choice)
        assert one["item"].tolist() == many[many["user"] == user]["item"].tolist()
        assert one["item"].tolist() == model.factors.items.ids[listed[row]].tolist()
        scores = model.predict([user] * len(one), one["item"])
        assert one["score"].to_numpy() == pytest.approx(scores, abs=1e-5)
        changed += one["item"].tolist() != model.recommend(user, choice=plain)["item"].tolist()
    assert changed > 0


def test_strength_0_changes_nothing(model: Recommender) -> None:
    for way in WAYS:
        found = model.recommend_many(n=5, rerank=f"{way}=0")
        assert found["item"].tolist() == model.recommend_many(n=5)["item"].tolist()


def test_a_new_person_gets_the_mix_of_their_genres(model: Recommender) -> None:
    genre = model.item_table["genres"].str.split("|")
    own = [i for i, names in enumerate(genre) if "Sci-Fi" in names][:6]
    ratings = {int(model.factors.items.ids[i]): 5.0 for i in own}
    shares = model.catalog.genre_shares
    taste = shares[own].mean(axis=0)

    def divergence(items: list[int]) -> float:
        mixed = 0.99 * shares[model.factors.items.rows(items)].mean(axis=0) + 0.01 * taste
        return float((taste[taste > 0] * np.log(taste[taste > 0] / mixed[taste > 0])).sum())

    plain = model.recommend_for(ratings, 10)["item"].tolist()
    calibrated = model.recommend_for(ratings, 10, rerank="calibrated=0.9")["item"].tolist()
    assert divergence(calibrated) < divergence(plain)


def test_item_models_can_be_reranked(sample: Ratings) -> None:
    model = train(EASE(), sample)
    for way in WAYS:
        assert len(model.recommend(3, rerank=f"{way}=0.5")) == 10
    assert len(train(Popularity(), sample).recommend(3, rerank="mmr=0.5")) == 10


def test_what_is_missing_is_named(random_ratings: Ratings) -> None:
    model = train(ImplicitALS(4), random_ratings)
    with pytest.raises(DataError, match="the items have no genres"):
        model.recommend("u03", rerank="calibrated")
    with pytest.raises(ArgumentError, match="rerank must be one of"):
        model.recommend("u03", rerank="shuffle")
