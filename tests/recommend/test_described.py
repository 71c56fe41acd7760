"""Items and users that nobody has rated, in the answers of a recommender."""

from pathlib import Path

import genre_world
import numpy as np
import pandas as pd
import pytest

import recsys
from recsys.errors import ArgumentError, ModelError

REMARK = "from features: no ratings that count"


@pytest.fixture(scope="module")
def model() -> recsys.Recommender:
    return recsys.train(recsys.ImplicitALS(4), genre_world.world(), features=True)


def test_items_of_the_table_can_be_recommended_and_are_marked(model: recsys.Recommender) -> None:
    for user in (0, 1):
        found = model.recommend(user, n=5, among=list(genre_world.NEW_ITEMS))
        assert (found["item"] % 2 == user).all()
        assert (found["remark"] == REMARK).all()
        both = model.recommend(user, n=20)
        new = both["item"].isin(genre_world.NEW_ITEMS)
        assert (both["remark"].notna() == new).all()


def test_a_batch_answers_like_one_by_one(model: recsys.Recommender) -> None:
    users = [0, 1, genre_world.N_USERS]
    among = list(genre_world.NEW_ITEMS)
    batch = model.recommend_many(users, n=5, among=among)
    assert (batch["remark"] == REMARK).all()
    for user in users:
        alone = model.recommend(user, n=5, among=among)
        assert batch[batch["user"] == user]["item"].tolist() == alone["item"].tolist()


def test_similar_items_of_a_new_one_are_of_its_genre(model: recsys.Recommender) -> None:
    assert (model.similar_items(genre_world.N_ITEMS, n=10)["item"] % 2 == 0).all()


def test_a_user_without_ratings_is_no_newcomer_where_features_are_known(
    model: recsys.Recommender,
) -> None:
    for user in genre_world.NEW_USERS:
        found = model.recommend(user, n=10)
        assert (found["item"] % 2 == user % 2).all()
        assert found["score"].notna().all()
        assert "by their features (gender)" in found.attrs["remark"]
    many = model.recommend_many(list(genre_world.NEW_USERS), n=10)
    assert "10 of 10 users" in many.attrs["remark"]


def test_item_models_give_new_users_the_most_popular_items() -> None:
    model = recsys.train(recsys.EASE(10), genre_world.world(), features=True)
    found = model.recommend(genre_world.N_USERS, n=3)
    assert found["score"].isna().all()
    assert set(model.features) == {"items"}


def test_items_that_come_later_get_what_those_of_the_table_have(tmp_path: Path) -> None:
    ratings = genre_world.world()
    known = recsys.train(recsys.ImplicitALS(4), ratings, features=["genres", "year"])
    recsys.save(known, tmp_path / "model")
    for model in (known, recsys.load(tmp_path / "model")):
        table = genre_world.items(genre_world.NEW_ITEMS).assign(
            item=lambda t: t["item"] + 100, price=3
        )
        more = model.with_items(table)
        assert len(more.factors.items) == len(model.factors.items) + genre_world.N_NEW
        old = more.factors.items.rows(list(genre_world.NEW_ITEMS))
        new = more.factors.items.rows(table["item"].tolist())
        assert more.factors.item_factors[new] == pytest.approx(more.factors.item_factors[old])
        assert (more.recommend(0, n=5, among=table["item"].tolist())["item"] % 2 == 0).all()
        assert "price" not in more.item_table
        assert more.liked(3)["item"].tolist() == model.liked(3)["item"].tolist()


def test_later_items_of_item_models() -> None:
    model = recsys.train(recsys.EASE(10), genre_world.world(), features=["genres"])
    more = model.with_items(pd.DataFrame({"item": [900, 901], "genres": ["Comedy", "Drama"]}))
    assert more.recommend(0, n=1, among=[900, 901])["item"].tolist() == [900]
    assert more.recommend(1, n=1, among=[900, 901])["item"].tolist() == [901]


def test_users_that_come_later(model: recsys.Recommender) -> None:
    more = model.with_users(pd.DataFrame({"user": [-5, 900], "gender": ["M", "F"]}))
    assert (more.recommend(-5, n=10)["item"] % 2 == 1).all()
    assert (more.recommend(900, n=10)["item"] % 2 == 0).all()
    before, after = (one.recommend(7, n=10) for one in (model, more))
    assert before["item"].tolist() == after["item"].tolist()


def test_what_cannot_be_added_is_said(model: recsys.Recommender) -> None:
    with pytest.raises(ArgumentError, match="item 3 is already in the model"):
        model.with_items(pd.DataFrame({"item": [3], "genres": ["Drama"]}))
    with pytest.raises(ArgumentError, match="whole numbers, not 'new'"):
        model.with_items(pd.DataFrame({"item": ["new"], "genres": ["Drama"]}))
    plain = recsys.train(recsys.ImplicitALS(4), genre_world.world())
    with pytest.raises(ModelError, match="no features for its items.*--features all"):
        plain.with_items(pd.DataFrame({"item": [900], "genres": ["Drama"]}))


def test_a_deviation_is_not_known_from_features() -> None:
    spec = recsys.BayesianMF(2, n_burn_in=5, n_samples=5)
    model = recsys.train(spec, genre_world.world(), features=True)
    _, found = model.predict(0, [0, genre_world.N_ITEMS], deviation=True)
    assert np.isnan(found).tolist() == [False, True]


def test_ratings_that_do_not_count_are_no_ratings() -> None:
    model = recsys.train(
        recsys.ImplicitALS(4), genre_world.world(), feedback="at-least=4", features=["gender"]
    )
    assert set(model.features) == {"users"}
    assert not model.from_features("items").any()
    assert model.from_features("users").sum() == genre_world.N_NEW


def test_the_health_check_looks_at_what_was_learned() -> None:
    spec = recsys.ImplicitALS(4, n_epochs=40)
    ratings = genre_world.world()
    one, two = (
        recsys.maps.health(recsys.train(spec, ratings, features=names)) for names in (None, True)
    )
    assert [symptom.text for symptom in one.symptoms] == [symptom.text for symptom in two.symptoms]
    assert two.conditions["gradient"].max() == pytest.approx(one.conditions["gradient"].max())


def test_a_map_marks_what_comes_from_features(model: recsys.Recommender) -> None:
    page = recsys.maps.movie_map(model)
    assert page.count("(from features)") == genre_world.N_NEW


@pytest.mark.parametrize("item", [3, genre_world.N_ITEMS])
def test_an_explanation_leaves_nothing_open(model: recsys.Recommender, item: int) -> None:
    found = model.explain(0, item)
    assert "not attributable" not in found.terms
    assert sum(found.frame()["share"]) == pytest.approx(found.score, abs=1e-5)


def test_other_ratings_are_answered_as_without_features(model: recsys.Recommender) -> None:
    plain = recsys.train(recsys.ImplicitALS(4), genre_world.world())
    among = list(range(genre_world.N_ITEMS))
    lists = [m.recommend_for({0: 5, 2: 4}, n=5, among=among) for m in (plain, model)]
    assert lists[0]["item"].tolist() == lists[1]["item"].tolist()
    assert lists[0]["score"].tolist() == pytest.approx(lists[1]["score"].tolist(), abs=1e-6)
