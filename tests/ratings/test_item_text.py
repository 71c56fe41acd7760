"""Text tables of items: quotes, separators and encodings."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.errors import DataError
from recsys.ratings.item_text import read_delimited


def rows_of(text: str, folder: Path) -> list[list[str]]:
    file = folder / "items.csv"
    file.write_bytes(text.encode())
    table = read_delimited(str(file), None, quoted=True)
    return [["" if cell is None else cell for cell in row] for row in table.to_numpy(object)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (['1,"Alpha', "2,Beta", "3,Gamma"], [["1", '"Alpha'], ["2", "Beta"], ["3", "Gamma"]]),
        (['1,"Alpha', "2,Beta", '3,"Gamma'], [["1", '"Alpha'], ["2", "Beta"], ["3", '"Gamma']]),
        (['1,"Alpha', '2,"Beta, too"'], [["1", '"Alpha'], ["2", "Beta, too"]]),
        (['1,"Al', 'pha, one"', "2,Beta"], [["1", "Al\npha, one"], ["2", "Beta"]]),
        (['1,"Al ""the"" pha"', '2,Be"ta'], [["1", 'Al "the" pha'], ["2", 'Be"ta']]),
    ],
)
def test_a_lone_quote_swallows_nothing(
    lines: list[str], expected: list[list[str]], tmp_path: Path
) -> None:
    assert rows_of("\n".join(["id,title", *lines]), tmp_path) == expected


def test_a_lone_quote_in_a_long_file(tmp_path: Path) -> None:
    lines = [f"{n},Film {n}" for n in range(20_000)]
    lines[7] = '7,"Film 7'
    assert len(rows_of("\n".join(["id,title", *lines]), tmp_path)) == 20_000


def test_wrong_lines_and_empty_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 3: 3 fields instead of 2"):
        rows_of("id,title\n1,A\n2,B,C\n", tmp_path)
    with pytest.raises(DataError, match="the file is empty"):
        rows_of("\n\n", tmp_path)


CELLS = st.text(st.sampled_from('ab ",;\n'), min_size=1, max_size=6).map(lambda text: f"x{text}x")


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6))
def test_what_the_csv_module_writes_is_read(
    rows: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("id", "title"), *rows])
    found = rows_of(text.getvalue(), tmp_path_factory.getbasetemp())
    assert found == [list(row) for row in rows]


def test_joined_files_may_each_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    text = "\ufeffid,title\n1,Ice\n\ufeff2,Fire\n"
    assert rows_of(text, tmp_path) == [["1", "Ice"], ["2", "Fire"]]
