"""Conditions choose the items that a loop over the rows of the table chooses."""

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import ArgumentError
from recsys.recommend.filters.columns import ItemColumns
from recsys.recommend.filters.masks import hint, mask
from recsys.recommend.items import ItemTable

FILMS = pd.DataFrame(
    {
        "title": ["Duck Soup", "Alien", None, "It's a Wonderful Life"],
        "year": pd.array([1933, 1979, 1994, None], "Int64"),
        "genres": ["Comedy|War", "Horror, Sci-Fi", "Comedy", None],
        "star rating": [8.0, 8.5, math.nan, 8.6],
        "seen": [True, False, True, False],
    }
)


def columns(table: pd.DataFrame = FILMS) -> ItemColumns:
    return ItemColumns(ItemTable.of(table), id=np.arange(10, 10 + len(table)))


@pytest.mark.parametrize(
    ("condition", "chosen"),
    [
        ("genres has 'comedy'", [0, 2]),
        ("genres has 'Sci-Fi'", [1]),
        ("genres has 'Sci'", []),
        ("genres contains 'sci'", [1]),
        ("genres = 'comedy'", [2]),
        ("genres != 'comedy'", [0, 1]),
        ("genres is missing", [3]),
        ("not genres has 'Comedy'", [1, 3]),
        ("title in ('alien', 'DUCK SOUP', 'x')", [0, 1]),
        ('title contains "it\'s"', [3]),
        ("year < 1980", [0, 1]),
        ("1933 < year <= 1994", [1, 2]),
        ("year != 1979", [0, 2]),
        ("year in (1994, 1995)", [2]),
        ("`star rating` >= 8.5", [1, 3]),
        ("seen = true and year > 1950", [2]),
        ("seen = false or genres has 'War'", [0, 1, 3]),
        ("id >= 12", [2, 3]),
    ],
)
def test_a_condition_chooses(condition: str, chosen: list[int]) -> None:
    assert np.flatnonzero(mask(condition, columns())).tolist() == chosen


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("genre has 'x'", r"no column 'genre' \(did you mean 'genres'\?\); they have title, year"),
        ("year >= 'x'", "year is a number; compare it with one"),
        ("year has 'x'", "year is a number, and has is for texts"),
        ("title > 'x'", "title is a text; use =, !=, in, has or contains"),
        ("title = 3", "title is a text; write the value in quotes"),
        ("genres has 3", "has needs a text in quotes"),
    ],
)
def test_a_column_is_compared_with_what_it_holds(condition: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        mask(condition, columns())


def test_a_text_that_no_item_has_is_named() -> None:
    found = hint("genres has 'Comdy' and year > 3", columns())
    assert found == "no item's genres has 'Comdy' (did you mean 'comedy'?)"
    assert hint("title = 'alien 3'", columns()).startswith("no item's title is 'alien 3'")
    assert hint("genres has 'War' and year > 2100 and title = 'alien'", columns()) == ""


def test_arrow_and_pandas_tables_give_the_same() -> None:
    arrow = ItemTable(len(FILMS), arrow=ItemTable.of(FILMS).arrow)
    for condition in ("genres has 'war'", "year is missing", "seen = true", "`star rating` > 8"):
        expected = mask(condition, ItemColumns(ItemTable.of(FILMS)))
        np.testing.assert_array_equal(mask(condition, ItemColumns(arrow)), expected)


def test_lists_of_values_have_their_parts() -> None:
    table = pd.DataFrame({"tags": [["Dark", "Slow"], ["fast"], None]})
    assert mask("tags has 'slow'", columns(table)).tolist() == [True, False, False]


ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "=": operator.eq, "!=": operator.ne,
}  # fmt: skip
Row = dict[str, Any]
Twin = tuple[str, Callable[[Row], bool]]

numbers = st.sampled_from([1933, 1979, 1994, 2000])
words = st.sampled_from(["Comedy", "war", "Horror", "no"])


def ordered(order: str, value: int) -> Twin:
    return (
        f"year {order} {value}",
        lambda row: row["year"] is not None and ORDERS[order](row["year"], value),
    )


def listed(word: str) -> Twin:
    def has(row: Row) -> bool:
        parts = (row["genres"] or "").lower().replace(",", "|").split("|")
        return word.lower() in [part.strip() for part in parts]

    return f"genres has '{word}'", has


def within(low: int, high: int) -> Twin:
    return (
        f"{low} <= year < {high}",
        lambda row: row["year"] is not None and low <= row["year"] < high,
    )


def joined(parts: list[Twin], word: str) -> Twin:
    texts, tests = zip(*parts, strict=True)
    both = all if word == "and" else any
    return f" {word} ".join(f"({text})" for text in texts), lambda row: both(t(row) for t in tests)


leaves = (
    st.builds(ordered, st.sampled_from(sorted(ORDERS)), numbers)
    | st.builds(listed, words)
    | st.builds(within, numbers, numbers)
)
conditions = st.recursive(
    leaves,
    lambda inner: (
        st.builds(joined, st.lists(inner, min_size=1, max_size=3), st.sampled_from(["and", "or"]))
        | inner.map(lambda twin: (f"not ({twin[0]})", lambda row: not twin[1](row)))
    ),
    max_leaves=6,
)


@given(conditions)
def test_any_condition_equals_a_loop_over_the_rows(twin: Twin) -> None:
    text, test = twin
    rows = [
        {"year": None if pd.isna(y) else int(y), "genres": None if pd.isna(g) else g}
        for y, g in zip(FILMS["year"], FILMS["genres"], strict=True)
    ]
    assert mask(text, columns()).tolist() == [test(row) for row in rows]
