"""Parquet files with columns of every type."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from strategies import frames

import recsys
from recsys.errors import DataError


@settings(max_examples=60, deadline=None)
@given(frame=frames())
def test_ratings_survive_a_parquet_file(
    frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "round-trip.parquet"
    frame.to_parquet(file)
    expected = recsys.Ratings.from_frame(frame, timestamp="timestamp")
    assert recsys.read_ratings(file).fingerprint == expected.fingerprint


def test_parquet_with_text_and_dictionary_ids(tmp_path: Path) -> None:
    file = tmp_path / "r.parquet"
    table = pa.table(
        {
            "user": pa.array(["b", "a", "b"]).dictionary_encode(),
            "item": pa.array(["x", "y", "y"]),
            "rating": pa.array([1, 2, 3], pa.int8()),
            "timestamp": pa.array([1, 2, 3], pa.timestamp("s")),
        }
    )
    pa.parquet.write_table(table, file)
    ratings = recsys.read_ratings(file)
    assert ratings.users.ids.tolist() == ["a", "b"]
    assert ratings.matrix.toarray().tolist() == [[0, 2], [1, 3]]
    assert ratings.timestamps is not None
    assert ratings.timestamps.tolist() == [2, 1, 3]


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("user", pa.array([True, False]), "neither a whole number nor text"),
        ("user", pa.array([b"a", b"b"]), "neither a whole number nor text"),
        ("item", pa.array([[1, 2], [3]]), "'item' is list.*, not whole numbers .* or text"),
        ("rating", pa.array([1, 2], pa.timestamp("s")), "is timestamp.* not numbers"),
        ("rating", pa.array([[1], [2]]), "not numbers"),
        ("rating", pa.array([1.0, float("inf")]), "row 1: 'rating' is inf"),
        ("rating", pa.array([1e300, 1.0]), "row 0: 'rating' is 1e\\+300"),
        ("timestamp", pa.array(["noon", "later"]), "row 0: 'timestamp' is 'noon'"),
    ],
)
def test_odd_parquet_types_are_named(
    column: str, values: pa.Array, message: str, tmp_path: Path
) -> None:
    columns = {"user": pa.array([1, 2]), "item": pa.array([1, 2]), "rating": pa.array([1, 2])}
    file = tmp_path / "r.parquet"
    pa.parquet.write_table(pa.table(columns | {column: values}), file)
    with pytest.raises(DataError, match=message) as caught:
        recsys.read_ratings(file)
    assert str(file) in str(caught.value)


def test_parquet_decimals_and_large_integers(tmp_path: Path) -> None:
    from decimal import Decimal

    file = tmp_path / "r.parquet"
    table = {
        "user": pa.array([Decimal("1.00"), Decimal("2.00")]),
        "item": [1, 2],
        "rating": [2**24 + 1, 3],
    }
    pa.parquet.write_table(pa.table(table), file)
    assert recsys.read_ratings(file).users.ids.tolist() == [1, 2]


def test_flipped_bits_are_refused_where_pages_have_checksums(tmp_path: Path) -> None:
    file = tmp_path / "r.parquet"
    n = 2000
    pa.parquet.write_table(
        pa.table({"user": [k % 90 for k in range(n)], "item": [k % 301 for k in range(n)]}),
        file,
        write_page_checksum=True,
        compression="zstd",
    )
    whole, expected = file.read_bytes(), recsys.read_ratings(file).fingerprint
    rng = np.random.default_rng(0)
    footer = int.from_bytes(whole[-8:-4], "little")
    refused = []
    for at in rng.integers(4, len(whole) - 8 - footer, 60):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << rng.integers(8)
        file.write_bytes(damaged)
        try:
            assert recsys.read_ratings(file).fingerprint == expected
        except DataError as error:
            refused.append(str(error))
    assert len(refused) > 30
    assert all(str(file) in message for message in refused)


def test_a_folder_of_parquet_files_is_one_table(tmp_path: Path) -> None:
    for year, user in ((2019, 1), (2020, 2)):
        part = tmp_path / f"year={year}"
        part.mkdir()
        table = pa.table({"user": [user], "item": [year], "rating": [2.5]})
        pa.parquet.write_table(table, part / "0.parquet")
    (tmp_path / "README.txt").write_text("not a table")
    ratings = recsys.read_ratings(tmp_path)
    assert ratings.users.ids.tolist() == [1, 2]
    assert ratings.account is not None
    assert ratings.account.remarks == ("2 Parquet files were read as one table",)
    assert ratings.account.unused == ("year",)


def test_no_memory_is_not_called_a_bad_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "r.parquet"
    pa.parquet.write_table(pa.table({"user": [1], "item": [2]}), file)

    def fails(*_: object, **__: object) -> None:
        raise pa.ArrowMemoryError("malloc of size 64 failed")

    monkeypatch.setattr(pa.parquet.ParquetFile, "iter_batches", fails)
    with pytest.raises(MemoryError, match="malloc of size 64"):
        recsys.read_ratings(file)
