from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.store import tables

ids = st.lists(st.integers(-(2**63) + 1, 2**63 - 1), min_size=1, unique=True).map(sorted) | (
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, unique=True)
    .map(sorted)
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(ids=ids)
def test_any_ids_come_back(ids: list[int] | list[str]) -> None:
    table = tables.from_bytes(tables.to_bytes(pa.table({"id": ids})))
    found = tables.index(table, "user")
    assert found.ids.tolist() == ids
    assert found.kind == "user"


def test_a_table_lies_on_the_memory_it_is_read_from() -> None:
    raw = tables.to_bytes(pa.table({"id": [1, 2, 3]}))
    address = tables.from_bytes(raw)["id"].chunk(0).buffers()[1].address
    assert 0 <= address - raw.ctypes.data < len(raw)


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (pa.array([2, 1]), "user ids must increase"),
        (pa.array([1, 1]), "user ids must increase"),
        (pa.array(["b", "a"]), "user ids must increase"),
        (pa.array([1, None]), "user ids must be whole numbers or text"),
        (pa.array([1.0, 2.0]), "user ids must be whole numbers or text, not double"),
        (pa.array([True, False]), "user ids must be whole numbers or text, not bool"),
        (pa.array([[1], [2]]), "user ids must be whole numbers or text, not list"),
        (pa.array(["", "a"]), "user id '' is missing"),
    ],
)
def test_other_ids_are_refused(column: pa.Array, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        tables.index(pa.table({"id": column}), "user")


def test_ids_in_several_pieces_are_one_index() -> None:
    pieces = pa.chunked_array([["a", "b"], [], ["c"]])
    assert tables.index(pa.table({"id": pieces}), "item").ids.tolist() == ["a", "b", "c"]
    backwards = pa.chunked_array([[2, 3], [1]])
    with pytest.raises(ValueError, match="must increase"):
        tables.index(pa.table({"id": backwards}), "item")


def test_no_table_is_a_value_error() -> None:
    for raw in (b"", b"ARROW1\0\0" + b"\xff" * 64 + b"ARROW1", b"x" * 1000):
        with pytest.raises(ValueError):  # noqa: PT011
            tables.from_bytes(np.frombuffer(raw, np.uint8))


def test_text_that_is_no_utf8_is_a_value_error() -> None:
    raw = tables.to_bytes(pa.table({"id": [1], "title": ["Amélie"]})).copy()
    raw.tobytes().index("é".encode())
    raw[raw.tobytes().index("é".encode())] = 0x20
    with pytest.raises(ValueError, match="UTF8"):
        tables.from_bytes(raw)


@pytest.mark.parametrize("names", [[], ["title"], ["title", "id"], ["id", "title", "title"]])
def test_columns_that_do_not_fit_are_refused(names: list[str]) -> None:
    table = pa.Table.from_arrays([pa.array([1])] * len(names), names=names)
    with pytest.raises(ValueError, match="columns must be id and others"):
        tables.from_bytes(tables.to_bytes(table))


def test_an_item_table_may_have_a_column_called_id() -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array(["tt0"])], names=["id", "id"])
    assert tables.from_bytes(tables.to_bytes(table)).column(1).to_pylist() == ["tt0"]


FRAME = pd.DataFrame(
    {
        "title": ["Amélie", None, "Ran"],
        "year": pd.array([2001, None, 1985], "Int64"),
        "runtime": [122, 88, 162],
        "score": [8.3, np.nan, 8.2],
        "liked": pd.array([True, None, False], "boolean"),
        "tags": pd.array(["a", None, "b"], "string"),
    }
)


def arrow(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)


def with_notes(table: pa.Table, notes: object) -> pa.Table:
    text = notes if isinstance(notes, bytes) else json.dumps(notes)
    return table.replace_schema_metadata({"pandas": text})


def test_pandas_types_come_back() -> None:
    pd.testing.assert_frame_equal(tables.convertible(arrow(FRAME)).to_pandas(), FRAME)


def test_types_that_pandas_may_refuse_are_tried() -> None:
    when = pd.DataFrame({"released": [pd.Timestamp("2001-04-25"), pd.NaT], "kinds": [["a"], []]})
    found = tables.convertible(arrow(when)).to_pandas()
    assert found["released"].equals(when["released"])
    assert [list(kinds) for kinds in found["kinds"]] == [["a"], []]
    zone = pa.table({"at": pa.array([0], pa.timestamp("s", "No/Such_Place"))})
    with pytest.raises(ValueError, match="No/Such_Place|zone"):
        tables.convertible(zone)


@pytest.mark.parametrize(
    "notes",
    [
        b"\xff", b"[" * 100_000, [], {}, {"columns": 3}, {"columns": [{"name": ["year"]}]},
        {"columns": [{"name": "year", "numpy_type": "Int65"}]},
        {"columns": [{"name": "year", "numpy_type": ["Int64"]}]},
        {"columns": [{"name": "title", "numpy_type": "Int64"}], "index_columns": ["title"]},
        {"columns": [{"name": "year", "numpy_type": "datetime64[ns]"}], "index_columns": [{}]},
    ],
)  # fmt: skip
def test_notes_of_pandas_that_do_not_fit_are_dropped(notes: object) -> None:
    table = with_notes(arrow(FRAME[["title", "year"]]), notes)
    found = tables.convertible(table).to_pandas()
    assert found["title"].tolist()[::2] == ["Amélie", "Ran"]
    assert found["year"].tolist()[::2] == [2001, 1985]


def test_ids_come_first_and_notes_stay() -> None:
    table = tables.with_ids(np.array([5, 7, 9]), arrow(FRAME))
    assert table.column_names == ["id", *FRAME.columns]
    assert table["id"].to_pylist() == [5, 7, 9]
    pd.testing.assert_frame_equal(table.to_pandas()[list(FRAME.columns)], FRAME)
    alone = tables.with_ids(np.array(["a", "b"], object))
    assert alone.to_pydict() == {"id": ["a", "b"]}
