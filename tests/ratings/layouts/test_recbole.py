"""RecBole's files, and the folders of its benchmarks."""

from pathlib import Path

import pytest

import recsys
from recsys.errors import DataError

HEADER = "user_id:token\titem_id:token\trating:float\n"


def test_of_a_benchmark_only_the_training_part_is_read(tmp_path: Path) -> None:
    for part, rows in (
        ("train", "1\t5\t3\n2\t6\t4\n"),
        ("valid", "1\t6\t2\n"),
        ("test", "2\t5\t1\n"),
    ):
        (tmp_path / f"toy.{part}.inter").write_text(HEADER + rows)
    (tmp_path / "toy.item").write_text("item_id:token\tname:token_seq\n5\tFive\n6\tSix\n")
    ratings = recsys.read_ratings(tmp_path)
    assert ratings.items.ids.tolist() == [5, 6]
    assert ratings.item_table["title"].tolist() == ["Five", "Six"]
    assert ratings.account is not None
    assert ratings.account.remarks[0].startswith("only toy.train.inter was read")
    # A part that is named is read.
    assert recsys.read_ratings(tmp_path / "toy.test.inter").matrix.toarray().tolist() == [[1]]
    # The whole next to its parts leaves open which is meant.
    (tmp_path / "toy.inter").write_text(HEADER + "1\t5\t3\n")
    with pytest.raises(DataError, match="more than one data set; name one of toy"):
        recsys.read_ratings(tmp_path)
