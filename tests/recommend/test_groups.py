"""Lists for several people, items between items, and titles by words."""

from typing import Any

import numpy as np
import pytest

from recsys import EASE, ImplicitALS, Popularity, Ratings, Recommender, train
from recsys.errors import ArgumentError, DataError, ModelError, UnknownIdError


@pytest.fixture(scope="module")
def model(sample: Ratings) -> Recommender:
    return train(ImplicitALS(8, n_epochs=5, unobserved_weight=0.2), sample, feedback="ones")


def scores_of(model: Recommender, users: list[int]) -> np.ndarray:
    rows = model.factors.users.rows(users)
    return np.asarray(model.factors.user_factors[rows] @ model.factors.item_factors.T)


@pytest.mark.parametrize(
    ("how", "joined"), [("average", np.mean), ("least-misery", np.min), ("most-pleasure", np.max)]
)
def test_a_group_gets_the_best_of_its_joined_scores(
    how: str, joined: object, model: Recommender
) -> None:
    users = [3, 7, 11]
    scores = scores_of(model, users)
    together = joined(scores, axis=0)  # type: ignore[operator]
    seen = np.unique(model.seen()[model.factors.users.rows(users)].indices)
    together[seen] = -np.inf
    best = np.argsort(-together, kind="stable")[:10]
    found = model.recommend_group(users, how=how)  # type: ignore[arg-type]
    assert found["item"].tolist() == model.factors.items.ids[best].tolist()
    assert found["score"].to_numpy() == pytest.approx(together[best], abs=1e-5)
    assert found["least"].to_numpy() == pytest.approx(scores[:, best].min(axis=0), abs=1e-5)
    assert found["most"].to_numpy() == pytest.approx(scores[:, best].max(axis=0), abs=1e-5)


def test_a_group_of_one_is_that_user(model: Recommender) -> None:
    alone, group = model.recommend(3), model.recommend_group([3])
    assert group["item"].tolist() == alone["item"].tolist()
    own = dict(model.recommend_for({5: 5.0, 9: 4.0})[["item", "score"]].to_numpy())
    new = dict(model.recommend_group([{5: 5.0, 9: 4.0}])[["item", "score"]].to_numpy())
    assert list(own) == list(new)


def test_a_group_may_have_conditions_and_new_people(model: Recommender) -> None:
    found = model.recommend_group([3, {5: 5.0}], n=500, where="year < 2000")
    allowed = set(model.factors.items.ids[(model.item_table["year"] < 2000).to_numpy()])
    seen = set(model.factors.items.ids[model.seen()[[2]].indices]) | {5}
    assert set(found["item"]) == allowed - seen
    assert found.attrs["shortfall"]


def test_a_group_needs_people_of_whom_something_is_known(model: Recommender) -> None:
    nobody: Any
    for nobody in ([], 3, "3", b"3", (n for n in (3, 4))):
        with pytest.raises(ArgumentError, match="with at least one"):
            model.recommend_group(nobody)
    with pytest.raises(ArgumentError, match="how must be one of average"):
        model.recommend_group([3], how="sum")  # type: ignore[arg-type]
    with pytest.raises(UnknownIdError):
        model.recommend_group([3, 10**6])
    with pytest.raises(DataError, match="no rating of a new user counts"):
        model.recommend_group([3, {}])


def cosines(model: Recommender, query: np.ndarray) -> np.ndarray:
    y = model.factors.item_factors
    return np.asarray((y @ query) / (np.linalg.norm(y, axis=1) * np.linalg.norm(query)))


def test_several_items_are_compared_by_their_mean_direction(model: Recommender) -> None:
    rows = model.factors.items.rows([5, 9])
    y = model.factors.item_factors[rows]
    query = (y / np.linalg.norm(y, axis=1, keepdims=True)).mean(axis=0)
    expected = cosines(model, query)
    expected[rows] = -np.inf
    best = np.argsort(-expected, kind="stable")[:10]
    found = model.similar_items([5, 9])
    assert found["item"].tolist() == model.factors.items.ids[best].tolist()
    assert model.similar_items([5])["item"].tolist() == model.similar_items(5)["item"].tolist()


def test_the_opposite_is_the_other_end_of_the_order(model: Recommender) -> None:
    whole = model.similar_items(5, n=1000)
    other = model.similar_items(5, n=1000, opposite=True)
    assert other["item"].tolist() == whole["item"].tolist()[::-1]
    assert other["score"].is_monotonic_increasing


def test_what_lies_between_comes_nearer_to_the_end(model: Recommender) -> None:
    found = model.items_between(5, 9, n=6)
    assert len(set(found["item"]) | {5, 9}) == 8
    y = model.factors.item_factors
    y = y / np.linalg.norm(y, axis=1, keepdims=True)
    start, end = y[model.factors.items.rows([5, 9])]
    first = (6 * start + end) / 7
    expected = cosines(model, first)
    expected[model.factors.items.rows([5, 9])] = -np.inf
    assert found["item"][0] == model.factors.items.ids[expected.argmax()]
    rows = model.factors.items.rows(found["item"])
    nearness = y[rows] @ end - y[rows] @ start
    assert nearness[-3:].mean() > nearness[:3].mean()
    back = model.items_between(9, 5, n=1)
    assert back["item"].tolist() == model.items_between(5, 9, n=1)["item"].tolist()
    some = model.items_between(5, 9, n=6, where="year < 2000")
    rows = model.factors.items.rows(some["item"])
    assert (model.item_table["year"].to_numpy()[rows] < 2000).all()


def test_what_has_no_factors_says_so(sample: Ratings) -> None:
    with pytest.raises(ModelError, match="ease has no factors"):
        train(EASE(), sample).items_between(5, 9)
    with pytest.raises(ModelError, match="no factors to compare"):
        train(Popularity(), sample).items_between(5, 9)


def test_the_same_item_twice_has_nothing_between(model: Recommender) -> None:
    with pytest.raises(ArgumentError, match="are the same item"):
        model.items_between(5, 5)


def test_weights_of_several_items_add_up(sample: Ratings) -> None:
    model = train(EASE(), sample)
    weights = model.factors.weights.toarray()[[4, 8]].sum(axis=0)
    weights[[4, 8]] = -np.inf
    best = np.argsort(-weights, kind="stable")[:10]
    assert model.similar_items([5, 9])["item"].tolist() == sample.items.ids[best].tolist()
    weights[[4, 8]] = np.inf
    least = np.argsort(weights, kind="stable")[:10]
    found = model.similar_items([5, 9], opposite=True)
    assert found["item"].tolist() == sample.items.ids[least].tolist()


def test_titles_are_found_by_words(model: Recommender) -> None:
    title = model.item_table["title"][41]
    assert model.search_titles(title)["item"][0] == 42
    assert model.search_titles(title.lower()[:-7])["item"][0] == 42
    misspelled = title.replace("Simulated", "Simulatd")
    assert 42 in model.search_titles(misspelled)["item"].tolist()
    assert model.search_titles(title, n=3)["score"].is_monotonic_decreasing
    assert len(model.search_titles("qqqq zzzz xxxx")) == 0
    assert "no other title" in model.search_titles("qqqq zzzz xxxx").attrs["shortfall"]
    with pytest.raises(ArgumentError, match="words must have at least one letter"):
        model.search_titles("   ")
    with pytest.raises(ArgumentError, match="words must have at least one letter"):
        model.search_titles(None)  # type: ignore[arg-type]
    whole = model.search_titles(title, n=3)
    assert model.search_titles(title, n=3.0).equals(whole)  # type: ignore[arg-type]


def test_a_whole_float_is_a_number_of_rows(model: Recommender) -> None:
    n: Any = 2.0
    assert model.similar_items(np.array(42), n).equals(model.similar_items(42, 2))
    assert len(model.similar_users(3, n)) == len(model.items_between(1, 42, n)) == 2
