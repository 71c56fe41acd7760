"""Conditions are read as written, or refused at the character that is wrong."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import ArgumentError
from recsys.recommend.filters.language import (
    MOST_CHARACTERS,
    MOST_NESTED,
    Both,
    Comparison,
    Either,
    Not,
    parse,
)


def _bare(condition: object) -> object:
    # Without the places in the text.
    if isinstance(condition, Comparison):
        return condition.column, condition.how, condition.values
    if isinstance(condition, Not):
        return "not", _bare(condition.part)
    assert isinstance(condition, Both | Either)
    return type(condition).__name__, *map(_bare, condition.parts)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("year >= 1990", ("year", ">=", (1990.0,))),
        ("1990 <= year", ("year", ">=", (1990.0,))),
        ("year == 1990", ("year", "=", (1990.0,))),
        ("genres has 'Comedy'", ("genres", "has", ("Comedy",))),
        ('title contains "it\'s"', ("title", "contains", ("it's",))),
        ("`item rating` < -1.5e1", ("item rating", "<", (-15.0,))),
        ("year in (1994, 1995)", ("year", "in", (1994.0, 1995.0))),
        ("year is not missing", ("not", ("year", "missing", ()))),
        ("title not contains 'x'", ("not", ("title", "contains", ("x",)))),
        ("hot = true", ("hot", "=", (True,))),
        ("1990 <= year < 2000", ("Both", ("year", ">=", (1990.0,)), ("year", "<", (2000.0,)))),
        # and binds more closely than or, not more closely than and
        (
            "a = 1 or not b = 2 and c = 3",
            (
                "Either",
                ("a", "=", (1.0,)),
                ("Both", ("not", ("b", "=", (2.0,))), ("c", "=", (3.0,))),
            ),
        ),
        (
            "(a = 1 OR b = 2) AND c = 3",
            ("Both", ("Either", ("a", "=", (1.0,)), ("b", "=", (2.0,))), ("c", "=", (3.0,))),
        ),
        ("année > 3 and `and` = 1", ("Both", ("année", ">", (3.0,)), ("and", "=", (1.0,)))),
    ],
)
def test_conditions_are_read_as_written(text: str, tree: object) -> None:
    assert _bare(parse(text)) == tree


@pytest.mark.parametrize(
    ("text", "message", "character"),
    [
        ("", "the condition is empty", 1),
        ("year >", "expected a number or a text in quotes, not the end", 7),
        ("(year > 1990", 'expected ")", not the end', 13),
        ("year > 1990 and", "expected the name of a column", 16),
        ("title = Foo", "a text needs quotes: 'Foo'", 9),
        ("year > 1990 year", "expected and, or, or the end, not 'year'", 13),
        ("1 < 2", "expected the name of a column, with which", 5),
        ("year ! 3", "'!' has no meaning", 6),
        ("title = 'it", "a quote is not closed", 9),
        ("year in 1994", 'expected "(" and a list', 9),
        ("year in (1994 1995)", 'expected "," or ")", not \'1995\'', 15),
        ("year is 3", "expected missing, not '3'", 9),
        ("__import__('os')", "expected <, <=, >, >=, =, !=, has", 11),
        ("year > 1; drop table", "';' has no meaning", 9),
        ("19x < year", "'1' has no meaning", 1),
        ("(" * 1000 + "a = 1", f"at most {MOST_NESTED} levels", MOST_NESTED + 1),
        ("not " * 200 + "a = 1", f"at most {MOST_NESTED} levels", 4 * MOST_NESTED + 1),
    ],
)
def test_an_error_points_at_the_character(text: str, message: str, character: int) -> None:
    with pytest.raises(ArgumentError, match=re.escape(message)) as error:
        parse(text)
    assert f"(character {character}, at " in str(error.value)
    assert "\n" not in str(error.value)


def test_long_words_are_quoted_in_part() -> None:
    for text in (f"year {'x' * 1500}", f"year > 1 {'x' * 1500}", f"title = {'x' * 1500}"):
        with pytest.raises(ArgumentError) as error:
            parse(text)
        assert len(str(error.value)) < 400


def test_a_condition_has_a_largest_size() -> None:
    with pytest.raises(ArgumentError, match=f"at most {MOST_CHARACTERS} characters"):
        parse("a = 1 or " * 1000 + "a = 1")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text)
    except ArgumentError:
        return
