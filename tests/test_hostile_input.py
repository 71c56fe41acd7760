"""Hostile text that is read or compared: time is linear, and what is refused is named."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from recsys.app.recipe import Recipe, read_recipe
from recsys.cli.output import print_pairs, print_paragraph, print_table
from recsys.errors import ArgumentError, RecsysError
from recsys.evaluation.report import charts
from recsys.ids import IdIndex
from recsys.notebook import table
from recsys.provenance import without_passwords
from recsys.ratings.item_tables import normalized, split_genres, with_years
from recsys.ratings.item_text import read_delimited
from recsys.recommend.filters.columns import Column
from recsys.recommend.filters.language import parse
from recsys.recommend.titles import TitleIndex
from recsys.settings import near
from recsys.visible import one_line, visible

N = 20_000

FORMS: dict[str, Callable[[int], str]] = {
    "blanks": lambda n: f"a{' ' * n}b",
    "open": lambda n: "(" * n,
    "pairs": lambda n: "(a)" * (n // 3),
    "years": lambda n: "(1999) x" * (n // 8),
    "a year and blanks": lambda n: f"(1999){' ' * n}x",
    "many names and a long year": lambda n: f"{'(x)' * (n // 6)}(1999{'y' * (n // 2)})",
    "a word": lambda n: "a" * n,
    "digits": lambda n: "1" * n,
    "articles": lambda n: ", the" * (n // 5),
    "bars": lambda n: "|" * n,
    "blanks and bars": lambda n: f"{' ' * n}|{' ' * n}x",
    "accents": lambda n: "e\u0301" * (n // 2),
    "escapes": lambda n: "\x1b" * n,
    "quotes": lambda n: '"' * n,
    "addresses": lambda n: f"@{'a://b:' * (n // 6)}",
    "secrets": lambda n: f"?{'pass' * (n // 4)}",
}

STORY = TitleIndex(IdIndex([1, 2]), ["Toy Story (1995)", "x" * 5000])
IDS = IdIndex(["one", "x" * 5000])

DOORS: dict[str, Callable[[str], Any]] = {
    "titles": lambda text: TitleIndex(IdIndex([1]), [text]),
    "a title that is asked for": STORY.row,
    "words that are searched": lambda text: STORY.search(text, 5),
    "titles that are searched": lambda text: TitleIndex(IdIndex([1]), [text]).search("story", 5),
    "titles that are compared": lambda text: TitleIndex(IdIndex([1]), [text]).row("story"),
    "an unknown id": lambda text: IDS.row(text),
    "values in a column": lambda text: Column.of([text]).parts,
    "genres": lambda text: split_genres([text]),
    "years": lambda text: with_years(pd.DataFrame({"title": [text]})),
    "names of columns": lambda text: normalized(pd.DataFrame({"item_id": [1], text: [2]})),
    "a condition": parse,
    "an address": without_passwords,
    "a misspelt name": lambda text: near(text, ["title", "x" * 5000, text[:-1]]),
    "a line": one_line,
    "lines": visible,
    "a table": lambda text: print_table({"item": [text], "title": [text], text: [1]}),
    "pairs": lambda text: print_pairs({text: text}),
    "a paragraph": print_paragraph,
    "a chart": lambda text: charts.legend([(text, 1)]),
    "a notebook": lambda text: table({text: [text]}),
}


def seconds(door: Callable[[Any], Any], given: Any) -> float:
    best = float("inf")
    for _ in range(2):
        began = time.perf_counter()
        with suppress(RecsysError):
            door(given)
        best = min(best, time.perf_counter() - began)
    return best


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("door", DOORS)
def test_time_is_linear(door: str, form: str) -> None:
    short, long = FORMS[form](N), FORMS[form](4 * N)

    def ratio() -> float:
        # What takes less than the floor is too short to tell.
        return seconds(DOORS[door], long) / max(0.02, seconds(DOORS[door], short))

    # Quadratic is 16 times as long, each time; a busy machine is not.
    assert any(ratio() < 8 for _ in range(4))


def test_a_file_of_records_of_two_lines_takes_linear_time(tmp_path: Path) -> None:
    for n in (5_000, 20_000):
        rows = "".join(f'{i},"a\nb"\n' for i in range(n))
        (tmp_path / f"{n}.csv").write_text(f"item_id,title\n{rows}")

    def took(n: int) -> float:
        file = str(tmp_path / f"{n}.csv")
        return seconds(lambda name: read_delimited(name, None, quoted=True), file)

    assert any(took(20_000) < 8 * max(took(5_000), 0.05) for _ in range(4))


@pytest.mark.parametrize("text", ["(" * 10_000, "not " * 10_000, "(" * 3000, "not " * 900])
def test_a_deep_condition_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ArgumentError, match="at most"):
        parse(f"{text}year > 1")


def test_a_field_longer_than_the_csv_module_takes_is_read(tmp_path: Path) -> None:
    file = tmp_path / "movies.csv"
    file.write_text(f'movieId,title\n1,"{"x" * 200_000}"\n')
    code = (
        "import sys; from recsys.ratings.item_text import read_delimited; "
        "print(read_delimited(sys.argv[1], None, quoted=True).iloc[0, 1].count('x'))"
    )
    done = subprocess.run(  # in a process of its own: the limit of the module is global
        [sys.executable, "-P", "-c", code, str(file)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "200000\n"


@pytest.mark.parametrize("text", [f"n = {'[' * 20_000}", f"n = {'1' * 5000}", "n = '\udcff'"])
def test_a_recipe_that_is_no_toml_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ArgumentError, match="not TOML"):
        read_recipe(file, Recipe)
