"""Users, items and ratings as people write them."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recsys
from recsys.app.names import assigned_rating, item_id, item_name, new_person, user_id
from recsys.errors import ArgumentError, UnknownIdError


@pytest.fixture(scope="module")
def small() -> recsys.Recommender:
    frame = pd.DataFrame(
        [(u, i, 5.0) for u in range(4) for i in (10, 20, 30)],
        columns=["user_id", "item_id", "rating"],
    )
    items = pd.DataFrame({"item_id": [10, 20, 30], "title": ["Alien", "1984", None]})
    return recsys.train(recsys.Popularity(), recsys.Ratings.from_frame(frame, items=items))


def test_an_id_comes_before_a_title(small: recsys.Recommender) -> None:
    assert user_id(small, "3") == 3
    assert item_id(small, "20") == 20
    assert item_id(small, "1984") == 20  # no such id, but a title
    assert item_id(small, "Alien") == "Alien"  # looked up where it is used
    with pytest.raises(UnknownIdError, match="item 99 is not in the data"):
        item_id(small, "99")
    with pytest.raises(UnknownIdError, match="user 'me'"):
        user_id(small, "me")


def test_an_item_is_called_by_its_title_or_its_id(small: recsys.Recommender) -> None:
    assert [item_name(small, item) for item in (10, "alien", 30)] == ["Alien", "Alien", "item 30"]


def test_ratings_of_a_new_person(small: recsys.Recommender) -> None:
    assert new_person(small, ["Alien=5", "20 = 3.5"]) == {"Alien": 5.0, 20: 3.5}
    with pytest.raises(ArgumentError, match="names '20' twice"):
        new_person(small, ["20=5", "20=4"])


@given(
    st.text(min_size=1).map(str.strip).filter(bool),
    st.floats(allow_nan=False, allow_infinity=False),
)
@settings(max_examples=200, deadline=None)
def test_a_written_rating_is_read_back(title: str, rating: float) -> None:
    """Titles may contain anything, including an equals sign."""
    assert assigned_rating(f"{title}={rating!r}") == (title, rating)
    assert assigned_rating(f" {title} = {rating!r} ") == (title, rating)


@pytest.mark.parametrize("text", ["", "Alien", "Alien=", "=5", "Alien=good", "5=Alien"])
def test_bad_ratings_are_refused(text: str) -> None:
    with pytest.raises(ArgumentError, match="rate must look like"):
        assigned_rating(text)
