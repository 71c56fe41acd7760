"""Item tables: titles, years and genres of the rated items."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recsys
from recsys.errors import DataError
from recsys.ids import IdIndex
from recsys.ratings.item_tables import align_items, genre_flags, with_years


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("movieId,title\n1,Matrix, The (1999)\n", "line 2: 3 fields instead of 2"),
        ("movieId,title\n99,Other\n", "names none of the rated items; its ids are like 99"),
        ("name,title\nx,y\n", "no item column among 'name', 'title'"),
    ],
)
def test_item_tables_that_cannot_be_right_are_named(
    text: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "ratings.csv").write_text("user,item\n1,1\n2,2\n")
    (tmp_path / "movies.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        recsys.read_ratings(tmp_path / "ratings.csv")


def test_item_columns_never_clash_with_those_of_an_answer(tmp_path: Path) -> None:
    items = pd.DataFrame(
        {"item": [1, 2], "title": ["A", "B"], "name": ["a", "b"], "rank": [9, 8], "id": [5, 6],
         "score": [1.0, 2.0], "odd": [1, "x"]}
    )  # fmt: skip
    frame = pd.DataFrame({"user": [1, 1, 2], "item": [1, 2, 1], "rating": [3.0, 4, 5]})
    ratings = recsys.read_ratings(frame, items=items)
    expected = ["title", "year", "name", "item_rank", "item_id", "item_score", "odd"]
    assert sorted(ratings.item_table.columns) == sorted(set(expected) - {"year"})
    model = recsys.train(recsys.Popularity(), ratings)
    again = recsys.load(recsys.save(model, tmp_path / "m"))
    assert again.recommend(2, 1)["item_rank"].tolist() == [8]
    assert again.item_table["odd"].tolist() == ["1", "x"]


@pytest.mark.parametrize(
    ("ids", "items", "expected"),
    [
        ([10, 20], [20, 10], ["B", "A"]),  # in the order of the ratings
        (["7", "x"], [7, 8], ["A", None]),  # text in the ratings, numbers in the table
        ([7, 8], ["8", "x"], [None, "A"]),  # the other way round
        ([1, 2], [1, 1], ["B", None]),  # the last of several rows
    ],
)
def test_a_row_of_the_table_goes_to_its_item(
    ids: list[Any], items: list[Any], expected: list[str | None]
) -> None:
    table = pd.DataFrame({"item": items, "title": ["A", "B"]})
    found = align_items(table, IdIndex(ids, "item"), "a table")
    assert [None if pd.isna(title) else title for title in found["title"]] == expected


def test_years_come_from_the_titles_unless_the_table_has_them() -> None:
    titles = ["Alien (1979)", "Solaris", "1984 (1984)"]
    found = with_years(pd.DataFrame({"item": [1, 2, 3], "title": titles}))
    assert found["year"].tolist() == [1979, pd.NA, 1984]
    assert found.columns.tolist() == ["item", "title", "year"]
    given_years = pd.DataFrame({"title": titles, "item": [1, 2, 3], "year": ["1980", "", "1985"]})
    assert with_years(given_years)["year"].tolist() == [1980, pd.NA, 1985]


GENRES = st.sets(st.sampled_from(["Comedy", "Drama", "Sci-Fi"]))


@settings(max_examples=60, deadline=None)
@given(st.lists(GENRES, min_size=1, max_size=8))
def test_genres_are_flags_of_their_items(genres: list[set[str]]) -> None:
    texts = ["|".join(sorted(own)) or "(no genres listed)" for own in genres]
    names, flags = genre_flags(pd.DataFrame({"genres": texts}))
    assert names == sorted(set().union(*genres))
    found = [{name for name, has in zip(names, row, strict=True) if has} for row in flags]
    assert found == genres
