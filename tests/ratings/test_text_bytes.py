"""What is noticed of a file while Arrow reads it, and what that is for."""

import bz2
import csv
import gzip
import io
import lzma
from collections.abc import Callable
from itertools import chain, product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recsys
from recsys.errors import DataError
from recsys.ratings.text_bytes import Watched, encoding_of

FAR = 9000  # rows: more than the first lines that are looked at
HEAD = "user,item,rating\n"
PLAIN = "".join(f"{k % 300 + 1},{k % 700 + 1},3\n" for k in range(FAR))


def ratings_of(tmp_path: Path, data: str | bytes, **options: object) -> recsys.Ratings:
    file = tmp_path / "r.csv"
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    return recsys.read_ratings(file, **options)  # type: ignore[arg-type]


def remarks(ratings: recsys.Ratings) -> str:
    assert ratings.account is not None
    return " | ".join(ratings.account.remarks)


@pytest.mark.parametrize("odd", ["007", "0x10", "gift-card", "+7", "-0", "00", str(2**63)])
def test_one_odd_id_makes_all_ids_text_wherever_it_is(odd: str, tmp_path: Path) -> None:
    rows = f"9999,{odd},5\n9999,7,1\n9999,16,1\n9999,0,2\n"
    late = ratings_of(tmp_path, HEAD + PLAIN + rows)
    early = ratings_of(tmp_path, HEAD + rows + PLAIN)
    assert late.fingerprint == early.fingerprint
    assert late.items.rows([odd, "7", "16", "0"]).tolist() == late.items.rows(
        [odd, 7, 16, 0]
    ).tolist()  # fmt: skip
    assert late.n_items == 702
    assert late.users.is_integer
    assert f"line {FAR + 2}: item id '{odd}' " in remarks(late)
    assert "; reading all item ids as text" in remarks(late)


def test_a_leading_zero_is_named(tmp_path: Path) -> None:
    ratings = ratings_of(tmp_path, HEAD + "1,2,3\n\n1,007,3\n")
    said = "line 4: item id '007' has a leading zero; reading all item ids as text"
    assert remarks(ratings) == said
    large = ratings_of(tmp_path, HEAD + f"1,2,3\n1,{2**64 - 1},3\n")
    assert "does not fit 64 bits" in remarks(large)
    assert large.items.rows([2**64 - 1]).tolist() == [0]


@settings(max_examples=200, deadline=None)
@given(
    cells=st.lists(st.from_regex(r"[-+]?0?[0-9]{1,3}|0[xX][0-9a-f]", fullmatch=True), min_size=2),
    separator=st.sampled_from(["\t", ",", ";", "|", ":", " "]),
)
def test_every_number_with_another_spelling_is_noticed(
    cells: list[str], separator: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "watched.txt"
    file.write_text("".join(f"{cell}{separator}1\n" for cell in cells))
    watched = Watched(str(file), "utf-8", separator, quoted=False)
    while watched.read(16):
        pass
    other = any(str(int(cell, 0 if "x" in cell.lower() else 10)) != cell for cell in cells
                if not cell.startswith("+"))  # fmt: skip
    assert watched.zeros >= other  # Arrow itself refuses a sign +


@pytest.mark.parametrize("at", [0, FAR])
def test_nul_and_byte_order_marks_are_the_same_early_and_late(at: int, tmp_path: Path) -> None:
    rows = [f"u{k},i{k % 70},3\n" for k in range(FAR)]
    text = HEAD + "".join([*rows[:at], "x\0,i1,3\n", *rows[at:]])
    with pytest.raises(DataError, match=f"line {at + 2}: contains a NUL byte"):
        ratings_of(tmp_path, text)
    joined = "\ufeff" + HEAD + "".join([*rows[:at], "\ufeff" + HEAD + "x,i1,3\n", *rows[at:]])
    ratings = ratings_of(tmp_path, joined)
    assert ratings.users.find(["x", "u0", "user"]).min() == -1
    assert (ratings.users.find(["x", "u0"]) >= 0).all()
    assert ratings.account is not None
    assert ratings.account.dropped == {"repeats the header": 1}


@pytest.mark.parametrize("at", [0, FAR])
def test_one_bad_byte_does_not_garble_a_file(at: int, tmp_path: Path) -> None:
    rows = [f"Jürgen{k},i{k % 70},3\n".encode() for k in range(FAR)]
    data = HEAD.encode() + b"".join([*rows[:at], b"x\xff,i1,3\n", *rows[at:]])
    with pytest.raises(DataError, match=f"line {at + 2}: not UTF-8, as 9,000 other lines are"):
        ratings_of(tmp_path, data)
    assert "JÃ¼rgen0" not in ratings_of(tmp_path, data[:20_000].rpartition(b"\n")[0] + b"\n"
                                        if at else HEAD.encode() + rows[0]).users.ids  # fmt: skip
    given_one = ratings_of(tmp_path, data, encoding="ISO-8859-1")
    assert "xÿ" in given_one.users.ids


@pytest.mark.parametrize("at", [0, FAR])
def test_latin_1_is_taken_with_a_remark_wherever_its_first_letter_is(
    at: int, tmp_path: Path
) -> None:
    rows = [f"u{k},i{k % 70},3\n".encode() for k in range(FAR)]
    data = HEAD.encode() + b"".join([*rows[:at], "zoë,i1,3\n".encode("latin-1"), *rows[at:]])
    ratings = ratings_of(tmp_path, data)
    assert "zoë" in ratings.users.ids
    assert remarks(ratings) == f"line {at + 2} is not UTF-8: the file is read as ISO-8859-1"
    assert encoding_of(str(tmp_path / "r.csv"))[0] == "ISO-8859-1"


def test_utf_16_is_read_where_it_is_named(tmp_path: Path) -> None:
    data = (HEAD + "zoë,1,3\n" + PLAIN).encode("utf-16")
    with pytest.raises(DataError, match="UTF-16 text; give --encoding utf-16"):
        ratings_of(tmp_path, data)
    assert "zoë" in ratings_of(tmp_path, data, encoding="utf-16").users.ids


@pytest.mark.parametrize(
    ("end", "pack"),
    [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress),
     (".zst", lambda data: pa.compress(data, "zstd", asbytes=True))],
)  # fmt: skip
def test_compressed_files_are_known_by_name(
    end: str, pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    packed = pack((HEAD + PLAIN).encode())
    (tmp_path / f"r.csv{end}").write_bytes(packed)
    plain = ratings_of(tmp_path, HEAD + PLAIN)
    assert recsys.read_ratings(tmp_path / f"r.csv{end}").fingerprint == plain.fingerprint
    (tmp_path / f"cut.csv{end}").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DataError, match=r"cut\.csv.*cannot be read"):
        recsys.read_ratings(tmp_path / f"cut.csv{end}")


def test_line_ends_are_the_same_everywhere(tmp_path: Path) -> None:
    expected = ratings_of(tmp_path, HEAD + PLAIN)
    for end in ("\r", "\r\n"):
        text = (HEAD + PLAIN).replace("\n", end)
        assert ratings_of(tmp_path, text).fingerprint == expected.fingerprint
    assert np.array_equal(expected.users.ids, np.arange(1, 301))


@pytest.mark.parametrize("size", [1 << 20, 1])
def test_quotes_that_are_no_csv_are_noticed_wherever_chunks_end(size: int, tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    n_plain = 0
    for letters in chain.from_iterable(product('",a\n', repeat=n) for n in range(1, 6)):
        text = "".join(letters)
        file.write_text(f"u,i\n{text}")
        watched = Watched(str(file), "utf-8", ",", True)
        while watched.read(size):
            pass
        if watched.odd:
            continue
        n_plain += '"' in text
        for row in csv.reader(io.StringIO(text), strict=True):  # which raises where it is no CSV
            assert not any("\n" in cell for cell in row), text
    assert n_plain > 50


def test_after_a_stop_nothing_is_read(tmp_path: Path) -> None:
    # A thread of Arrow that still reads when the process ends would abort it.
    (tmp_path / "r.csv").write_text(HEAD + PLAIN)
    watched = Watched(str(tmp_path / "r.csv"), "utf-8", ",", quoted=True)
    assert watched.read(4) == b"user"
    watched.stop()
    assert watched.read(4) == b""
