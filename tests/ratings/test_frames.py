"""Columns of a DataFrame: what each role accepts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import recsys
from recsys.errors import DataError


def frame(
    rows: list[tuple[Any, ...]], columns: Sequence[str] = ("user_id", "item_id", "rating")
) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(columns))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("rating", float("nan"), "row 1: 'rating' is nan, not a finite number"),
        ("rating", float("inf"), "row 1: 'rating' is inf"),
        ("rating", "good", "row 1: 'rating' is 'good'"),
        ("user_id", None, "row 1: the user id in 'user_id' is missing"),
        ("item_id", 1.5, "item id 1.5 is not a whole number"),
        ("time", "noon", "row 1: 'time' is 'noon', not a time"),
    ],
)
def test_bad_values_in_a_table_are_named(column: str, value: Any, message: str) -> None:
    table = frame([(1, 1, 3, 5), (1, 2, 3, 5)], ("user_id", "item_id", "rating", "time"))
    table = table.astype({column: object})
    table.loc[1, column] = value
    if column != "time":
        table[column] = table[column].infer_objects()
    with pytest.raises(DataError, match=message):
        recsys.Ratings.from_frame(table, timestamp="time")


def test_missing_columns_and_empty_tables_are_named() -> None:
    with pytest.raises(DataError, match="no user column 'user_id'; it has 'a'"):
        recsys.Ratings.from_frame(pd.DataFrame({"a": [1]}))
    with pytest.raises(DataError, match="holds no ratings"):
        recsys.Ratings.from_frame(frame([]))


@pytest.mark.parametrize("kind", [object, "category", str, "int64", "Int64"])
def test_times_are_seconds_whatever_the_type_of_the_column(kind: Any) -> None:
    table = frame(
        [(1, 1, 5, 881250949), (1, 1, 1, 881250900)], ("user_id", "item_id", "rating", "t")
    )
    table["t"] = table["t"].astype(kind)
    ratings = recsys.Ratings.from_frame(table, timestamp="t")
    assert ratings.timestamps is not None
    assert ratings.timestamps.tolist() == [881250949]
    assert ratings.matrix.data.tolist() == [5]


def test_dates_of_mixed_precision() -> None:
    table = frame([(1, 1, 5), (1, 2, 1)])
    table["t"] = ["2020-01-01T00:00:01Z", "1970-01-02"]
    ratings = recsys.Ratings.from_frame(table, timestamp="t")
    assert ratings.timestamps is not None
    assert ratings.timestamps.tolist() == [1577836801, 86400]


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("user_id", [1e19, 2.0], "user id 1e\\+19 does not fit"),
        ("user_id", [b"a", b"b"], "neither a whole number nor text"),
        ("user_id", [(1, 2), (3, 4)], "neither a whole number nor text"),
        ("user_id", ["", "a"], "user id '' is missing"),
        ("rating", [1e300, 1.0], "row 0: 'rating' is 1e\\+300"),
        ("rating", [1j, 1.0], "is complex128, not numbers"),
        ("rating", pd.to_datetime(["2020-01-01"] * 2), "not numbers"),
    ],
)
def test_values_that_would_turn_into_others_are_refused(
    column: str, values: Any, message: str
) -> None:
    table = frame([(1, 1, 3.0), (2, 2, 4.0)]).astype({column: object})
    table[column] = values
    with pytest.raises(DataError, match=message):
        recsys.Ratings.from_frame(table)


def test_ids_are_decided_by_one_rule_whatever_their_type() -> None:
    ids: Any
    for ids in ([7, 10], ["7", "10"], [7.0, 10.0], ["7.0", 10]):
        table = frame([(1, 1, 3.0), (2, 2, 4.0)]).astype({"user_id": object})
        table["user_id"] = ids
        assert recsys.Ratings.from_frame(table).users.ids.tolist() == [7, 10]
    for ids in (["007", "10"], [10**30, 2], [2**63, 2], ["-0", "0"]):
        table["user_id"] = ids
        assert recsys.Ratings.from_frame(table).users.ids.tolist() == sorted(map(str, ids))


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([2**64 - 1, 2**63, 7], ["18446744073709551615", "7", "9223372036854775808"]),
        ([2**63 - 1, 9, 7], [7, 9, 2**63 - 1]),
    ],
)
def test_unsigned_ids_are_the_same_from_every_source(
    ids: list[int], expected: list[object], tmp_path: Path
) -> None:
    table = pd.DataFrame({"user": np.array(ids, np.uint64), "item": [1, 2, 1]})
    table.to_csv(tmp_path / "r.csv", index=False)
    table.to_parquet(tmp_path / "r.parquet")
    table.to_json(tmp_path / "r.jsonl", orient="records", lines=True)
    sources = [table, pa.Table.from_pandas(table), *sorted(tmp_path.iterdir())]
    for source in sources:
        assert recsys.read_ratings(source).users.ids.tolist() == expected
