"""Which column has which role."""

from pathlib import Path

import numpy as np
import pytest

import recsys
from recsys.errors import ArgumentError, DataError
from recsys.ratings.columns import (
    COUNT_NAMES,
    RATING_NAMES,
    RECOGNIZED,
    assign_roles,
    few,
    plain,
    role_positions,
)


def read(tmp_path: Path, text: str, **options: object) -> recsys.Ratings:
    file = tmp_path / "r.csv"
    file.write_text(text)
    return recsys.read_ratings(file, **options)  # type: ignore[arg-type]


def test_counts_and_ratings_are_told_apart_by_name_and_both_are_used() -> None:
    assert not set(RATING_NAMES) & set(COUNT_NAMES)
    assert set(RATING_NAMES) | set(COUNT_NAMES) < set(RECOGNIZED["rating"])
    for name in ("weight", "count", "plays", "play_count", "listen_count", "quantity", "qty",
                 "hours", "views", "clicks"):  # fmt: skip
        assert plain(name) in COUNT_NAMES
    for name in ("rating", "Book-Rating", "rate", "stars", "score", "overall"):
        assert plain(name) in RATING_NAMES


@pytest.mark.parametrize("name", ["weight", "label:float", "Book-Rating", "feedback", "hours"])
def test_a_rating_column_of_any_usual_name_is_used(name: str, tmp_path: Path) -> None:
    ratings = read(tmp_path, f"user_id,artistID,{name}\n1,10,900\n1,11,3\n2,10,0\n")
    assert ratings.has_values
    assert ratings.matrix.data.tolist() == [900, 3, 0]


def test_the_best_name_of_a_role_counts_not_the_first_column() -> None:
    columns = ["movie", "value", "rating", "user", "movieId", "userId", "title"]
    assert assign_roles(columns, {}, "x") == {"user": "userId", "item": "movieId",
                                              "rating": "rating"}  # fmt: skip
    assert assign_roles(["title", "user", "plays"], {}, "x")["item"] == "title"


def test_columns_by_number_and_no_time_column(tmp_path: Path) -> None:
    rows = "B1,U7,5,1404172800\nB1,U8,4,1404172801\n"
    ratings = read(tmp_path, rows, user="2", item="1")
    assert ratings.users.ids.tolist() == ["U7", "U8"]
    assert ratings.matrix.data.tolist() == [5, 4]
    assert ratings.timestamps is not None
    assert read(tmp_path, rows, timestamp="").timestamps is None
    headed = read(tmp_path, "film,who,rating,date\n1,2,3,21-07-2015\n", user="2", item="1",
                  timestamp="")  # fmt: skip
    assert headed.users.ids.tolist() == [2]
    assert headed.timestamps is None
    named_two = role_positions(["user", "2", "item"], {"user": "2"}, "x")
    assert named_two == {"user": 1, "item": 2}
    with pytest.raises(ArgumentError, match="item must name a column"):
        read(tmp_path, rows, item="")
    with pytest.raises(DataError, match="no column '9' for the user"):
        read(tmp_path, rows, user="9")


def test_many_columns_without_names_are_not_guessed(tmp_path: Path) -> None:
    row = "151603712,Dota 2,eu,9.5,0\n"
    with pytest.raises(DataError, match="5 columns without names; number those to read, such as"):
        read(tmp_path, row * 2)
    ratings = read(tmp_path, row, user="1", item="2", rating="4")
    assert ratings.items.ids.tolist() == ["Dota 2"]
    assert ratings.matrix.data.tolist() == [9.5]
    assert ratings.timestamps is None


def test_the_third_of_three_columns_may_be_a_time(tmp_path: Path) -> None:
    ratings = read(tmp_path, "1,10,891717742\n1,11,878887116\n")
    assert not ratings.has_values
    assert ratings.timestamps is not None
    assert ratings.timestamps.tolist() == [891717742, 878887116]
    assert ratings.account is not None
    assert ratings.account.columns["timestamp"].name == "column 3"
    assert ratings.account.remarks == ("all values of column 3 are above 1e8: taken as times",)
    counts = read(tmp_path, "1,10,891717742\n1,11,3\n")
    assert counts.matrix.data.tolist() == [float(np.float32(891717742)), 3]
    dates = read(tmp_path, "1,10,2020-01-01\n1,11,2020-01-02\n")
    assert dates.timestamps is not None


def test_a_table_without_a_rating_column_says_so(tmp_path: Path) -> None:
    account = read(tmp_path, "user,item,strength\n1,2,3\n").account
    assert account is not None
    assert account.remarks == (
        "no rating column among 'user', 'item', 'strength': every row is read as seen; name one "
        "with --column rating=NAME",
    )
    assert few([str(n) for n in range(20)]).endswith("'11' and 8 more")


def test_doubled_columns_are_one_clear_line(tmp_path: Path) -> None:
    text = "user,item,item\n1,2,3\n"
    with pytest.raises(DataError, match="more than one column 'item', so the item is unclear"):
        read(tmp_path, text)
    assert read(tmp_path, text, item="3").items.ids.tolist() == [3]
