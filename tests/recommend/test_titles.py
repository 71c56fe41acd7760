"""Items are found by title, as people write it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recsys
from recsys.errors import UnknownIdError
from recsys.recommend.titles import TitleIndex

TITLES = [
    "Toy Story (1995)", "King Kong (1933)", "King Kong (1976)", "Matrix, The (1999)",
    "Amélie (Fabuleux destin d'Amélie Poulain, Le) (2001)", "Star Wars: Episode IV (1977)",
    "Seven (a.k.a. Se7en) (1995)", "1984 (1984)",
]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "row"),
    [
        ("Toy Story (1995)", 0),
        ("toy story", 0),
        ("king kong (1976)", 2),
        ("The Matrix", 3),
        ("Matrix", 3),
        ("matrix, the", 3),
        ("Amelie", 4),
        ("Le fabuleux destin d'Amelie Poulain", 4),
        ("se7en", 6),
        ("1984", 7),
    ],
)
def test_titles_are_found_as_people_write_them(asked: str, row: int) -> None:
    index = recsys.ids.IdIndex(np.arange(10, 18))
    assert TitleIndex(index, pd.Series(TITLES)).row(asked) == row


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("King Kong", r"may be 'King Kong \(1933\)' \(id 11\) or 'King Kong \(1976\)' \(id 12\)"),
        ("Toy Stroy", r"no item is called 'Toy Stroy'; did you mean 'Toy Story \(1995\)'"),
        ("Star Wars", r"did you mean 'Star Wars: Episode IV \(1977\)' \(id 15\)"),
        ("qqq", "titles look like 'Toy Story"),
    ],
)
def test_other_titles_get_suggestions(asked: str, message: str) -> None:
    index = recsys.ids.IdIndex(np.arange(10, 18))
    with pytest.raises(UnknownIdError, match=message):
        TitleIndex(index, pd.Series(TITLES)).row(asked)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[A-Z][a-z]{3,9} [a-z]{1,9}", fullmatch=True), st.integers(1900, 2029)
        ),
        min_size=1,
        max_size=12,
        unique_by=lambda film: film[0].casefold(),
    ),
    st.data(),
)
def test_every_title_is_found_in_any_case_with_or_without_its_year(
    films: list[tuple[str, int]], data: st.DataObject
) -> None:
    index = recsys.ids.IdIndex(np.arange(len(films)))
    titles = TitleIndex(index, [f"{name}, The ({year})" for name, year in films])
    row = data.draw(st.integers(0, len(films) - 1))
    name, year = films[row]
    for asked in (
        f"{name}, The ({year})", f"The {name} ({year})", f"the {name}".upper(), name.lower(),
        f"{name} ({year})",
    ):  # fmt: skip
        assert titles.row(asked) == row


def test_without_titles_nothing_is_found() -> None:
    with pytest.raises(UnknownIdError, match="there are no titles"):
        TitleIndex(recsys.ids.IdIndex([1, 2], "item"), None).row("Toy Story")
