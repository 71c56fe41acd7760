"""Tables, pairs and JSON as the commands print them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from recsys.app.answer import Answer, rows_of
from recsys.cli.output import (
    columns_of,
    number,
    print_answer,
    print_json,
    print_pairs,
    print_paragraph,
    print_table,
)
from recsys.errors import ArgumentError
from recsys.recommend.answer import Table
from recsys.recommend.items import ItemTable

CAPSYS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TITLES = st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd", "Zs", "Po"]), max_size=60)


@pytest.fixture(autouse=True)
def _width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")


@given(st.lists(st.tuples(TITLES, TITLES), min_size=1, max_size=5))
@CAPSYS
def test_a_table_is_never_wider_than_the_terminal(
    capsys: pytest.CaptureFixture[str], rows: list[tuple[str, str]]
) -> None:
    titles, genres = zip(*rows, strict=True)
    ranks = list(range(1, len(rows) + 1))
    print_table({"rank": ranks, "score": [0.5] * len(rows), "title": titles, "genres": genres})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(rows) + 3  # header, rule, rows, blank: no row wraps
    assert max(map(cell_len, lines)) <= 60
    assert all(line.startswith(f"{rank:4d}  0.5000") for rank, line in enumerate(lines[2:-1], 1))


def test_a_table_aligns_numbers_and_wide_characters(capsys: pytest.CaptureFixture[str]) -> None:
    table: dict[str, list[Any]] = {
        "rank": [1, 22],
        "title": ["千と千尋の神隠し", "Alien"],
        "year": [2001.0, float("nan")],
        "p": [0.00001, 0.25],
    }
    print_table(table, "A title")
    assert capsys.readouterr().out.splitlines() == [
        "A title",
        "rank  title             year       p",
        "────  ────────────────  ────  ──────",
        "   1  千と千尋の神隠し  2001  <0.001",
        "  22  Alien                   0.2500",
        "",
    ]


def test_genres_give_way_before_titles(capsys: pytest.CaptureFixture[str]) -> None:
    title, genres = "A title of thirty-one characters", "Action|Adventure|Comedy"
    print_table({"rank": [1], "title": [title], "genres": [genres]})
    line = capsys.readouterr().out.splitlines()[2]
    assert title in line
    assert line.endswith("Action, Adventure, …")


def test_other_texts_give_way_before_titles(capsys: pytest.CaptureFixture[str]) -> None:
    words = "many words about it " * 4
    title = "A title of 23 letters.."
    print_table({"rank": [1], "plot": [words], "title": [title], "item": ["i" * 15]})
    row = capsys.readouterr().out.splitlines()[2]
    assert row == f"   1  {words[:11]}…  {title}  {'i' * 15}"
    assert len(row) == 60


WIDE_ITEMS = ["千と千尋の神隠しの長い長い題名", "The Shadow of the Wind (2001)", "Ran (1985)"]


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
@pytest.mark.parametrize("show", [[], ["url"], ["url", "authors", "isbn", "c7"]])
def test_titles_come_first_at_any_width(
    columns: int,
    show: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    items = pd.DataFrame({
        "isbn": [9780439023401] * 3, "url": ["https://books.example.org/show/12345678"] * 3,
        "authors": ["An Author, Another Author, A Third"] * 3, "title": WIDE_ITEMS,
        "year": [2001, 2001, 1985], "genres": ["Drama|Mystery|Romance|Fantasy|History"] * 3,
        **{f"c{n}": [n] * 3 for n in range(17)},
    })  # fmt: skip
    answer = {"rank": np.arange(1, 4), "item": np.array([7, 8, 9]), "score": np.full(3, 0.5)}
    print_answer(Answer("For user 1", {}, Table(answer, ItemTable.of(items), np.arange(3))), show)
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert max(map(cell_len, (*lines, *err.splitlines()))) <= columns
    heads = [name for name in lines[1].split() if name not in show]
    assert heads == ["rank", "item", "score", "title", "year", "genres"][: len(heads)]
    assert len(heads) == 6 or columns == 40
    # A title is cut only where the table fills the line, and never to less than 15 letters.
    for title, line in zip(WIDE_ITEMS, lines[3:], strict=False):
        assert title in line or (title[:7] in line and cell_len(lines[2]) >= columns - 2)
    named = [name for name in show if name not in lines[1].split()]
    assert all(name in err for name in named)


def test_whole_scores_have_no_decimals(capsys: pytest.CaptureFixture[str]) -> None:
    print_table({"item": [1, 2, 3], "score": [583.0, float("nan"), None]})
    assert capsys.readouterr().out.splitlines()[2] == "   1    583"
    print_table({"item": [1, 2], "score": [583.0, 0.5]})
    assert capsys.readouterr().out.splitlines()[2] == "   1  583.00"


def test_decimals_of_columns_and_of_rows(capsys: pytest.CaptureFixture[str]) -> None:
    table: dict[str, list[Any]] = {
        "model": ["a", "b"],
        "ndcg@10": [0.31567, 0.2],
        "difference": [0.01, 1234.5],
    }
    print_table(table, decimals={"ndcg@10": 3, "difference": [3, 0]})
    assert [line.split()[1:] for line in capsys.readouterr().out.splitlines()[2:4]] == [
        ["0.316", "0.010"], ["0.200", "1,234"],
    ]  # fmt: skip


def test_pairs_are_wrapped_under_their_values(capsys: pytest.CaptureFixture[str]) -> None:
    print_pairs({"a": "word " * 15, "longer": "[not] :markup:"})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("a       word word")
    assert lines[1].startswith("        word")
    assert lines[2] == "longer  [not] :markup:"
    print_pairs({"fingerprint": "0123456789" * 8})
    assert capsys.readouterr().out == "fingerprint  " + "0123456789" * 8 + "\n"


def test_paragraphs_are_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    print_paragraph("word " * 20, indent=2)
    first, second = capsys.readouterr().out.splitlines()
    assert len(first) <= 60
    assert second.startswith("  word")


def test_json_takes_numpy(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"n": np.int64(3), "row": np.array([1.5, 2.5]), "title": "Amélie"})
    assert json.loads(capsys.readouterr().out) == {"n": 3, "row": [1.5, 2.5], "title": "Amélie"}


def test_numbers_as_people_write_them() -> None:
    assert (number(1_000_209), number(3.58156)) == ("1,000,209", "3.582")


def test_long_ids_are_wrapped_and_last_columns_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    columns = {f"n{n:09}": [n] for n in range(8)}
    print_table({"rank": [1], "item": ["i" * 70], **columns})
    out, err = capsys.readouterr()
    assert max(map(cell_len, out.splitlines())) <= 60
    assert out.count("i") == 70 + 1  # with that of the heading
    assert "n000000002" in out
    assert "n000000007" not in out
    assert "too narrow for" in err
    assert "n000000007; --json" in " ".join(err.split())


def a_wide_answer() -> Answer:
    items = pd.DataFrame({
        "isbn": [9780439023401], "url": ["https://books.example.org/show/1"],
        "genres": ["Drama"], "title": ["A Rather Long Book Title"],
        **{f"c{n}": [n] for n in range(20)},
    })  # fmt: skip
    answer = {"rank": np.array([1]), "item": np.array([2**60]), "score": np.array([0.5])}
    return Answer("For user 1", {}, Table(answer, ItemTable.of(items), np.array([0])))


def test_an_answer_shows_titles_and_what_was_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    answer = a_wide_answer()
    assert list(columns_of(answer.table)) == ["rank", "item", "score", "title", "genres"]
    assert list(columns_of(answer.table, ["url", "title"]))[-1] == "url"
    print_answer(answer, ["isbn"])
    out, err = capsys.readouterr()
    assert "9780439023401" in out
    assert "https" not in out
    assert err.startswith("other columns (--show NAME): url, c0, c1")
    assert "and 13 more" in " ".join(err.split())
    with pytest.raises(ArgumentError, match="show must be one of rank, .*did you mean 'url'"):
        print_answer(answer, ["urls"])


def test_ids_beyond_2_to_the_53_are_text_in_json() -> None:
    row = a_wide_answer().to_dict()["rows"][0]
    assert row["item"] == str(2**60)
    assert row["isbn"] == 9780439023401
    table = pd.DataFrame({"user": [2**53 + 1, 7]})
    assert [one["user"] for one in rows_of(table)] == [str(2**53 + 1), 7]


def test_large_scores_have_two_decimals(capsys: pytest.CaptureFixture[str]) -> None:
    print_table({"rank": [1, 2], "score": [97.5, 9.25]})
    assert [line.split() for line in capsys.readouterr().out.splitlines()[2:4]] == [
        ["1", "97.50"],
        ["2", "9.25"],
    ]


def test_wide_characters_keep_columns_aligned(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    titles = ["千と千尋の神隠し・もののけ姫・となりのトトロ", "Plain"]
    print_table({"title": titles, "score": [0.5, 0.25]})
    lines = capsys.readouterr().out.splitlines()[2:4]
    assert [line.split()[-1] for line in lines] == ["0.5000", "0.2500"]
    assert "…" in lines[0]
    assert len({cell_len(line) for line in lines}) == 1
    assert cell_len(lines[0]) <= 40
