"""Lines of a user and their items."""

import gzip
from pathlib import Path

import pytest

import recsys
from recsys.errors import DataError

TEXT = "0 20 21\n1 22\n2 20 21 25 26 \n3\n4 25\n"


@pytest.mark.parametrize("name", ["train.txt", "train.txt.gz", "lists.csv"])
def test_each_item_of_a_line_is_a_pair(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(gzip.compress(TEXT.encode()) if name.endswith(".gz") else TEXT.encode())
    ratings = recsys.read_ratings(file)
    assert ratings.users.ids.tolist() == [0, 1, 2, 4]
    assert ratings.items.ids.tolist() == [20, 21, 22, 25, 26]
    assert ratings.matrix.toarray().tolist() == [
        [1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [1, 1, 0, 1, 1], [0, 0, 0, 1, 0]
    ]  # fmt: skip
    assert not ratings.has_values
    assert ratings.account is not None
    assert ratings.account.layout == "item lists"
    assert "read as a user and their items on each line" in ratings.account.remarks


OTHERS = {
    "pairs": "1 20\n2 21\n3 20\n",
    "one row too long": "1 20\n2 21\n3 20 5\n",
    "baskets": "30 31 32\n33 34\n30 32 33 34\n",
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_lines_of_numbers_are_no_lists(case: str, tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text(OTHERS[case])
    try:
        account = recsys.read_ratings(tmp_path / "r.txt").account
    except DataError:
        return
    assert account is not None
    assert account.layout == "delimited text"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 20 x\n", "line 1: must be whole numbers, not '0 20 x"),
        ("0\n1\n", "the file holds no ratings"),
        ("1 99999999999999999999\n", "line 1: must be whole numbers"),
    ],
)
def test_bad_lines_are_named(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text(text)
    with pytest.raises(DataError, match=said):
        recsys.read_ratings(tmp_path / "r.txt", layout="item-lists")
