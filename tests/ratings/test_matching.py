"""Ids of two sources: what is in both, and what does not fit together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recsys
from recsys.errors import DataError
from recsys.ids import IdIndex
from recsys.ratings import splits
from recsys.ratings.matching import (
    almost_none,
    is_in,
    merged,
    require_shared,
    union,
    with_equal_kinds,
)


def frame_of(rows: list[tuple[int, int]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["user_id", "item_id"])
    return table.assign(rating=table.user_id % 5 + 1.0, when=table.item_id * 100 + table.user_id)


def with_gift_card(rows: list[tuple[int, int]]) -> recsys.Ratings:
    extra = pd.DataFrame({"user_id": 1, "item_id": "gift-card", "rating": 1.0, "when": 5}, [0])
    table = pd.concat([frame_of(rows).astype({"item_id": str}), extra])
    return recsys.Ratings.from_frame(table, timestamp="when")


@given(st.sets(st.tuples(st.integers(1, 120), st.integers(1, 120)), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_text_ids_keep_every_rating_with_its_user_item_and_time(
    pairs: set[tuple[int, int]],
) -> None:
    frame = frame_of(sorted(pairs))
    numbers = recsys.Ratings.from_frame(frame, timestamp="when")
    texts = recsys.Ratings.from_frame(
        frame.astype({"user_id": str, "item_id": str}), timestamp="when"
    )
    numbers, same = with_equal_kinds(numbers, texts, "users")
    numbers, same = with_equal_kinds(numbers, same, "items")
    assert same is texts
    assert numbers.fingerprint == texts.fingerprint


def test_ids_that_do_not_fit_are_named_with_examples() -> None:
    numbers, texts = IdIndex([1, 2, 3, 4], "item"), IdIndex(["B1", "B2"], "item")
    with pytest.raises(DataError) as caught:
        require_shared(numbers, texts, ("the model", "the file"))
    assert str(caught.value) == (
        "the model and the file have none of 2 items in common: item ids are whole numbers "
        "(1, 2, 3, ...) in the model and text ('B1', 'B2') in the file; write the ids of both in "
        "the same way, or name the right columns"
    )


def test_a_tenth_of_the_smaller_set_is_enough() -> None:
    hundred = IdIndex(range(100), "item")
    assert not almost_none(hundred, IdIndex(range(99, 109), "item"))
    assert almost_none(hundred, IdIndex(range(99, 110), "item"))
    require_shared(hundred, IdIndex([5], "item"), ("a", "b"))
    with pytest.raises(DataError, match="are these the same items"):
        require_shared(hundred, IdIndex([500], "item"), ("a", "b"))


def test_a_union_keeps_numbers_and_texts() -> None:
    assert union(IdIndex([1, 9]), IdIndex([2, 9])).ids.tolist() == [1, 2, 9]
    assert union(IdIndex(["1", "9"]), IdIndex(["10"])).ids.tolist() == ["1", "10", "9"]


def test_a_given_split_finds_a_leak_across_kinds_of_ids() -> None:
    # One id like gift-card makes all ids of a file text.
    rows = [(u, i) for u in range(1, 9) for i in range(1, 9) if (u + i) % 3]
    train = recsys.Ratings.from_frame(frame_of(rows), timestamp="when")
    test = with_gift_card(rows[:10])
    with pytest.raises(DataError, match="10 ratings are in both parts, first user 1, item '"):
        splits.given(train, test)
    split = splits.given(train, with_gift_card([(1, 2), (2, 1)]))
    assert split.train.n_ratings == len(rows)
    row, column = split.train.users.row(2), split.train.items.row("3")
    assert split.train.matrix[row, column] == 3.0
    assert set(split.test.items.ids) == {*(str(i) for i in range(1, 9)), "gift-card"}
    assert np.diff(split.test.matrix.indptr).sum() == 3


def test_a_given_split_of_other_items_is_refused() -> None:
    train = recsys.Ratings.from_frame(frame_of([(u, i) for u in (1, 2) for i in (1, 2, 3)]))
    test = recsys.Ratings.from_frame(frame_of([(u, i) for u in (1, 2) for i in (21, 22, 23)]))
    with pytest.raises(DataError, match="the test part have none of 3 items in common"):
        splits.given(train, test)


@given(st.sets(st.tuples(st.integers(1, 12), st.integers(1, 12)), min_size=2), st.randoms())
@settings(max_examples=60, deadline=None)
def test_merged_parts_are_the_whole(rows: set[tuple[int, int]], random: Any) -> None:
    whole = recsys.Ratings.from_frame(frame_of(sorted(rows)), timestamp="when")
    keep = np.array([random.random() < 0.5 for _ in range(whole.n_ratings)])
    again = merged(whole.select(keep), whole.select(~keep))
    assert again.fingerprint == whole.fingerprint
    assert again.matrix.has_sorted_indices
    untimed = replace(whole.select(keep), timestamps=None)
    assert merged(untimed, whole.select(~keep)).timestamps is None


@pytest.mark.parametrize("text", [False, True])
def test_pairs_are_found_whatever_their_value_and_the_type_of_their_ids(text: bool) -> None:
    first = recsys.Ratings.from_frame(frame_of([(1, 1), (1, 2), (3, 2)]).assign(rating=0.0))
    other = frame_of([(1, 1), (1, 3), (2, 2), (3, 1), (3, 2)])
    second = recsys.Ratings.from_frame(other.astype({"user_id": str}) if text else other)
    found = is_in(first.users, first.items, first.matrix, second)
    assert found.tolist() == [True, False, False, False, True]
