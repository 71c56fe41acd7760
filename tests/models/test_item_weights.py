"""Item weights: scores from a history, over any users and items."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import recsys
from recsys import ItemWeights, Ratings
from recsys.errors import ArgumentError, FitError, ModelError


def dense(weights: ItemWeights) -> np.ndarray:
    return weights.weights.toarray()


def test_a_score_is_the_history_times_the_weights(random_ratings: Ratings) -> None:
    for spec, history in (
        (recsys.EASE(5.0), (random_ratings.matrix.toarray() != 0).astype(float)),
        (recsys.ItemKNN(10), random_ratings.matrix.toarray()),
    ):
        weights = spec.fit(random_ratings)
        people = weights.people(np.arange(30), random_ratings.matrix)
        expected = history @ dense(weights)
        assert np.allclose(weights.scores(people), expected, atol=1e-4)
        users, items = random_ratings.users.ids[[3, 3, 7]], random_ratings.items.ids[[1, 2, 5]]
        predicted = weights.predict(users, items, random_ratings.matrix)
        assert np.allclose(predicted, expected[[3, 3, 7], [1, 2, 5]], atol=1e-4)


def test_few_weights_and_many_score_alike(random_ratings: Ratings) -> None:
    # Few weights stay sparse, many become a dense table.
    spec = recsys.ItemKNN(25)
    full = spec.fit(random_ratings)
    assert isinstance(full._table, np.ndarray)
    strong = sp.csr_matrix(dense(full) * (dense(full) > 0.55))
    few = ItemWeights(full.users, full.items, strong, spec)
    assert sp.issparse(few._table)
    people = few.fold_in_users(random_ratings.matrix)
    assert np.allclose(few.scores(people), random_ratings.matrix.toarray() @ dense(few), atol=1e-4)


def test_weights_over_other_items_are_the_same_weights(random_ratings: Ratings) -> None:
    weights = recsys.EASE(5.0).fit(random_ratings)
    ids = {"user_id": ["x", "x", "y"], "item_id": ["i03", "new", "i07"]}
    frame = pd.DataFrame(ids | {"rating": 1.0})
    other = Ratings.from_frame(frame)
    moved = weights.over(other.users, other.items)
    assert moved.items.ids.tolist() == ["i03", "i07", "new"]
    assert moved.weights[0, 1] == weights.weights[3, 7]
    assert moved.weights[1, 0] == weights.weights[7, 3]
    assert not moved.weights.toarray()[2].any()


def test_weights_of_wrong_shape_or_value_are_refused(random_ratings: Ratings) -> None:
    users, items, spec = random_ratings.users, random_ratings.items, recsys.EASE()
    with pytest.raises(ArgumentError, match=r"weights must be float32 \(25, 25\)"):
        ItemWeights(users, items, sp.csr_matrix(np.zeros((3, 3), np.float32)), spec)
    bad = sp.csr_matrix(np.full((25, 25), np.inf, np.float32))
    with pytest.raises(FitError, match="ease: a weight is not finite"):
        ItemWeights(users, items, bad, spec)
    weights = spec.fit(random_ratings)
    with pytest.raises(ArgumentError, match="must have 25 columns, not 3"):
        weights.fold_in_users(sp.csr_matrix((1, 3)))
    with pytest.raises(ModelError, match="saved without it"):
        weights.people(np.arange(2), None)


def test_without_a_history_only_new_people_can_be_served(random_ratings: Ratings) -> None:
    model = recsys.train(recsys.EASE(5.0), random_ratings)
    bare = recsys.Recommender(model.factors, model.item_table, None)
    with pytest.raises(ModelError, match="history"):
        bare.recommend("u03", exclude_seen=False)
    with pytest.raises(ModelError, match="history"):
        bare.predict("u03", "i03")
    person = {"i01": 5.0}
    pd.testing.assert_frame_equal(bare.recommend_for(person), model.recommend_for(person))


def test_similar_items_are_those_of_the_highest_weights(random_ratings: Ratings) -> None:
    model = recsys.train(recsys.ItemKNN(10), random_ratings)
    row = dense(model.factors)[4]
    answer = model.similar_items("i04", 3)
    assert answer["item"].tolist() == random_ratings.items.ids[np.argsort(-row)[:3]].tolist()
    assert answer["score"].is_monotonic_decreasing
    with pytest.raises(ArgumentError, match="compares items by its own weights"):
        model.similar_items("i04", metric="dot")
    with pytest.raises(ModelError, match="no factors to compare"):
        model.similar_users("u03")
