"""What Spark reads is what is read without it: the same ratings, the same errors."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest
from postgres import Cluster

import recsys
from recsys.errors import ArgumentError, DataError
from recsys.ratings.source import Source

pytestmark = [
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 3000  # with repeats, of which the latest counts
    return pd.DataFrame(
        {
            "userId": rng.integers(1, 60, n),
            "movieId": [f"{i:03}" for i in rng.integers(1, 80, n)],
            "rating": rng.integers(1, 11, n) / 2,
            "timestamp": rng.integers(1_000_000_000, 1_200_000_000, n),
            "device": "phone",
        }
    )


def same(found: recsys.Ratings, expected: recsys.Ratings) -> None:
    assert found.fingerprint == expected.fingerprint
    assert found.users.ids.tolist() == expected.users.ids.tolist()
    assert found.items.ids.tolist() == expected.items.ids.tolist()
    assert found.timestamps is not None
    assert expected.timestamps is not None
    assert np.array_equal(found.timestamps, expected.timestamps)
    own, other = found.account, expected.account
    assert own is not None
    assert other is not None
    assert own.remarks[-1] == "read by Spark"
    assert {r: t.name for r, t in own.columns.items()} == {
        r: t.name for r, t in other.columns.items()
    }
    for name in ("unused", "n_rows", "kind", "n_repeats", "duplicates", "ids"):
        assert getattr(own, name) == getattr(other, name), name


def written(table: pd.DataFrame, how: str, folder: Path) -> Path:
    path = folder / f"ratings.{how}"
    if how == "parquet":
        table.to_parquet(path)
    elif how == "csv":
        table.to_csv(path, index=False)
    elif how == "tsv":
        table.drop(columns="device").to_csv(path, index=False, header=False, sep="\t")
    else:
        path = folder / "parts"
        path.mkdir()
        for i, part in enumerate((table[:1000], table[1000:])):
            part.to_csv(path / f"part-{i}.csv", index=False)
    return path


@pytest.mark.parametrize("how", ["parquet", "csv", "tsv", "parts"])
def test_it_reads_what_is_read_without_it(
    how: str, table: pd.DataFrame, spark: Any, tmp_path: Path
) -> None:
    from recsys.spark.reading import read

    path = written(table, how, tmp_path)
    same(read(Source(str(path)), spark), recsys.read_ratings(path))


def test_columns_can_be_named_and_addresses_are_read(
    table: pd.DataFrame, spark: Any, tmp_path: Path
) -> None:
    from recsys.spark.reading import read

    other = table.rename(columns={"userId": "who", "rating": "stars"})
    path = written(other, "csv", tmp_path)
    columns = {"user": "who", "rating": "stars"}
    found = read(Source(f"file://{path}", columns), spark)
    same(found, recsys.read_ratings(path, user="who", rating="stars"))


HEAD = "userId,movieId,rating\n"


@pytest.mark.parametrize(
    ("name", "text", "given"),
    [
        ("blanks", HEAD + '" a",1,3\na, 2 ,4\n', {}),
        ("line-break", HEAD + '"a\nb",1,3\nc,2,4\n', {}),
        ("comma", "user;item;rating\na;x;3,5\nb;y;4,0\n", {}),
        ("comma-named", "user;item;rating\na;x;3,5\nb;y;4\n", {"decimal": ","}),
        ("latin", HEAD + "José,1,3\nJosè,2,4\n", {}),
        ("latin-named", HEAD + "José,1,3\nJosè,2,4\n", {"encoding": "latin-1"}),
        ("windows", HEAD + "José,1,3\nJosè,2,4\n", {"encoding": "cp1252"}),
        ("colons", "1::10::3::100\n2::11::4::101\n", {}),
        ("twice", HEAD + "1,10,3\nuserId,movieId,rating\n2,11,4\n", {}),
        ("r[1]", HEAD + "1,10,3\n2,11,4\n", {}),
        ("_hidden", HEAD + "1,10,3\n2,11,4\n", {}),
    ],
)
def test_text_means_what_it_means_without_it(
    name: str, text: str, given: dict[str, Any], spark: Any, tmp_path: Path
) -> None:
    from recsys.spark.reading import read

    path = tmp_path / f"{name}.csv"
    path.write_bytes(text.encode("latin-1"))
    found, expected = read(Source(str(path), **given), spark), recsys.read_ratings(path, **given)
    assert found.fingerprint == expected.fingerprint
    assert found.users.ids.tolist() == expected.users.ids.tolist()
    assert found.matrix.data.tolist() == expected.matrix.data.tolist()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("José,1,3\n", "'userId' is not UTF-8; give --encoding"),
        ("1,2,3\n1,3\n", "Malformed CSV record"),
    ],
)
def test_addresses_say_what_spark_cannot_read(
    text: str, said: str, spark: Any, tmp_path: Path
) -> None:
    from recsys.spark.reading import read

    path = tmp_path / "ratings.csv"
    path.write_bytes((HEAD + text).encode("latin-1"))
    with pytest.raises(DataError, match=said):
        read(Source(f"file://{path}"), spark)


@pytest.mark.parametrize("name", ["us`er", "user.id"])
def test_names_of_columns_may_have_any_sign(
    name: str, table: pd.DataFrame, spark: Any, tmp_path: Path
) -> None:
    from recsys.spark.reading import read

    path = written(table.rename(columns={"userId": name}), "parquet", tmp_path)
    same(read(Source(str(path), {"user": name}), spark), recsys.read_ratings(path, user=name))


def test_times_in_nanoseconds(table: pd.DataFrame, spark: Any, tmp_path: Path) -> None:
    from recsys.spark.reading import read

    path = tmp_path / "ratings.parquet"
    times = pd.to_datetime(table["timestamp"], unit="s").astype("datetime64[ns]")
    table.assign(timestamp=times).to_parquet(path)
    found, expected = read(Source(str(path)), spark), recsys.read_ratings(path)
    assert found.fingerprint == expected.fingerprint


def test_other_layouts_are_read_here(spark: Any, root: Path) -> None:
    from recsys.spark.reading import read

    sample = root / "data" / "sample"
    found, expected = read(Source(str(sample)), spark), recsys.read_ratings(sample)
    assert found.fingerprint == expected.fingerprint
    assert found.item_table.equals(expected.item_table)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("userId,movieId,rating\n1,2,good\n", "line 2: 'rating' is 'good', not a finite number"),
        ("userId,movieId,rating\n1,2,nan\n", "line 2: 'rating' is 'nan', not a finite number"),
        ("userId,movieId,rating\n1,,3\n", "line 2: 'movieId' is missing"),
        ("userId,movieId,rating\n1,2,3\n1,3\n", "line 3: 2 fields instead of 3"),
        ("a,b,c\n1,2,3\nx,y,z\n", "no user column"),
        ("1,2,3\n4,5,6\n", "--column rating=3 or --column timestamp=3"),
    ],
)
def test_bad_files_are_refused_in_one_line(
    text: str, said: str, spark: Any, tmp_path: Path
) -> None:
    from recsys.spark.reading import read

    path = tmp_path / "ratings.csv"
    path.write_text(text)
    with pytest.raises((DataError, ArgumentError), match=said) as caught:
        read(Source(str(path)), spark)
    assert "\n" not in str(caught.value)
    assert "ratings.csv" in str(caught.value)


def test_what_is_not_there(spark: Any, tmp_path: Path) -> None:
    from recsys.spark.reading import read

    for address in (f"file://{tmp_path}/none.parquet", f"file://{tmp_path}/none.csv"):
        with pytest.raises(DataError, match="Path does not exist") as caught:
            read(Source(address), spark)
        assert "\n" not in str(caught.value)


def test_a_table_of_postgresql(table: pd.DataFrame, spark: Any, postgres: Cluster) -> None:
    if not Path("/usr/share/java/postgresql.jar").exists():
        pytest.skip("no JDBC driver of PostgreSQL (Debian: apt install libpostgresql-jdbc-java)")
    from recsys.spark.reading import read

    url = postgres.new_database()
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE ratings (user_id int, item_id text, rating real, timestamp bigint)"
        )
        columns = table[["userId", "movieId", "rating", "timestamp"]]
        with cursor.copy("COPY ratings FROM STDIN") as copy:
            for row in columns.itertuples(index=False):
                copy.write_row(row)
    found = read(Source(url), spark)
    expected = recsys.read_ratings(
        columns.rename(columns={"userId": "user_id", "movieId": "item_id"})
    )
    assert found.fingerprint == expected.fingerprint
    some = read(Source(url, query="SELECT * FROM ratings WHERE rating > 4"), spark)
    assert some.matrix.data.min() > 4
    with pytest.raises(DataError, match="does not exist") as caught:
        read(Source(url, table="nothing"), spark)
    assert "sesame" not in str(caught.value)
