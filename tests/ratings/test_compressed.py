"""Compressed text, for every layout of text."""

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import recsys
from recsys.errors import DataError
from recsys.ratings.compressed import first_lines

CSV = b"user,item,rating\n1,10,4.5\n1,20,3\n2,10,.5\n"
JSON = b'{"user": 1, "item": 10, "rating": 4.5}\n{"user": 2, "item": 20, "rating": 3}\n'
NETFLIX = b"1:\n7,3,2005-09-06\n8,4,2005-09-07\n2:\n7,5,2005-09-06\n"
STEAM = b'1,"Game A",play,27.5,0\n2,"Game B",purchase,1.0,0\n'
WIDE = b"user," + b",".join(b"%d" % n for n in range(12)) + b"\nann" + b",3" * 12 + b"\n"


def packed(content: bytes, suffix: str) -> bytes:
    known: dict[str, Callable[[bytes], bytes]] = {
        ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress
    }  # fmt: skip
    if suffix in known:
        return known[suffix](content)
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return bytes(sink.getvalue())


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.csv", CSV), ("ratings.csv", CSV), ("r.jsonl", JSON), ("combined_data_1.txt", NETFLIX),
        ("r.csv", STEAM), ("wide.csv", WIDE),
    ],
)  # fmt: skip
def test_compressed_text_reads_as_plain_text(
    name: str, content: bytes, suffix: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    plain = recsys.read_ratings(tmp_path / name)
    (tmp_path / name).unlink()
    (tmp_path / (name + suffix)).write_bytes(packed(content, suffix))
    ratings = recsys.read_ratings(tmp_path / (name + suffix))
    assert ratings.fingerprint == plain.fingerprint
    assert recsys.read_ratings(tmp_path).fingerprint == plain.fingerprint
    assert ratings.account is not None
    assert plain.account is not None
    assert ratings.account.layout == plain.account.layout


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
@pytest.mark.parametrize("name", ["r.csv", "r.jsonl"])
def test_damaged_compressed_files_are_refused(name: str, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / (name + suffix)
    whole = packed((JSON if name == "r.jsonl" else CSV) * 3000, suffix)
    for damaged in (b"not compressed at all", whole[: len(whole) // 2]):
        file.write_bytes(damaged)
        with pytest.raises(DataError, match=name):
            recsys.read_ratings(file)


def test_first_lines_are_whole_lines(tmp_path: Path) -> None:
    file = tmp_path / "r.txt"
    file.write_bytes(b"\xef\xbb\xbf\n" + b"a,b\r\n" * 40_000)
    found = first_lines(str(file))
    assert set(found) == {"a,b"}
    assert len(found) < 40_000
    file.write_bytes(b"x" * 100_000 + b"\n1\n2\n3\n")  # lines longer than what is looked at first
    assert [len(line) for line in first_lines(str(file))][:2] == [100_000, 1]
    file.write_bytes(b"a\0b\n")
    assert first_lines(str(file)) == []
    assert first_lines(str(tmp_path)) == []


MISNAMED = {
    "r.csv": (gzip.compress(CSV), "compressed with gzip; rename it so that it ends in .gz"),
    "r.tsv": (bz2.compress(CSV), "compressed with bzip2"),
    "ratings.dat": (lzma.compress(CSV), "compressed with xz"),
    "r.parquet": (gzip.compress(CSV), "compressed with gzip"),
    "r.xlsx": (b"PK\3\4" + bytes(100), "an Excel workbook; .* save the sheet as CSV"),
    "r.xls": (b"\xd0\xcf\x11\xe0" + bytes(100), "an Excel workbook; save the sheet as CSV"),
}


@pytest.mark.parametrize("name", MISNAMED)
def test_a_file_that_is_not_what_its_name_says_is_named(name: str, tmp_path: Path) -> None:
    content, message = MISNAMED[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name}: by its content .*{message}"):
        recsys.read_ratings(tmp_path / name)


def test_a_parquet_file_with_another_name_is_read_by_its_layout(tmp_path: Path) -> None:
    table = pa.table({"user": [1, 1, 2], "item": [3, 4, 3]})
    pq.write_table(table, tmp_path / "r.csv")
    with pytest.raises(DataError, match="by its content a Parquet file; rename it"):
        recsys.read_ratings(tmp_path / "r.csv")
    assert recsys.read_ratings(tmp_path / "r.csv", layout="parquet").n_ratings == 3
