"""Numbers in text and the order of entries, against Python and NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recsys.kernels import gather, read_numbers, sort_rows

ROLES = {"user": 0, "item": 1, "rating": 2, "timestamp": 3}

ids = st.integers(-(2**31) + 1, 2**31 - 1).map(str)
ratings = st.one_of(
    st.integers(-9, 9).map(str),
    st.tuples(st.sampled_from(["", "-"]), st.integers(0, 999), st.integers(0, 9999)).map(
        lambda parts: f"{parts[0]}{parts[1]}.{parts[2]:04}"
    ),
)
times = st.one_of(
    st.integers(-(10**17), 10**17).map(str),
    st.integers(0, 10**9).map(lambda n: f"{n}.25"),
)


def read(text: bytes, **more: Any) -> Any:
    options: dict[str, Any] = {"separator": ",", "roles": ROLES, "n_columns": 4} | more
    return read_numbers(np.frombuffer(text, np.uint8), **options)


@given(
    rows=st.lists(st.tuples(ids, ids, ratings, times), max_size=40),
    separator=st.sampled_from([",", "\t", "::", " "]),
    ending=st.sampled_from(["\n", "\r\n"]),
)
@example([("7", "8", "16777.215", "12345678")], ",", "\n")
def test_numbers_are_those_that_python_reads(rows: Any, separator: str, ending: str) -> None:
    rows = [row for row in rows if float(row[2]) * 1e4 < 2**24]
    text = "".join(separator.join(row) + ending for row in rows).encode()
    found = read(text, separator=separator)
    assert found is not None
    for at, (role, kind) in enumerate(
        zip(ROLES, (np.int32, np.int32, np.float32, np.float64), strict=True)
    ):
        number = int if at < 2 else float
        expected = np.array([number(row[at]) for row in rows], kind)
        assert found[role].dtype == kind
        np.testing.assert_array_equal(found[role], expected)


@pytest.mark.parametrize(
    "line",
    [
        "", ",", "1,2,3", "1,2,3,4,5", "1,2,3,", ",2,3,4", "1,,3,4",  # fields
        "01,2,3,4", "-0,2,3,4", "+1,2,3,4", "1.0,2,3,4", "1e3,2,3,4", "0x1,2,3,4", " 1,2,3,4",
        "1 ,2,3,4", "2147483648,2,3,4", "99999999999999999999,2,3,4", "١,2,3,4", "a,2,3,4",
        "1,2,05,4", "1,2,.5,4", "1,2,5.,4", "1,2,1e2,4", "1,2,nan,4", "1,2,16777216,4", "1,2,-,4",
        "1,2,0.12345678901,4", "1,2,3.3.3,4", "1,2,1_0,4", "1,2,3,05", "1,2,3,1234567890123456789",
        "1,2,3,1234567890123.456", "1,2,3,2020-01-01", '"1",2,3,4', "1,2,3,4 ", "1,2,3,4\r\r",
        "1,2\r,3,4", "1,2,3\x00,4", "1;2;3;4",
    ],
)  # fmt: skip
def test_what_is_not_plain_is_refused(line: str) -> None:
    good = b"1,2,3,4\n"
    assert read(good) is not None
    for text in (line.encode() + b"\n", good + line.encode() + b"\n" + good):
        assert read(text) is None


def test_the_end_of_the_text_is_not_passed() -> None:
    """Whatever is cut off, also amid a number, where more digits may follow in memory."""
    line = b"123456789,2,3.5,1234567890\n"
    for end in range(1, len(line)):
        assert read(line[:end]) is None
    assert read(line)["timestamp"].tolist() == [1234567890]
    assert len(read(b"")["user"]) == 0


def test_other_columns_are_passed_over() -> None:
    roles = {"user": 1, "rating": 3}
    found = read(b"a b,7,,2.5\n,8,~!x,3\n", roles=roles)
    assert {name: one.tolist() for name, one in found.items()} == {
        "user": [7, 8],
        "rating": [2.5, 3],
    }
    for odd in (b'a",7,,2\n', b"\xc3\xa9,7,,2\n", b"a\tb,7,,2\n", b"a\x7f,7,,2\n"):
        assert read(odd, roles=roles) is None


def test_there_is_room_where_lines_become_shorter() -> None:
    """Room is estimated from the first lines."""
    text = b"1000000,1000000,1000000,1000000\n" * 1000 + b"1,2,3,4\n" * 5000
    assert len(read(text)["user"]) == 6000


@given(
    pairs=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 70_000)), max_size=300),
    n_threads=st.integers(1, 4),
    narrow=st.sampled_from([2, 300, 70_001]),
)
def test_entries_are_sorted_as_lexsort_sorts_them(
    pairs: list[tuple[int, int]], n_threads: int, narrow: int
) -> None:
    """Rows of up to 300 entries, so that both ways of sorting occur; equal ones stay in order."""
    rows = np.array([row for row, _ in pairs], np.int32)
    columns = np.array([column % narrow for _, column in pairs], np.int32)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=8))]).astype(np.int64)
    order, indices = sort_rows(rows, columns, indptr, n_threads)
    expected = np.lexsort((columns, rows))
    np.testing.assert_array_equal(order, expected)
    np.testing.assert_array_equal(indices, columns[expected])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_gather_takes_what_indexing_takes(kind: Any) -> None:
    rng = np.random.default_rng(0)
    values, order = rng.random(1000).astype(kind), rng.integers(0, 1000, 600_000).astype(np.int32)
    for n_threads in (1, 3):
        found = gather(values, order, n_threads)
        assert found.dtype == kind
        np.testing.assert_array_equal(found, values[order])
