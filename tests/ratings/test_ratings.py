from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import frames

import recsys
from recsys.errors import DataError


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


def test_repeats_are_resolved_as_asked() -> None:
    table = frame([(1, 1, 5, 30), (1, 2, 4, 10), (1, 1, 2, 20), (1, 1, 2, 10)],
                  ("user_id", "item_id", "rating", "t"))  # fmt: skip

    def read(**options: Any) -> list[list[float]]:
        return recsys.Ratings.from_frame(table, **options).matrix.toarray().tolist()

    assert read(timestamp="t") == [[5, 4]]
    assert read() == [[2, 4]]  # without times, the last in the file
    assert read(duplicates="mean") == [[3, 4]]
    assert read(duplicates="max") == [[5, 4]]
    assert read(duplicates="sum") == [[9, 4]]
    assert read(duplicates="count") == [[3, 1]]
    with pytest.raises(DataError, match="user 1 rated item 1 more than once"):
        read(duplicates="error")
    with pytest.raises(ValueError, match="duplicates must be one of latest, mean, max, sum"):
        read(duplicates="first")
    mean = recsys.Ratings.from_frame(table, timestamp="t", duplicates="mean")
    assert mean.timestamps is not None
    assert mean.timestamps.tolist() == [30, 10]


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


def test_misuse_is_one_line(random_ratings: recsys.Ratings) -> None:
    table = frame([(1, 1, 3.0)])
    with pytest.raises(ValueError, match="user must name a column of its own"):
        recsys.Ratings.from_frame(table, item="user_id")
    with pytest.raises(ValueError, match="frame must be a DataFrame or Arrow table, not dict"):
        recsys.Ratings.from_frame({"user_id": [1]})  # type: ignore[arg-type]
    with pytest.raises(DataError, match="more than one user column"):
        recsys.Ratings.from_frame(pd.concat([table, table[["user_id"]]], axis=1))
    with pytest.raises(DataError, match="no user column None"):
        recsys.Ratings.from_frame(table, user=None)  # type: ignore[arg-type]
    items = pd.DataFrame({"item": [1], "title": ["A"]})
    assert recsys.Ratings.from_frame(table, items=items).item_table["title"].tolist() == ["A"]
