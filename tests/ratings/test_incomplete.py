"""Rows in which something is missing."""

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import recsys
from recsys.errors import ArgumentError, DataError

COMPLETE = pd.DataFrame({
    "user_id": ["ann", "bob"], "item_id": ["x", "y"], "rating": [5.0, 3.0],
    "timestamp": [1e9, 1.1e9],
})  # fmt: skip
TABLE = pd.concat(
    [
        COMPLETE.assign(item_id=None).head(1), COMPLETE, COMPLETE.assign(user_id=None),
        COMPLETE.assign(rating=np.nan).head(1), COMPLETE.assign(timestamp=np.nan).head(1),
    ],
    ignore_index=True,
)  # fmt: skip
LEFT_OUT = {"no user": 2, "no item": 1, "no rating": 1, "no time": 1}


def csv(folder: Path) -> str:
    TABLE.to_csv(folder / "r.csv", index=False)
    return str(folder / "r.csv")


def csv_of_r(folder: Path) -> str:
    TABLE.to_csv(folder / "r.csv", index=False)
    with_na = TABLE.astype({"rating": object, "timestamp": object})
    with_na[["rating", "timestamp"]] = with_na[["rating", "timestamp"]].fillna("NA")
    with_na.to_csv(folder / "r.csv", index=False)
    return str(folder / "r.csv")


def parquet(folder: Path) -> str:
    TABLE.to_parquet(folder / "r.parquet")
    return str(folder / "r.parquet")


def arrow_file(folder: Path) -> str:
    TABLE.to_feather(folder / "r.feather")
    return str(folder / "r.feather")


def json_lines(folder: Path) -> str:
    TABLE.to_json(folder / "r.jsonl", orient="records", lines=True)
    return str(folder / "r.jsonl")


def database(folder: Path) -> str:
    with sqlite3.connect(folder / "r.db") as connection:
        TABLE.to_sql("ratings", connection, index=False)
    return f"sqlite:///{folder / 'r.db'}"


def frame(folder: Path) -> pd.DataFrame:
    return TABLE


def arrow_table(folder: Path) -> pa.Table:
    return pa.Table.from_pandas(TABLE)


SOURCES = [csv, csv_of_r, parquet, arrow_file, json_lines, database, frame, arrow_table]


@pytest.mark.parametrize("write", SOURCES)
def test_incomplete_rows_are_left_out_and_counted(write: Any, tmp_path: Path) -> None:
    ratings = recsys.read_ratings(write(tmp_path), incomplete="drop")
    assert ratings.users.ids.tolist() == ["ann", "bob"]
    assert ratings.items.ids.tolist() == ["x", "y"]
    assert ratings.matrix.toarray().tolist() == [[5, 0], [0, 3]]
    assert ratings.timestamps is not None
    assert ratings.timestamps.tolist() == [1e9, 1.1e9]
    assert ratings.account is not None
    assert ratings.account.dropped == LEFT_OUT
    assert ratings.account.n_rows == len(TABLE)


@pytest.mark.parametrize("write", SOURCES)
def test_without_the_option_they_are_an_error_that_names_it(write: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is missing; --incomplete drop leaves out rows like this"):
        recsys.read_ratings(write(tmp_path))


@pytest.mark.parametrize("write", SOURCES)
def test_nothing_is_left_out_of_complete_rows(
    write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "TABLE", COMPLETE)
    ratings = recsys.read_ratings(write(tmp_path), incomplete="drop")
    assert ratings.n_ratings == 2
    assert ratings.account is not None
    assert ratings.account.dropped == {}


@pytest.mark.parametrize("write", SOURCES)
def test_no_complete_row_is_an_error(
    write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "TABLE", TABLE[TABLE["user_id"].isna()])
    with pytest.raises(DataError, match=r"no (row is complete|complete row)"):
        recsys.read_ratings(write(tmp_path), incomplete="drop")


def test_dates_may_be_missing(tmp_path: Path) -> None:
    table = pd.DataFrame({"user": [1, 2], "item": [3, 3], "date": ["31.12.2020", None]})
    ratings = recsys.read_ratings(table, date_format="%d.%m.%Y", incomplete="drop")
    assert ratings.users.ids.tolist() == [1]
    assert ratings.timestamps is not None
    assert pd.Timestamp(ratings.timestamps[0], unit="s") == pd.Timestamp(2020, 12, 31)


@pytest.mark.parametrize("value", ["skip", None, True])
def test_other_values_are_refused(value: Any) -> None:
    with pytest.raises(ArgumentError, match="incomplete must be one of error, drop"):
        recsys.read_ratings(COMPLETE, incomplete=value)
    with pytest.raises(ArgumentError, match="incomplete must be one of error, drop"):
        recsys.Ratings.from_frame(COMPLETE, incomplete=value)


@pytest.mark.parametrize("incomplete", ["error", "drop"])
@pytest.mark.parametrize("role", ["rating", "timestamp"])
@pytest.mark.parametrize("empty", ["", "NULL", "NaN"])
def test_an_empty_column_is_said_with_its_remedy(
    empty: str, role: str, incomplete: Any, tmp_path: Path
) -> None:
    row = {"user": 1, "item": 2, "rating": "3", "timestamp": "1100000000", role: empty}
    table = pd.DataFrame([row, {**row, "item": 3}])
    files = [tmp_path / "r.csv", tmp_path / "r.jsonl"]
    table.to_csv(files[0], index=False)
    table.to_json(files[1], orient="records", lines=True)
    sources: list[Any] = [*files, table.assign(**{role: None}), table.assign(**{role: np.nan})]
    for source in sources:
        said = f"'{role}' is empty in every row; --column {role}= reads"
        with pytest.raises(DataError, match=said):
            recsys.read_ratings(source, incomplete=incomplete)
        ratings = recsys.read_ratings(source, incomplete=incomplete, **{role: ""})  # type: ignore[arg-type]
        assert ratings.n_ratings == 2
        assert (ratings.timestamps is None) == (role == "timestamp")


def test_a_column_that_is_empty_at_first_is_read(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    rows = "".join(f"{n},2,3,\n" for n in range(2000))
    file.write_text(f"user,item,rating,time\n{rows}2000,2,3,1100000000\n")
    assert recsys.read_ratings(file, incomplete="drop").users.ids.tolist() == [2000]
    with pytest.raises(DataError, match="line 2: 'time' is missing; --incomplete drop"):
        recsys.read_ratings(file)
