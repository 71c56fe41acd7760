"""JSON in lists and documents, and dictionaries as Python prints them."""

import json
from pathlib import Path
from typing import Any

import pytest

import recsys
from recsys.errors import DataError
from recsys.ratings.json_objects import objects

ROWS = [
    {"user": "A1", "item": "it's [2]", "rating": 3, "note": 'say "}"'},
    {"user": "A2", "item": "é\\d", "rating": 4.5, "note": None},
    {"user": "A3", "item": "x", "rating": 5, "note": {"a": [1, {}]}},
]


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "r.json"
    file.write_text(text, "utf-8")
    return file


def remarks(file: Path) -> tuple[str, ...]:
    account = recsys.read_ratings(file).account
    assert account is not None
    return account.remarks


@pytest.mark.parametrize("indent", [None, 0, 2, 4])
@pytest.mark.parametrize("before", ["", "\ufeff", "\n \n"])
def test_lists_and_documents_have_their_objects_and_lines(
    before: str, indent: int | None, tmp_path: Path
) -> None:
    for made in (ROWS, {"ratings": ROWS}, {"n": 3, "page": {"of": [1]}, "data": ROWS, "end": []}):
        text = before + json.dumps(made, indent=indent)
        found = list(objects(str(written(tmp_path, text))))
        assert [row for _, row in found] == ROWS
        user_lines = [n for n, line in enumerate(text.split("\n"), 1) if '"user"' in line]
        expected = [1 + before.count("\n")] * 3 if indent is None else [n - 1 for n in user_lines]
        assert [line for line, _ in found] == expected


def test_a_document_is_said(tmp_path: Path) -> None:
    file = written(tmp_path, json.dumps({"ratings": ROWS, "next": "?page=2", "total": 9}))
    assert remarks(file) == ("read the list at 'ratings', not what is at 'next', 'total'",)
    assert remarks(written(tmp_path, json.dumps({"ratings": ROWS}))) == (
        "read the list at 'ratings'",
    )


@pytest.mark.parametrize(
    "row",
    [ROWS[2], {"who": 1, "user": 2, "item": 3, "tags": [{"a": 1}]}, {"user": 1, "item": 2}],
)
def test_a_single_row_is_no_document(row: dict[str, Any], tmp_path: Path) -> None:
    for indent in (None, 2):
        if indent is None or not isinstance(row.get("tags"), list):
            (found,) = objects(str(written(tmp_path, json.dumps(row, indent=indent))))
            assert found[1] == row


WRONG = {
    "two lists": ({"a": ROWS, "b": ROWS}, "lists of objects at 'a', 'b'; keep one of them"),
    "columns": ({"user": {"0": 1}, "item": {"0": 2}}, "columns instead of rows, as pandas"),
    "lists by column": ({"user": [1, 2], "item": [2, 3]}, "columns instead of rows, as pandas"),
    "lists of cells": ([[1, 2], [2, 3]], "line 1: not a JSON object on one line .list instead"),
}


@pytest.mark.parametrize("case", WRONG)
def test_other_documents_are_refused_with_a_remedy(case: str, tmp_path: Path) -> None:
    made, said = WRONG[case]
    for indent in (None, 1):
        text = json.dumps(made, indent=indent)
        with pytest.raises(DataError, match=said if indent is None else said.split(":")[-1]):
            list(objects(str(written(tmp_path, text))))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{\n "user": 1\n}\n{\n "user": 2\n}\n', "line 4: .*Extra data.*; write each object"),
        ('[\n{"user": 1},\n]', "line 3: .*Expecting value"),
        ('[\n{"user": 1}\n{"user": 2}]', "line 3: .*Expecting ',' delimiter"),
        ('[{"user": 1}]\n\n[]', "line 3: .*Extra data"),
        ('[\n{"user": 1},\n7]', "line 3: .*int instead of an object"),
        ('[{"user": 1}', "line 1: .*Expecting"), ("[", "line 1: .*Expecting"),
        ('{"a": [{"user": 1}]', "line 1: .*Expecting"), ('{\n"a": [\n', "line 3: .*Expecting"),
        ("{'user': 1}\n{'user': {2, 3}}\n", "line 2: .*no dictionary of plain values"),
        ("{'user': 1}\n{'user': b'x'}\n", "line 2: .*no dictionary of plain values"),
        ("{'user': 1}\n{'user': open('x')}\n", "line 2: .*no dictionary of plain values"),
        ("{'user': 1}\n{'user': 2\n", "line 2: .*no dictionary of plain values"),
        ("{'user': " + "(" * 5000 + "\n", "line 1: .*no dictionary of plain values"),
        ('{"user": 1}\n{\'user\': 2}\n', "line 2: .*Expecting property name"),
    ],
)  # fmt: skip
def test_bad_json_is_named(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=said):
        list(objects(str(written(tmp_path, text))))


@pytest.mark.parametrize("unicode_sign", ["", "u"])
def test_dictionaries_of_python_are_read_as_json(unicode_sign: str, tmp_path: Path) -> None:
    def printed(row: dict[str, Any]) -> str:
        cells = (f"{unicode_sign}{key!r}: {value!r}" for key, value in row.items())
        return "{" + ", ".join(cells) + "}\n"

    file = written(tmp_path, "".join(map(printed, ROWS)))
    assert list(objects(str(file))) == [(n, row) for n, row in enumerate(ROWS, 1)]
    assert remarks(file) == ("lines are dictionaries as Python prints them",)
    assert recsys.read_ratings(file).items.ids.tolist() == sorted(str(r["item"]) for r in ROWS)


def test_lists_in_the_rows_are_said(tmp_path: Path) -> None:
    rows = [{"user_id": one, "reviews": [{"item_id": 1, "rating": 3}]} for one in "ab"]
    file = written(tmp_path, "".join(json.dumps(row) + "\n" for row in rows))
    said = "no item column among .*; if the rows are in the lists at 'reviews', write each"
    with pytest.raises(DataError, match=said):
        recsys.read_ratings(file)
