from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import frames

import recsys
from recsys.errors import DataError
from recsys.ratings.encoding import encode_integers


def frame(
    rows: list[tuple[Any, ...]], columns: Sequence[str] = ("user_id", "item_id", "rating")
) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(columns))


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(-5, 20), st.integers(0, 10**12), st.integers(1, 5), st.integers(0, 9)
        ),
        min_size=1,
        max_size=60,
    )
)
def test_any_table_becomes_its_matrix(rows: list[tuple[Any, ...]]) -> None:
    """Twin: a dictionary in which a later time, then a later row, wins."""
    table = frame(rows, ("user_id", "item_id", "rating", "time"))
    ratings = recsys.Ratings.from_frame(table, timestamp="time")
    latest: dict[tuple[int, int], tuple[int, int, int]] = {}
    for position, (user, item, rating, time) in enumerate(rows):
        latest[user, item] = max(latest.get((user, item), (-1, -1, 0)), (time, position, rating))
    assert ratings.users.ids.tolist() == sorted({u for u, *_ in rows})
    assert ratings.items.ids.tolist() == sorted({i for _, i, *_ in rows})
    found = ratings.to_frame()
    assert [tuple(r) for r in found[["user", "item"]].itertuples(index=False)] == sorted(latest)
    for (pair, (time, _, rating)), row in zip(
        sorted(latest.items()), found.itertuples(index=False), strict=True
    ):
        assert (row.user, row.item, row.rating, row.timestamp) == (*pair, rating, time)
    assert ratings.matrix.has_sorted_indices


@settings(max_examples=100, deadline=None)
@given(frame=frames(), seed=st.integers(0, 1000))
def test_the_order_of_the_rows_does_not_matter(frame: pd.DataFrame, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(frame))
    ratings = recsys.Ratings.from_frame(frame, timestamp="timestamp")
    shuffled = recsys.Ratings.from_frame(frame.iloc[order], timestamp="timestamp")
    assert shuffled.fingerprint == ratings.fingerprint
    # Of several ratings of a pair the latest counts, wherever it is in the table.
    later = frame.assign(rating=frame["rating"] + 1, timestamp=frame["timestamp"] + 100)
    both = pd.concat([later, frame]).iloc[np.random.default_rng(seed).permutation(2 * len(frame))]
    merged = recsys.Ratings.from_frame(both, timestamp="timestamp")
    expected = recsys.Ratings.from_frame(later, timestamp="timestamp")
    assert merged.fingerprint == expected.fingerprint


@settings(max_examples=100, deadline=None)
@given(frame=frames())
def test_a_table_survives_the_way_there_and_back(frame: pd.DataFrame) -> None:
    found = recsys.Ratings.from_frame(frame, timestamp="timestamp").to_frame()
    expected = frame.sort_values(["user_id", "item_id"]).to_numpy().tolist()
    assert found.to_numpy().tolist() == expected


def test_duplicates_latest_mean_and_error() -> None:
    table = frame([(1, 1, 5, 30), (1, 2, 4, 10), (1, 1, 2, 20), (1, 1, 2, 10)],
                  ("user_id", "item_id", "rating", "t"))  # fmt: skip

    def read(**options: Any) -> list[list[float]]:
        return recsys.Ratings.from_frame(table, **options).matrix.toarray().tolist()

    assert read(timestamp="t") == [[5, 4]]
    assert read() == [[2, 4]]  # without times, the last in the file
    assert read(duplicates="mean") == [[3, 4]]
    with pytest.raises(DataError, match="user 1 rated item 1 more than once"):
        read(duplicates="error")
    with pytest.raises(ValueError, match="duplicates must be one of latest, mean, error"):
        read(duplicates="first")
    mean = recsys.Ratings.from_frame(table, timestamp="t", duplicates="mean")
    assert mean.timestamps is not None
    assert mean.timestamps.tolist() == [30, 10]


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


def test_everything_is_read_only(random_ratings: recsys.Ratings) -> None:
    for array in (random_ratings.matrix.data, random_ratings.matrix.indices):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_equal_data_have_equal_fingerprints_in_any_order() -> None:
    rows = [(1, 1, 5.0), (2, 1, 3.0), (2, 7, 1.0)]
    one = recsys.Ratings.from_frame(frame(rows)).fingerprint
    assert one == recsys.Ratings.from_frame(frame(rows[::-1])).fingerprint
    assert one != recsys.Ratings.from_frame(frame([*rows[:2], (2, 7, 2.0)])).fingerprint
    assert one != recsys.Ratings.from_frame(frame([*rows[:2], (2, 8, 1.0)])).fingerprint


def test_k_core(sample: recsys.Ratings) -> None:
    core = sample.at_least_active(per_user=15, per_item=20)
    assert np.diff(core.matrix.indptr).min() >= 15
    assert np.diff(core.matrix.tocsc().indptr).min() >= 20
    assert len(core.item_table) == core.n_items < sample.n_items
    whole, part = sample.to_frame(), core.to_frame()
    assert len(part.merge(whole)) == len(part)  # ratings and times went along
    titles = dict(zip(sample.items.ids, sample.item_table["title"], strict=True))
    assert [titles[i] for i in core.items.ids] == core.item_table["title"].tolist()
    with pytest.raises(DataError, match="no ratings are left with at least 500 per user"):
        sample.at_least_active(per_user=500)


def test_ids_in_pieces_with_wide_and_narrow_ranges() -> None:
    rng = np.random.default_rng(0)
    for high in (1000, 10**15):
        ids = rng.integers(-high, high, 5000)
        index, codes = encode_integers([ids[:10], ids[10:10], ids[10:]], "user")
        unique, inverse = np.unique(ids, return_inverse=True)
        assert np.array_equal(index.ids, unique)
        assert np.array_equal(codes, inverse)


def test_the_sample_is_what_its_script_writes(root: Path, tmp_path: Path) -> None:
    import importlib.util

    spec = importlib.util.spec_from_file_location(
        "simulate_script", root / "scripts" / "simulate.py"
    )
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.write(tmp_path)
    for name in ("ratings.csv", "movies.csv"):
        assert (tmp_path / name).read_text() == (root / "data" / "sample" / name).read_text()


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
        ("user_id", [10**30, 2], "does not fit a 64-bit integer"),
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


def test_misuse_is_one_line(random_ratings: recsys.Ratings) -> None:
    table = frame([(1, 1, 3.0)])
    with pytest.raises(ValueError, match="user must name a column of its own"):
        recsys.Ratings.from_frame(table, item="user_id")
    with pytest.raises(ValueError, match="frame must be a DataFrame, not dict"):
        recsys.Ratings.from_frame({"user_id": [1]})  # type: ignore[arg-type]
    with pytest.raises(DataError, match="more than one user column"):
        recsys.Ratings.from_frame(pd.concat([table, table[["user_id"]]], axis=1))
    with pytest.raises(DataError, match="no user column None"):
        recsys.Ratings.from_frame(table, user=None)  # type: ignore[arg-type]
    items = pd.DataFrame({"item": [1], "title": ["A"]})
    assert recsys.Ratings.from_frame(table, items=items).item_table["title"].tolist() == ["A"]
