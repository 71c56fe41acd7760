import gzip
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

import recsys
from recsys.errors import DataError, RecsysError


@pytest.mark.parametrize(
    "text",
    [
        "user_id,item_id,rating\n1,10,4.5\n1,20,3\n2,10,.5\n",
        "1,10,4.5\n1,20,3\n2,10,0.5\n",
        "\n1\t10\t4.5\n\n1\t20\t3\n2\t10\t5e-1\n\n",
        "1;10;4.5\n1;20;3\n2;10;0.5",
        '"User ID","Movie-Id","Stars"\n"1","10","4.5"\n1,20,3\n2,10,0.5\n',
        "\ufeffuserId,movieId,rating\n1,10,4.5\n1,20,3\n2,10,0.5\n",
        "note,rating,movieId,userId\nx,4.5,10,1\ny,3,20,1\nz,0.5,10,2\n",
    ],
)
def test_text_files_with_and_without_header(text: str, tmp_path: Path) -> None:
    file = tmp_path / "r.txt"
    file.write_text(text, "utf-8")
    ratings = recsys.read_ratings(file)
    assert ratings.matrix.toarray().tolist() == [[4.5, 3.0], [0.5, 0.0]]
    assert ratings.timestamps is None


def test_compressed_text(tmp_path: Path) -> None:
    file = tmp_path / "r.csv.gz"
    file.write_bytes(gzip.compress(b"user,item,rating\n1,10,4\n2,20,5\n"))
    assert recsys.read_ratings(file).n_ratings == 2


def test_columns_can_be_named_and_ids_can_be_text(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_text("when,who,what,how\n2020-01-02,ann,x 1,3\n1970-01-02,Bob,y,4\n")
    ratings = recsys.read_ratings(file, user="who", item="what", rating="how", timestamp="when")
    assert ratings.users.ids.tolist() == ["Bob", "ann"]
    assert ratings.timestamps is not None
    assert ratings.timestamps.tolist() == [86400, 1577923200]


def test_ids_that_turn_out_to_be_text_late_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    rows = [f"{u},{u % 7},3" for u in range(3000)]
    file.write_text("user,item,rating\n" + "\n".join(rows) + "\nx17,3,5\n")
    ratings = recsys.read_ratings(file)
    assert ratings.n_ratings == 3001
    assert "x17" in ratings.users.ids
    assert ratings.items.is_integer


def test_latin_1_late_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    head = "user,item,rating\n" + "".join(f"u{n},i{n % 9},3\n" for n in range(20_000))
    file.write_bytes(head.encode() + "zoë,i1,4\n".encode("ISO-8859-1"))
    assert "zoë" in recsys.read_ratings(file).users.ids


def test_without_ratings_it_is_implicit_feedback(tmp_path: Path) -> None:
    file = tmp_path / "clicks.csv"
    file.write_text("user,item\n1,10\n2,20\n2,10\n")
    ratings = recsys.read_ratings(file)
    assert not ratings.has_values
    assert ratings.matrix.toarray().tolist() == [[1, 0], [1, 1]]


RATINGS = [(1, 10, 4.5, 100), (1, 20, 3.0, 200), (2, 10, 0.5, 300)]
TITLES = {10: "Amélie (2001)", 20: "Et: le café :: noir (1999)"}


def test_a_frame_with_recognised_columns() -> None:
    frame = pd.DataFrame(RATINGS, columns=["userId", "movieId", "rating", "timestamp"])
    movies = pd.DataFrame({"movieId": list(TITLES), "title": list(TITLES.values())})
    ratings = recsys.read_ratings(frame, items=movies)
    assert ratings.matrix.toarray().tolist() == [[4.5, 3.0], [0.5, 0.0]]
    assert ratings.item_table["title"].tolist() == list(TITLES.values())


def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        recsys.read_ratings(tmp_path / "none.csv")
    with pytest.raises(DataError, match="no ratings file in this folder"):
        recsys.read_ratings(tmp_path)
    for name, content, message in (
        ("r.parquet", b"PAR1 not really", "not a readable Parquet file"),
        ("r.zip", b"PK not really", "damaged or not a zip archive"),
        ("r.csv", "user,item\n1,2\n".encode("utf-16"), "UTF-16 text; give --encoding utf-16"),
        ("r.csv.gz", b"no gzip", "cannot be read"),
    ):
        file = tmp_path / name
        file.write_bytes(content)
        with pytest.raises(DataError, match=message):
            recsys.read_ratings(file)


def test_columns_that_are_not_there_are_named(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_text("user,item\n1,2\n")
    with pytest.raises(DataError, match="no column 'who' for the user; it has 'user', 'item'"):
        recsys.read_ratings(file, user="who")
    with pytest.raises(DataError, match="no such file of items"):
        recsys.read_ratings(file, items=tmp_path / "titles.csv")


@pytest.mark.data
def test_real_sets(ml_100k: Path, ml_1m: Path, ml_latest_small: Path) -> None:
    for folder, users, items, n in (
        (ml_100k, 943, 1682, 100_000),
        (ml_1m, 6040, 3706, 1_000_209),
        (ml_latest_small, 610, 9724, 100_836),
    ):
        ratings = recsys.read_ratings(folder)
        assert (ratings.n_users, ratings.n_items, ratings.n_ratings) == (users, items, n)
        assert ratings.item_table["title"].notna().all()
        assert ratings.item_table["year"].notna().mean() > 0.99
    # Half stars are kept, and the mean is that of the file.
    frame = pd.read_csv(ml_latest_small / "ratings.csv")
    small = recsys.read_ratings(ml_latest_small)
    assert set(np.unique(small.matrix.data)) == {0.5 * i for i in range(1, 11)}
    assert small.matrix.data.mean(dtype=np.float64) == pytest.approx(frame["rating"].mean())
    assert small.to_frame()["timestamp"].sum() == frame["timestamp"].sum()


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads peak memory from /proc")
@pytest.mark.parametrize(("file", "most"), [("ratings.csv", 60), ("ratings.parquet", 52)])
def test_reading_peaks_below_so_many_bytes_a_rating(file: str, most: int, tmp_path: Path) -> None:
    # Of which 16 are the result.
    n = 12_000_000  # so that buffers of a constant size hardly count
    rng = np.random.default_rng(0)
    table = pa.table(
        {
            "userId": rng.integers(1, 40_000, n),
            "movieId": rng.integers(1, 100_000, n),
            "rating": rng.integers(1, 11, n) / 2,
            "timestamp": rng.integers(800_000_000, 1_500_000_000, n),
        }
    )
    write = pa.csv.write_csv if file.endswith(".csv") else pa.parquet.write_table
    write(table, tmp_path / file)
    code = (
        "import sys; from recsys.ratings.readers import read_ratings\n"
        "def peak(): return int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])\n"
        "before = peak(); read_ratings(sys.argv[1]); print((peak() - before) * 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, str(tmp_path / file)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert int(done.stdout) / n < most


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoding": "utf-16"}, "not utf-16 text .UTF-16 stream does not start with BOM."),
        ({"encoding": "base64"}, "encoding 'base64' is unknown"),
        ({"missing": [3, 4]}, "every rating stands for 'not rated'; choose other values"),
        ({"items": "gap.csv"}, "row 2: the item id is missing"),
        ({"users": "gap.csv"}, "row 1: the user id is missing"),
        ({"items": "others.csv"}, "the item table names none of the rated items"),
        ({"users": "others.csv"}, "the user table names none of the users who rated"),
    ],
    ids=str,
)
def test_an_error_names_the_file_that_is_wrong(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    (tmp_path / "r.csv").write_text("user,item,rating\n1,10,3\n2,20,4\n")
    (tmp_path / "gap.csv").write_text("user,item,title\n,10,A\n2,,B\n")
    (tmp_path / "others.csv").write_text("user,item,title\n7,70,A\n8,80,B\n")
    wrong = next((v for v in options.values() if str(v).endswith(".csv")), "r.csv")
    given = {k: tmp_path / v if v == wrong else v for k, v in options.items()}
    with pytest.raises(RecsysError, match=rf"{wrong}: {message}") as error:
        recsys.read_ratings(tmp_path / "r.csv", **given)
    assert "\n" not in str(error.value)
