"""Item tables: titles, years and genres of the rated items."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recsys
from recsys.errors import DataError
from recsys.ids import IdIndex
from recsys.ratings.item_tables import align_items, genre_flags, split_genres, with_years
from recsys.ratings.layouts import read_items


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


@pytest.mark.parametrize(
    ("genres", "expected"),
    [
        (["Drama, Romance", "Drama,Comedy", "Comedy"], ["Drama|Romance", "Drama|Comedy", "Comedy"]),
        (["Drama | Comedy", "Sci-Fi, really"], ["Drama|Comedy", "Sci-Fi, really"]),
        ([["Drama", "Comedy"], np.array(["Horror"]), None], ["Drama|Comedy", "Horror", None]),
        (["(no genres listed)", ""], ["(no genres listed)", ""]),
    ],
)
def test_genres_are_split_at_bars_or_else_at_commas(
    genres: list[Any], expected: list[str | None]
) -> None:
    assert split_genres(genres) == expected
    table = pd.DataFrame({"item": range(len(genres)), "genres": pd.Series(genres, dtype=object)})
    aligned = align_items(table, IdIndex(list(range(len(genres))), "item"), "a table")
    found = [None if pd.isna(cell) else cell for cell in aligned["genres"]]
    assert found == expected
    names = {part for cell in expected if cell for part in cell.split("|")}
    assert set(genre_flags(table)[0]) == names - {"(no genres listed)"}


@pytest.mark.parametrize(
    ("header", "item", "title"),
    [
        ("movie,movieId,genres", "movieId", "movie"),  # a title before its id
        ("title,asin,brand", "asin", "title"),
        ("book_id,goodreads_id,isbn,title", "book_id", "title"),
        ("name,artist_id", "artist_id", "name"),
        ("Book-Title;ISBN", "ISBN", "Book-Title"),
    ],
)
@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
def test_ids_titles_and_separators_are_recognized(
    header: str, item: str, title: str, separator: str, tmp_path: Path
) -> None:
    names = header.replace(";", ",").split(",")
    cells = [{item: str(n), title: f"Film {n}"}.get(name, "") for n in (1, 2) for name in names]
    rows = [names, cells[: len(names)], cells[len(names) :]]
    (tmp_path / "ratings.csv").write_text("user,item\n1,1\n2,2\n")
    (tmp_path / "items.txt").write_text("\n".join(map(separator.join, rows)) + "\n")
    ratings = recsys.read_ratings(tmp_path / "ratings.csv", items=tmp_path / "items.txt")
    assert ratings.item_table["title"].tolist() == ["Film 1", "Film 2"]
    assert ratings.item_table.columns[0] == "title"


def test_genres_in_lists_come_from_parquet_and_json(tmp_path: Path) -> None:
    items = pd.DataFrame({"movieId": [1, 2], "title": ["A", "B"], "genres": [["x", "y"], ["z"]]})
    items.to_parquet(tmp_path / "i.parquet")
    items.to_json(tmp_path / "i.jsonl", orient="records", lines=True)
    (tmp_path / "r.csv").write_text("user,item\n1,1\n2,2\n")
    for name in ("i.parquet", "i.jsonl"):
        found = recsys.read_ratings(tmp_path / "r.csv", items=tmp_path / name).item_table
        assert found["genres"].tolist() == ["x|y", "z"]


def test_title_year_and_genres_come_first(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("user,item\n1,1\n2,2\n")
    (tmp_path / "i.csv").write_text("id,isbn,url,genres,year,title\n1,01,u,x,1999,A\n2,02,u,x,,B\n")
    table = recsys.read_ratings(tmp_path / "r.csv", items=tmp_path / "i.csv").item_table
    assert table.columns.tolist() == ["title", "year", "genres", "isbn", "url"]
    assert table["isbn"].tolist() == ["01", "02"]


def test_of_columns_with_one_name_the_first_is_kept(tmp_path: Path) -> None:
    (tmp_path / "movies.csv").write_text("movieId,title,movieId,title\n1,Ice,2,Fire\n")
    table = read_items(str(tmp_path / "movies.csv"))
    assert table[["item", "title"]].to_numpy().tolist() == [[1, "Ice"]]


def test_a_year_that_is_none_is_missing(tmp_path: Path) -> None:
    years = ["1995", "1995.5", "9" * 20, "9" * 400, "soon"]
    rows = "".join(f"{n},{year}\n" for n, year in enumerate(years))
    (tmp_path / "movies.csv").write_text("movieId,year\n" + rows)
    items = [f'{{"item": {n}, "year": {year}}}\n' for n, year in enumerate(years[:-1])]
    (tmp_path / "movies.jsonl").write_text("".join(items))
    for name in ("movies.csv", "movies.jsonl"):
        found = read_items(str(tmp_path / name))["year"]
        assert found.isna().tolist() == [False] + [True] * (len(found) - 1)
        assert found[0] == 1995


def test_an_item_in_two_rows_is_said(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("user,item,rating\n1,7,3\n1,8,4\n")
    for rows, n in (("7,Seven\n8,Eight\n7,Seven\n", 0), ("7,Other\n7,Seven\n8,Eight\n", 1)):
        (tmp_path / "movies.csv").write_text(f"movieId,title\n{rows}")
        ratings = recsys.read_ratings(tmp_path)
        assert ratings.item_table["title"].tolist() == ["Seven", "Eight"]
        assert ratings.account is not None
        said = "the table of items has different rows for 1 item (7); the last one counts"
        assert [one for one in ratings.account.remarks if "rows for" in one] == [said] * n


def test_items_in_utf_16_are_read(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("user,item,rating\n1,7,3\n")
    (tmp_path / "movies.csv").write_bytes("movieId,title\n7,Sëven\n".encode("utf-16"))
    assert recsys.read_ratings(tmp_path).item_table["title"].tolist() == ["Sëven"]
