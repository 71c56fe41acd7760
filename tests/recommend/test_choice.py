"""What may be recommended, by one value that every question takes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from recsys import EASE, Choice, ImplicitALS, Popularity, Ratings, Recommender, train
from recsys.errors import ArgumentError, RecsysError, UnknownIdError
from recsys.recommend.choice import LIKE


@pytest.fixture
def model(random_ratings: Ratings) -> Recommender:
    return train(ImplicitALS(4, n_epochs=3), random_ratings)


def test_any_iterable_of_items_is_accepted() -> None:
    items: Any
    for items in ({3}, (3,), np.array([3]), pd.Series([3]), iter([3])):
        assert Choice(exclude=items).exclude == [3]
    assert Choice().among is None


def test_changes_make_another_choice() -> None:
    choice = Choice(n=5, exclude=["a"])
    assert choice.but() is choice
    assert choice.but(3) == Choice(n=3, exclude=["a"])
    assert choice.but(among=["b"]) == Choice(n=5, exclude=["a"], among=["b"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n": 0}, "n must be a whole number of at least 1"),
        ({"n": 2.5}, "n must be a whole number"),
        ({"exclude": "Toy Story"}, "exclude must be a list of items"),
        ({"exclude": b"Toy"}, "exclude must be a list of items"),
        ({"exclude": np.array(5)}, "exclude must be a list of items"),
        ({"among": 5}, "among must be a list of items"),
        ({"exclude_seen": 1}, "exclude_seen must be true or false"),
        (
            {"colour": "red"},
            "a choice has exclude, among, where, min_ratings, exclude_similar_to, n, exclude_seen",
        ),
    ],
)
def test_a_bad_setting_is_named(model: Recommender, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Choice().but(**change)
    with pytest.raises(ArgumentError, match=message):
        model.recommend("u00", **change)


def test_every_question_takes_a_choice_or_its_settings(model: Recommender) -> None:
    among = [f"Film {i} (2000)" for i in range(0, 25, 2)]
    choice = Choice(n=4, exclude=["i04"], among=among)
    settings: dict[str, Any] = {"n": 4, "exclude": ["i04"], "among": among}
    person = {"i01": 5.0, "i02": 4.0}
    asked: tuple[Callable[..., pd.DataFrame], ...] = (
        lambda **how: model.recommend("u03", **how),
        lambda **how: model.recommend_for(person, **how),
        lambda **how: model.recommend_many(["u03"], **how),
    )
    for question in asked:
        answer = question(choice=choice)
        pd.testing.assert_frame_equal(answer, question(**settings))
        assert set(answer["item"]) <= {f"i{i:02d}" for i in range(0, 25, 2)} - {"i04"}
        assert len(question(choice=choice, n=2)) == 2


def test_rated_items_are_recommended_only_if_asked_for(model: Recommender) -> None:
    person = {"i01": 5.0, "i02": 4.0}
    assert not {"i01", "i02"} & set(model.recommend_for(person, 25)["item"])
    assert {"i01", "i02"} <= set(model.recommend_for(person, 25, exclude_seen=False)["item"])


def test_an_unknown_item_is_named_in_every_question(model: Recommender) -> None:
    changes: tuple[dict[str, Any], ...] = ({"among": ["i99"]}, {"exclude": ["i99"]})
    for change in changes:
        with pytest.raises(UnknownIdError, match="i99"):
            model.recommend("u03", **change)
        with pytest.raises(UnknownIdError, match="i99"):
            model.recommend_many(**change)


def test_nothing_to_choose_from_is_a_shortfall(model: Recommender) -> None:
    answer = model.recommend("u03", among=[])
    assert len(answer) == 0
    assert answer.attrs["shortfall"].startswith("0 of the 10 requested: of 0 items")
    assert len(model.recommend_many(among=[])) == 0


@pytest.mark.parametrize("kind", [ImplicitALS(4, n_epochs=3), EASE(), Popularity()])
def test_no_answer_has_an_item_that_is_not_allowed(kind: Any, sample: Ratings) -> None:
    model = train(kind, sample)
    user, item, left_out = sample.users.ids[3], sample.items.ids[5], sample.items.ids[7]
    table = model.item_table.assign(id=sample.items.ids, n=model.popularity)
    genres = table["genres"].fillna("").str.lower().str.split("|")
    least = int(np.median(table["n"]))
    meets = {
        "where": (table["year"] < 2000) & np.array(["comedy" in have for have in genres]),
        "min_ratings": table["n"] >= least,
        "exclude": table["id"] != left_out,
    }
    asked: dict[str, Any] = {
        "where": "year < 2000 and genres has 'comedy'",
        "min_ratings": least,
        "exclude": [left_out],
    }
    for names in (["where"], ["min_ratings"], ["exclude"], list(meets)):
        ids = set(table["id"][np.logical_and.reduce([meets[name] for name in names])])
        how = {name: asked[name] for name in names} | {"n": len(table), "exclude_seen": False}
        assert 0 < len(ids) < len(table)
        one, many = model.recommend(user, **how), model.recommend_many([user], **how)
        assert set(one["item"]) == set(many["item"]) == ids
        assert one["item"].tolist() == many["item"].tolist()
        person = model.recommend_for({item: 5.0}, **how)
        assert set(person["item"]) == ids
        if kind.name != "popularity":  # which has no vectors to compare
            del how["exclude_seen"]
            assert set(model.similar_items(item, **how)["item"]) <= ids - {item}


def test_a_choice_may_leave_out_what_is_like_an_item(sample: Ratings) -> None:
    model = train(ImplicitALS(8, n_epochs=5), sample)
    y = model.factors.item_factors
    cosine = (y @ y[5]) / (np.linalg.norm(y, axis=1) * np.linalg.norm(y[5]) + 1e-12)
    item = sample.items.ids[5]
    how: dict[str, Any] = {"n": 10_000, "exclude_seen": False}
    left = model.recommend(sample.users.ids[0], exclude_similar_to=[item], **how)["item"]
    assert set(left) == set(sample.items.ids[cosine < LIKE])
    assert 0 < (cosine >= LIKE).sum() < len(cosine)
    own = train(EASE(), sample)
    weights = own.factors.similarities(5)
    left = own.recommend(sample.users.ids[0], exclude_similar_to=[item], **how)["item"]
    near = (weights > 0) & (weights >= LIKE * weights.max())
    near[5] = True
    assert set(left) == set(sample.items.ids[~near])


def test_a_condition_that_leaves_too_few_says_why(sample: Ratings) -> None:
    model = train(ImplicitALS(4, n_epochs=3), sample)
    user = sample.users.ids[0]
    none = model.recommend(user, where="year > 3000")
    assert len(none) == 0
    assert none.attrs["shortfall"] == "0 of the 10 requested: no item meets the condition"
    word = model.recommend(user, where="genres has 'Comdy'").attrs["shortfall"]
    assert word.endswith("no item's genres has 'Comdy' (did you mean 'comedy'?)")
    alike = model.similar_items(sample.items.ids[0], where="genres has 'Comdy'").attrs["shortfall"]
    assert alike.endswith("(did you mean 'comedy'?)")


def test_conditions_on_counts_need_counts(sample: Ratings) -> None:
    model = train(ImplicitALS(4, n_epochs=3), sample)
    bare = Recommender(model.factors, model.item_table)
    for how in ({"min_ratings": 3}, {"where": "n_ratings > 3"}):
        with pytest.raises(RecsysError, match="neither history nor counts|no column 'n_ratings'"):
            bare.recommend(sample.users.ids[0], exclude_seen=False, **how)


def test_the_latest_conditions_are_remembered(sample: Ratings) -> None:
    model = train(ImplicitALS(4, n_epochs=3), sample)
    first = model.candidates(Choice(where="year > 1950"))
    assert first is not None
    assert model.candidates(Choice(n=3, where="year > 1950", exclude_seen=False)) is first
    for year in range(100):
        model.candidates(Choice(where=f"year > {year}"))
    assert model.candidates(Choice(where="year > 1950")) is not first
    assert len(model._candidates) <= 64
    assert model.candidates(Choice(n=3, exclude_seen=False)) is None
