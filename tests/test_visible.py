"""Text from others, made safe to show."""

import json

import pytest
from hostile import OBEYED, SURROGATE, TEXTS
from hypothesis import given
from hypothesis import strategies as st

from recsys.visible import in_json_text, one_line, visible, writable

ANY = st.text(st.characters(exclude_categories=[]))


@pytest.mark.parametrize("text", [*TEXTS, SURROGATE], ids=range(len(TEXTS) + 1))
def test_a_terminal_finds_nothing_to_obey(text: str) -> None:
    assert not OBEYED.search(visible(text))
    assert not OBEYED.search(one_line(text))
    assert "\n" not in one_line(text)
    assert len(one_line(text)) <= 5000


@given(ANY)
def test_text_that_is_printed_on_one_line_stays_so(text: str) -> None:
    once = one_line(text)
    assert one_line(once) == once
    assert visible(once) == once
    once.encode("utf-8")


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S"])))
def test_letters_stay(text: str) -> None:
    assert visible(text) == one_line(text) == writable(text) == text


@given(st.lists(ANY))
def test_json_means_the_same(texts: list[str]) -> None:
    document = in_json_text(json.dumps(texts, ensure_ascii=False))
    assert json.loads(document) == texts
    assert not OBEYED.search(document)


def test_the_middle_of_a_long_line_is_left_out() -> None:
    line = one_line("begin" + "x" * 100_000 + "end", 20)
    assert line == "begin" + "x" * 8 + "…" + "xxx" + "end"
    assert len(line) == 20


def test_halves_of_letters_are_replaced_wherever_they_are() -> None:
    expected = {"\ufffd": ["half of a letter \ufffd", 7, "x"]}
    assert writable({"\ud800": [SURROGATE, 7, "x"]}) == expected
