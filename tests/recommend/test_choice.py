"""What may be recommended, by one value that every question takes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from recsys import Choice, ImplicitALS, Ratings, Recommender, train
from recsys.errors import ArgumentError, UnknownIdError


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
        ({"among": 5}, "among must be a list of items"),
        ({"exclude_seen": 1}, "exclude_seen must be true or false"),
        ({"colour": "red"}, "a choice has n, exclude_seen, exclude, among, but no colour"),
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
    assert answer.attrs["shortfall"].startswith("0 of the 10 asked for: of 0 items")
    assert len(model.recommend_many(among=[])) == 0
