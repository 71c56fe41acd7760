"""Rankers give evaluation the lists that the served model gives."""

import numpy as np
import pytest

import recsys
from recsys import Choice, Ratings
from recsys.recommend.ranking import FittedRanker, Ranker

SPECS = [recsys.ImplicitALS(4, n_epochs=3), recsys.Popularity(), recsys.EASE(5.0)]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_ranker_gives_what_the_recommender_serves(
    spec: recsys.ImplicitALS, random_ratings: Ratings
) -> None:
    model = recsys.train(spec, random_ratings)
    rows = np.arange(random_ratings.n_users)
    history = random_ratings.matrix
    choices = (None, Choice(exclude=["i03"]), Choice(among=[f"i{i:02d}" for i in range(9)]),
               Choice(exclude_seen=False))  # fmt: skip
    for choice in choices:
        ranker = model.ranker(choice)
        assert isinstance(ranker, Ranker)
        found = ranker.best(rows, history, 3, history)
        for row in (0, 5, 11):
            served = model.recommend(random_ratings.users.ids[row], 3, choice=choice)
            ids = random_ratings.items.ids[found[row][found[row] >= 0]]
            assert ids.tolist() == served["item"].tolist()


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_folded_in_users_get_their_own_lists(
    spec: recsys.ImplicitALS, random_ratings: Ratings
) -> None:
    fitted = spec.fit(random_ratings)
    rows, history = np.arange(10), random_ratings.matrix[:10]
    stored = FittedRanker(fitted).best(rows, history, 5, history)
    folded = FittedRanker(fitted, folds_in=True).best(rows, history, 5, history)
    assert np.array_equal(stored, folded)


def test_scores_and_predictions_are_those_of_the_fit(random_ratings: Ratings) -> None:
    factors = recsys.ExplicitALS(4).fit(random_ratings)
    ranker = FittedRanker(factors, candidates=np.array([1, 4]))
    rows, history = np.arange(6), random_ratings.matrix[:6]
    scores = ranker.scores(rows, history)
    assert np.isfinite(scores[:, [1, 4]]).all()
    assert np.isneginf(np.delete(scores, [1, 4], axis=1)).all()
    frame = random_ratings.to_frame()
    expected = factors.predict(frame["user"], frame["item"])[: history.nnz]
    assert np.allclose(ranker.predicted(rows, history, history), expected, atol=1e-5)
