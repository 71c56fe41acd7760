"""Files of plain numbers: the compiled reader and the others say the same of every file."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import recsys
from recsys.errors import DataError
from recsys.ratings import text_files, text_numbers
from recsys.ratings.source import Source
from recsys.ratings.text_columns import exactly
from recsys.ratings.text_format import sniff
from recsys.ratings.text_numbers import plain_columns

ROWS = "1,20,4.5,881250949\n2,30,3,881250950\n1,30,-1,881250951.5\n"


def plain(file: Path) -> Any:
    return plain_columns(str(file), sniff(str(file), Source(str(file))))


@pytest.mark.parametrize(
    "text",
    [
        ROWS,
        "userId,movieId,rating,timestamp\n" + ROWS,
        '"user","item","rating","timestamp"\n' + ROWS,
        "user,item,rating,timestamp\r\n" + ROWS.replace("\n", "\r\n"),
        "user,item,rating,timestamp,note\n" + ROWS.replace("\n", ",fine as it is\n"),
        ROWS.replace(",", "::"),
        ROWS.replace(",", "\t"),
        ROWS.replace(",", "\t\t"),
        ROWS.removesuffix("\n"),
        "\n".join(",".join(row.split(",")[:2]) for row in ROWS.splitlines()),
    ],
)
@pytest.mark.parametrize("block", [35, 64, 1 << 22])
def test_plain_files_are_read_as_the_exact_reader_reads_them(
    text: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In blocks that end within a line, and where a line is longer than a block."""
    monkeypatch.setattr(text_numbers, "_BLOCK", block)
    file = tmp_path / "ratings.csv"
    file.write_bytes(text.encode())
    found = plain(file)
    text_format = sniff(str(file), Source(str(file)))
    expected = exactly(str(file), text_format)[0]
    assert found.keys() == expected.keys()
    for role, column in found.items():
        if role in ("user", "item"):
            assert [str(one) for one in column.to_pylist()] == expected[role].to_pylist()
        else:
            np.testing.assert_array_equal(column, np.array(expected[role], np.float64))


@pytest.mark.parametrize("n_rows", [1, 7, 1 << 22])
def test_columns_may_grow_beyond_what_was_expected(
    n_rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of compressed files it is not known how many rows they have, and lines may become shorter."""
    monkeypatch.setattr(text_numbers, "_BLOCK", 200)
    monkeypatch.setattr(text_numbers, "_ROWS", n_rows)
    lines = [f"{i},{10**8 // i},{i % 5 + 0.5},{10**9 + i}" for i in range(1, 3001)]
    for text in (lines, lines[::-1]):
        whole = "".join(f"{line}\n" for line in text).encode()
        for name, content in ("ratings.csv", whole), ("ratings.csv.gz", gzip.compress(whole)):
            (tmp_path / name).write_bytes(content)
            found = plain(tmp_path / name)
            numbers = zip(
                *(column.tolist() for column in map(np.asarray, found.values())), strict=True
            )
            assert [f"{u:.0f},{i:.0f},{r},{t:.0f}" for u, i, r, t in numbers] == text


@pytest.mark.parametrize(
    "text",
    [
        "1,20,4.5,5\n\n2,30,3,5\n",
        "007,20,4.5,5\n2,30,3,5\n",
        "a,20,4.5,5\n2,30,3,5\n",
        "1,20,4.5,2020-01-01\n2,30,3,2020-01-02\n",
        "user,item\r1,2\n3,4\n",  # a carriage return ends a line, too
        'user,"it\nem"\n1,2\n3,4\n',
        "user,item,naïve\n1,2,3\n3,4,5\n",
        "\ufeff1,20,4.5,5\n2,30,3,5\n",
        "1;20;4,5\n2;30;3,5\n",
        ROWS + '1,"40",3,881250949\n',
    ],
)
def test_others_are_left_to_the_others(text: str, tmp_path: Path) -> None:
    file = tmp_path / "ratings.csv"
    file.write_bytes(text.encode())
    assert plain(file) is None


def told(file: Path) -> Any:
    try:
        found = recsys.read_ratings(file)
    except DataError as error:
        return str(error)
    return found.fingerprint, found.account, list(found.users.ids), found.users.ids.dtype.kind


LINES = [
    "1,20,4.5,881250949", "2,30,3,881250950", "3,20,5,881250951", "12345678,7,0.5,12345678",
    "1,20,4.5,881250949.5", "01,20,4,881250949", "-3,20,-1,0", "1,20,4.50,881250949 ", "1,20,4",
    "1,20,4,5,6", "", "a,20,4,881250949", '"1",20,4,881250949', "9999999999,20,4,881250949",
    "1,20,1e2,881250949", "1,20,100000000.5,881250949", "1,20,0.1234567890123,881250949",
    "1,20,16777217,881250949", "1,20,4.5,2020-01-01", "1,20,é,881250949", "-0,20,4,881250949",
]  # fmt: skip


@given(
    lines=st.lists(st.sampled_from(LINES[:4] * 6 + LINES), min_size=1, max_size=30),
    header=st.booleans(),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
def test_what_a_file_says_does_not_depend_on_who_reads_it(
    lines: list[str], header: bool, ending: str, tmp_path: Path
) -> None:
    file = tmp_path / "ratings.csv"
    top = ["user,item,rating,timestamp"] if header else []
    file.write_bytes(ending.join([*top, *lines]).encode())
    by_all = told(file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_files, "plain_columns", lambda file, text_format: None)
        assert told(file) == by_all
