"""Pivot tables in text files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import recsys
from recsys.errors import DataError

ITEMS = [f"B{n:03}" for n in range(300)]


def write(file: Path, rows: Sequence[Sequence[object]], separator: str = ",") -> Path:
    file.write_text("\n".join(separator.join(map(str, row)) for row in rows) + "\n")
    return file


@pytest.mark.parametrize("separator", [",", "\t", ";"])
@pytest.mark.parametrize("corner", ["", "user", "customer"])
def test_300_columns_are_300_items(separator: str, corner: str, tmp_path: Path) -> None:
    cells: list[list[object]] = [[(u + i) % 5 + 1 for i in range(300)] for u in range(3)]
    cells[1][7] = ""
    rows: list[list[object]] = [[corner, *ITEMS]]
    rows += [[f"u{n}", *row] for n, row in enumerate(cells)]
    ratings = recsys.read_ratings(write(tmp_path / "r.csv", rows, separator))
    assert ratings.users.ids.tolist() == ["u0", "u1", "u2"]
    assert ratings.items.ids.tolist() == ITEMS
    expected = np.array([[0 if x == "" else x for x in row] for row in cells], float)
    assert ratings.matrix.toarray().tolist() == expected.tolist()
    assert ratings.n_ratings == 899
    assert ratings.account is not None
    assert ratings.account.layout == "wide matrix"
    assert "a row per user and a column per item: 3 rows, 300" in ratings.account.remarks[0]


@pytest.mark.parametrize(("empty", "n"), [("", 11), ("NaN", 11), ("0", 10)])
def test_a_zero_is_a_rating_only_where_other_cells_are_empty(
    empty: str, n: int, tmp_path: Path
) -> None:
    row = ["ann", *range(1, 11), 0, empty]
    file = write(tmp_path / "r.csv", [["", *range(12)], row])
    ratings = recsys.read_ratings(file)
    assert ratings.n_ratings == n
    assert ratings.account is not None
    said = "cells that are 0 are read as not rated" in ratings.account.remarks
    assert said == (empty == "0")


def test_rows_are_items_where_the_first_column_says_so(tmp_path: Path) -> None:
    rows = [["movieId", *range(10)], ["7", *[3] * 10], ["8", *[4] * 10]]
    ratings = recsys.read_ratings(write(tmp_path / "r.csv", rows))
    assert ratings.items.ids.tolist() == [7, 8]
    assert ratings.n_users == 10


def test_bad_cells_are_named(tmp_path: Path) -> None:
    rows: list[list[object]] = [["", *ITEMS], *([f"u{n}", *[3] * 300] for n in range(60))]
    rows[58][4] = "x"
    file = write(tmp_path / "r.csv", rows)
    with pytest.raises(DataError, match=r"r\.csv, line 59: 'B003' is 'x', not a finite number"):
        recsys.read_ratings(file)
    rows[58].pop()
    rows[58][4] = 3
    with pytest.raises(DataError, match=r"r\.csv, line 59: 300 fields instead of 301"):
        recsys.read_ratings(write(file, rows))


def test_a_row_or_column_with_ratings_and_without_a_name_is_named(tmp_path: Path) -> None:
    rows: list[list[object]] = [["", *ITEMS[:20]], *([f"u{n}", *[3] * 20] for n in range(9)), [""]]
    rows[-1] += [""] * 20
    assert recsys.read_ratings(write(tmp_path / "r.csv", rows)).n_users == 9  # nothing is in it
    rows[-1][7] = 4
    file = write(tmp_path / "r.csv", rows)
    with pytest.raises(DataError, match=r"r\.csv, line 11: column 1, which names the row"):
        recsys.read_ratings(file)
    rows[0][7] = " "
    file = write(tmp_path / "r.csv", rows[:-1])
    with pytest.raises(DataError, match=r"r\.csv: column 8 has ratings, and no name in the first"):
        recsys.read_ratings(file)


def test_a_table_of_ratings_with_many_columns_is_not_a_matrix(tmp_path: Path) -> None:
    names = ["user", "item", "rating", *"abcdefgh"]
    file = write(tmp_path / "r.csv", [names, [1, 10, 4, *[0] * 8], [2, 10, 3, *[1] * 8]])
    assert recsys.read_ratings(file).n_ratings == 2
    file = write(tmp_path / "r.csv", [["who", *"abcdefghi"], [1, 10, *[0] * 8], [2, 10, *[1] * 8]])
    assert recsys.read_ratings(file, user="who", item="a").n_items == 1  # columns are named


def test_without_a_header_a_matrix_is_read_when_told_so(tmp_path: Path) -> None:
    file = write(tmp_path / "r.csv", [[1, 0, 5, *[2] * 9], [0, 4, 0, *[3] * 9]])
    ratings = recsys.read_ratings(file, layout="wide-matrix")
    assert ratings.users.ids.tolist() == [1, 2]
    assert ratings.items.ids.tolist() == list(range(1, 13))
    assert ratings.matrix.toarray()[:, :3].tolist() == [[1, 0, 5], [0, 4, 0]]


def test_joined_files_may_each_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    rows = [["user", *ITEMS[:10]], ["u0", *range(1, 11)], ["\ufeffu1", *range(1, 11)]]
    file = write(tmp_path / "r.csv", rows)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert recsys.read_ratings(file).users.ids.tolist() == ["u0", "u1"]


def test_columns_that_describe_the_row_are_remarked_on(tmp_path: Path) -> None:
    head = ["user", "age", *ITEMS[:8], "Total"]
    cells: list[list[object]] = [
        [5, "", 3, "", 4, "", "", 1],
        ["", 4, "", 2, "", 5, 3, ""],
        [1, "", "", 5, 2, 1, 2, 4],
    ]
    rows = [[n, 30 + n, *own, 10 * n + 9] for n, own in enumerate(cells)]
    account = recsys.read_ratings(write(tmp_path / "r.csv", [head, *rows])).account
    assert account is not None
    assert any(one.startswith("'age', 'Total': every row has a value") for one in account.remarks)
    rows = [[n, 1 + n, *own, 2] for n, own in enumerate(cells)]
    account = recsys.read_ratings(write(tmp_path / "r.csv", [head, *rows])).account
    assert account is not None
    assert not any("every row" in one for one in account.remarks)


def test_decimal_commas(tmp_path: Path) -> None:
    rows: list[list[object]] = [["user", *ITEMS[:10]]]
    rows += [["ann", "3,5", *[""] * 8, 4], ["bob", "", "2,5", *[""] * 7, 1], ["cy", 4, *[""] * 9]]
    ratings = recsys.read_ratings(write(tmp_path / "r.csv", rows, ";"))
    assert ratings.users.ids.tolist() == ["ann", "bob", "cy"]
    assert ratings.matrix.toarray().tolist() == [[3.5, 0, 4], [0, 2.5, 1], [4, 0, 0]]
    with pytest.raises(DataError, match="'3,5', not a finite number"):
        recsys.read_ratings(tmp_path / "r.csv", decimal=".", layout="wide-matrix")


def test_r_names_no_column_for_the_names_of_rows(tmp_path: Path) -> None:
    rows: list[list[object]] = [[*ITEMS[:9]]]
    rows += [["ann", 3, *[""] * 7, 4], ["bob", "", 2, *[""] * 6, 1], ["cy", 4, *[""] * 8]]
    ratings = recsys.read_ratings(write(tmp_path / "r.csv", rows))
    assert ratings.users.ids.tolist() == ["ann", "bob", "cy"]
    assert ratings.items.ids.tolist() == [ITEMS[0], ITEMS[1], ITEMS[8]]
    assert ratings.matrix.toarray().tolist() == [[3, 0, 4], [0, 2, 1], [4, 0, 0]]


EVENTS = (
    "userID,bookmarkID,tagID,day,month,year,hour,minute,second",
    "user,view,cart,fav,buy,share,refund,coupon,gift",
)


@pytest.mark.parametrize("header", EVENTS)
def test_a_log_of_events_is_no_matrix(header: str, tmp_path: Path) -> None:
    rows = "8,1,1,8,11,1,2,2,2\n8,2,1,8,11,1,2,2,2\n9,1,2,8,11,1,2,2,2\n"
    (tmp_path / "r.csv").write_text(f"{header}\n{rows}")
    with pytest.raises(DataError, match="no item column among"):
        recsys.read_ratings(tmp_path / "r.csv")
