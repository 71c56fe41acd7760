"""Tables with the Arrow PyCapsule interface."""

from typing import Any

import duckdb
import pandas as pd
import polars
import pyarrow as pa
import pytest
from hypothesis import given, settings
from strategies import frames

import recsys
from recsys.errors import ArgumentError, DataError

TABLE = pa.table({"userId": ["b", "a", "b"], "movieId": [7, 7, 8], "rating": [1.0, 2.0, 3.0]})


class Exported:
    """A table of another library: nothing but the interface, and its stream is read once."""

    def __init__(self, table: pa.Table) -> None:
        self.table: Any = table

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        table, self.table = self.table, None
        return table.__arrow_c_stream__(requested_schema)


def as_table(table: pa.Table) -> Any:
    return table


def as_reader(table: pa.Table) -> Any:
    return table.to_reader(max_chunksize=1)


def as_polars(table: pa.Table) -> Any:
    return polars.from_arrow(table)


def as_duckdb(table: pa.Table) -> Any:
    return duckdb.from_arrow(table)


@pytest.mark.parametrize("kind", [as_table, as_reader, Exported, as_polars, as_duckdb])
def test_every_table_is_read(kind: Any) -> None:
    titles = kind(pa.table({"movieId": [8, 7], "title": ["Eight", "Seven"]}))
    ratings = recsys.read_ratings(kind(TABLE), items=titles)
    assert ratings.users.ids.tolist() == ["a", "b"]
    assert ratings.items.ids.tolist() == [7, 8]
    assert ratings.matrix.toarray().tolist() == [[2, 0], [1, 3]]
    assert ratings.item_table["title"].tolist() == ["Seven", "Eight"]
    named = recsys.Ratings.from_frame(kind(TABLE), user="userId", item="movieId", rating=None)
    assert named.matrix.toarray().tolist() == [[1, 0], [1, 1]]
    assert named.account is not None
    assert named.account.unused == ("rating",)


def test_views_of_text_as_polars_exports_them() -> None:
    table = TABLE.set_column(0, "userId", TABLE["userId"].cast(pa.string_view()))
    assert recsys.read_ratings(table).users.ids.tolist() == ["a", "b"]


@settings(max_examples=60, deadline=None)
@given(frame=frames())
def test_a_table_reads_as_its_frame(frame: pd.DataFrame) -> None:
    expected = recsys.Ratings.from_frame(frame, timestamp="timestamp")
    table: Any = pa.Table.from_pandas(frame, preserve_index=False)
    assert recsys.Ratings.from_frame(table, timestamp="timestamp").fingerprint == (
        expected.fingerprint
    )


def test_what_is_wrong_with_a_table_is_named() -> None:
    table: Any = TABLE
    with pytest.raises(DataError, match="no column 'user_id' for the user; it has 'userId'"):
        recsys.Ratings.from_frame(table)
    with pytest.raises(ArgumentError, match="item must name a column of its own"):
        recsys.Ratings.from_frame(table, "userId", "userId")
    with pytest.raises(DataError, match="the table holds no ratings"):
        recsys.read_ratings(table[:0])
    gap: Any = pa.table({"user": [1, None], "item": [1, 2]})
    with pytest.raises(DataError, match="the table, row 1: 'user' is missing"):
        recsys.read_ratings(gap)
    nothing: Any = [1, 2]
    with pytest.raises(ArgumentError, match="path must be a path, DataFrame or Arrow table"):
        recsys.read_ratings(nothing)
