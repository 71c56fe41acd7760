"""Compressed text, for every layout of text."""

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
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
