from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import frames

import recsys
from recsys.errors import ArgumentError, DataError
from recsys.ratings import splits


def pairs(ratings: recsys.Ratings) -> set[tuple[object, ...]]:
    return set(map(tuple, ratings.to_frame()[["user", "item"]].to_numpy().tolist()))


def test_random_parts_partition_the_ratings(sample: recsys.Ratings) -> None:
    split = splits.random(sample, test=0.2, seed=3, unseen_items="keep")
    assert pairs(split.train) | pairs(split.test) == pairs(sample)
    assert not pairs(split.train) & pairs(split.test)
    draws = np.random.default_rng(3).random(sample.n_ratings)
    assert split.test.n_ratings == (draws < 0.2).sum()
    assert split.train.users is split.test.users is sample.users
    assert pairs(splits.random(sample, test=0.2, seed=3, unseen_items="keep").test) == pairs(
        split.test
    )
    assert pairs(splits.random(sample, test=0.2, seed=4).test) != pairs(split.test)


def test_folds_partition_the_ratings(sample: recsys.Ratings) -> None:
    folds = list(splits.kfold(sample, 4, seed=0, unseen_items="keep"))
    tests = [pairs(split.test) for split in folds]
    assert set.union(*tests) == pairs(sample)
    assert sum(map(len, tests)) == sample.n_ratings
    sizes = [split.test.n_ratings for split in folds]
    assert max(sizes) - min(sizes) <= 1


def test_given_parts_share_the_union_of_their_ids() -> None:
    def read(rows: list[tuple[Any, ...]], titles: list[tuple[int, str]]) -> recsys.Ratings:
        frame = pd.DataFrame(rows, columns=["user_id", "item_id", "rating"])
        items = pd.DataFrame(titles, columns=["item_id", "title"])
        return recsys.Ratings.from_frame(frame, items=items)

    train = read([(1, 10, 4.0), (3, 30, 2.0)], [(10, "ten"), (30, "thirty")])
    test = read([(1, 20, 5.0), (2, 30, 1.0)], [(20, "twenty"), (30, "other")])
    split = splits.given(train, test)
    assert split.train.users.ids.tolist() == [1, 2, 3]
    assert split.train.items.ids.tolist() == [10, 20, 30]
    assert split.train.matrix.toarray().tolist() == [[4, 0, 0], [0, 0, 0], [0, 0, 2]]
    assert split.test.matrix.toarray().tolist() == [[0, 5, 0], [0, 0, 1], [0, 0, 0]]
    assert split.train.item_table["title"].tolist() == ["ten", "twenty", "thirty"]
    with pytest.raises(DataError, match=r"1 ratings are in both parts, first user 1, item 10"):
        splits.given(train, train.select(np.array([True, False])))


def test_bad_arguments_are_named(sample: recsys.Ratings) -> None:
    for users in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="users must be a number"):
            splits.held_out_users(sample, users)
    test: Any
    for test in (0, 1, -0.5, 2, "0.1", None):
        with pytest.raises(ValueError, match="test must lie strictly between 0 and 1"):
            splits.random(sample, test=test)
    with pytest.raises(ValueError, match="folds must lie between 2"):
        splits.kfold(sample, 1)
    with pytest.raises(ValueError, match="folds must lie between 2"):
        splits.kfold(sample, 2.5)  # type: ignore[arg-type]
    seed: Any
    for seed in (-1, 1.5, None):
        with pytest.raises(ValueError, match="seed must be a whole number"):
            splits.random(sample, seed=seed)
    with pytest.raises(ValueError, match="per_user must be a whole number"):
        sample.at_least_active("2")  # type: ignore[arg-type]
    one = sample.select(np.arange(sample.n_ratings) == 0)
    with pytest.raises(DataError, match="leaves no"):
        splits.random(one, test=0.5)


def every_split(ratings: recsys.Ratings) -> Iterator[splits.Split]:
    yield splits.random(ratings, seed=1)
    yield from splits.kfold(ratings, 3, seed=1)
    yield splits.leave_last(ratings, 2)
    yield splits.by_time(ratings, 0.2)
    yield splits.held_out_users(ratings, 0.2, 0.3, seed=1)


def sparse_ratings() -> recsys.Ratings:
    """Many items with one rating, so that every split meets items that training never saw."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "user_id": np.repeat(np.arange(40), 12),
            "item_id": rng.zipf(1.5, 480) % 300,
            "rating": 4.0,
            "time": rng.integers(0, 1000, 480),
        }
    )
    return recsys.Ratings.from_frame(frame, timestamp="time")


def test_no_split_leaks_or_tests_what_training_never_saw() -> None:
    ratings = sparse_ratings()
    for split in every_split(ratings):
        assert not len(splits.shared_pairs(split.train, split.test)), split.how
        assert pairs(split.train) | pairs(split.test) <= pairs(ratings)
        unseen = set(split.test.to_frame()["item"]) - set(split.train.to_frame()["item"])
        assert not unseen, split.how
        assert "left out" in split.how
    kept = splits.random(ratings, seed=1, unseen_items="keep")
    assert "kept" in kept.how
    assert kept.train.n_ratings + kept.test.n_ratings == ratings.n_ratings
    with pytest.raises(ValueError, match="unseen_items must be one of drop, keep"):
        splits.random(ratings, unseen_items="maybe")  # type: ignore[arg-type]


def test_every_split_is_the_same_again() -> None:
    ratings = sparse_ratings()
    for one, two in zip(every_split(ratings), every_split(ratings), strict=True):
        assert pairs(one.train) == pairs(two.train)
        assert pairs(one.test) == pairs(two.test)
        assert one.how == two.how


def test_leave_last_takes_the_latest_of_each_user(sample: recsys.Ratings) -> None:
    split = splits.leave_last(sample, 3, unseen_items="keep")
    train, test = split.train.to_frame(), split.test.to_frame()
    assert (test.groupby("user").size() == 3).all()
    last_before = train.groupby("user")["timestamp"].max()
    first_after = test.groupby("user")["timestamp"].min()
    assert (last_before[first_after.index] <= first_after).all()
    few = sample.select(np.arange(sample.n_ratings) < sample.matrix.indptr[1])
    assert splits.leave_last(few, 2, unseen_items="keep").train.n_ratings == few.n_ratings - 2
    with pytest.raises(DataError, match="leaves no test"):
        splits.leave_last(few, few.n_ratings)


def test_by_time_never_looks_into_the_future(sample: recsys.Ratings) -> None:
    split = splits.by_time(sample, 0.25)
    assert split.train.timestamps is not None
    assert split.test.timestamps is not None
    assert split.train.timestamps.max() < split.test.timestamps.min()
    assert 0.2 * sample.n_ratings < split.test.n_ratings <= 0.25 * sample.n_ratings


def test_times_are_needed(random_ratings: recsys.Ratings) -> None:
    for cut in (splits.leave_last, splits.by_time):
        with pytest.raises(DataError, match="no timestamps"):
            cut(random_ratings)


def test_held_out_users_are_those_of_the_published_code(sample: recsys.Ratings) -> None:
    """The published notebook's steps, on the long table it works on."""
    split = splits.held_out_users(sample, 60, 0.2, seed=98765)
    frame = sample.to_frame()
    ids = np.sort(frame["user"].unique())
    held_out = ids[np.random.RandomState(98765).permutation(len(ids))][-60:]
    train = frame[~frame["user"].isin(held_out)]
    rest = frame[frame["user"].isin(held_out) & frame["item"].isin(train["item"])]
    generator = np.random.RandomState(98765)
    known, test = [], []
    for _, group in rest.groupby("user"):
        chosen = np.zeros(len(group), bool)
        if len(group) >= 5:
            chosen[generator.choice(len(group), size=int(0.2 * len(group)), replace=False)] = True
        test.append(group[chosen])
        known.append(group[~chosen])

    def of(part: pd.DataFrame) -> set[tuple[object, ...]]:
        return set(map(tuple, part[["user", "item"]].to_numpy().tolist()))

    assert pairs(split.train) == of(train)
    assert pairs(split.test) == of(pd.concat(test))
    assert split.known is not None
    assert pairs(split.known) == of(pd.concat(known))
    assert split.seen is split.known
    for users in (0, 300, -1):
        with pytest.raises(ValueError, match="users must be"):
            splits.held_out_users(sample, users)


def table(ratings: recsys.Ratings) -> list[list[object]]:
    """The ratings as rows, in order."""
    return ratings.to_frame().to_numpy().tolist()


def assert_partition(split: splits.Split, ratings: recsys.Ratings) -> None:
    """Every rating is in exactly one part, with its value and time."""
    assert sorted(table(split.train) + table(split.test)) == table(ratings)
    assert split.train.users is ratings.users
    assert split.test.items is ratings.items


RATINGS = frames().map(lambda frame: recsys.Ratings.from_frame(frame, timestamp="timestamp"))


@settings(max_examples=100, deadline=None)
@given(ratings=RATINGS, test=st.floats(0.01, 0.99), seed=st.integers(0, 2**32 - 1))
def test_a_random_split_is_a_partition(ratings: recsys.Ratings, test: float, seed: int) -> None:
    try:
        split = splits.random(ratings, test, seed, unseen_items="keep")
    except DataError:
        drawn = np.random.default_rng(seed).random(ratings.n_ratings) < test
        assert drawn.all() or not drawn.any()
        return
    assert_partition(split, ratings)


@settings(max_examples=60, deadline=None)
@given(ratings=RATINGS, folds=st.integers(2, 6), seed=st.integers(0, 2**32 - 1))
def test_folds_are_partitions_and_their_tests_are_one(
    ratings: recsys.Ratings, folds: int, seed: int
) -> None:
    folds = min(folds, ratings.n_ratings)
    made = list(splits.kfold(ratings, folds, seed, unseen_items="keep"))
    for split in made:
        assert_partition(split, ratings)
    assert sorted(row for split in made for row in table(split.test)) == table(ratings)
    sizes = [split.test.n_ratings for split in made]
    assert max(sizes) - min(sizes) <= 1


@settings(max_examples=100, deadline=None)
@given(ratings=RATINGS, n=st.integers(1, 4))
def test_leave_last_takes_the_last_of_each_user(ratings: recsys.Ratings, n: int) -> None:
    """Twin: sort each user's ratings by time and item."""
    expected = []
    for _, own in ratings.to_frame().groupby("user", sort=False):
        if len(own) > n:
            expected += own.sort_values(["timestamp", "item"]).tail(n).to_numpy().tolist()
    if not expected:
        with pytest.raises(DataError, match="leaves no test ratings"):
            splits.leave_last(ratings, n)
        return
    split = splits.leave_last(ratings, n, unseen_items="keep")
    assert_partition(split, ratings)
    assert table(split.test) == sorted(expected)


@settings(max_examples=100, deadline=None)
@given(ratings=RATINGS, test=st.floats(0.01, 0.99))
def test_by_time_is_a_partition_at_one_moment(ratings: recsys.Ratings, test: float) -> None:
    try:
        split = splits.by_time(ratings, test, unseen_items="keep")
    except DataError:
        assert ratings.timestamps is not None
        latest = ratings.timestamps == ratings.timestamps.max()
        assert latest.sum() > int(test * ratings.n_ratings)
        return
    assert_partition(split, ratings)
    assert split.train.timestamps is not None
    assert split.test.timestamps is not None
    assert split.train.timestamps.max() < split.test.timestamps.min()
    assert split.test.n_ratings <= test * ratings.n_ratings


@settings(max_examples=60, deadline=None)
@given(ratings=RATINGS, seed=st.integers(0, 1000))
def test_by_default_every_test_item_has_training_ratings(
    ratings: recsys.Ratings, seed: int
) -> None:
    try:
        split = splits.random(ratings, 0.4, seed)
    except DataError:
        return
    assert set(split.test.matrix.indices) <= set(split.train.matrix.indices)
    dropped = ratings.n_ratings - split.train.n_ratings - split.test.n_ratings
    assert (f"{dropped} test ratings" in split.how) == (dropped > 0)


def test_parts_with_number_and_text_ids_are_the_same_people() -> None:
    rows = [(1, 10, 5.0, 1), (2, 9, 4.0, 2), (10, 9, 3.0, 3)]
    columns = ["user", "item", "rating", "timestamp"]
    train = recsys.read_ratings(pd.DataFrame(rows, columns=columns))
    test = recsys.read_ratings(
        pd.DataFrame([("10", "10", 2.0, 4), ("guest", "9", 1.0, 5)], columns=columns)
    )
    split = splits.given(train, test)
    found = split.train.to_frame().astype({"user": str, "item": str})
    assert sorted(found.itertuples(index=False, name=None)) == [
        ("1", "10", 5.0, 1.0), ("10", "9", 3.0, 3.0), ("2", "9", 4.0, 2.0)
    ]  # fmt: skip
    assert split.test.to_frame()[["user", "rating"]].values.tolist() == [
        ["10", 2.0],
        ["guest", 1.0],
    ]
    assert split.train.users.ids.tolist() == ["1", "10", "2", "guest"]
    strangers = test.select(test.matrix.data == 1).without_empty()
    with pytest.raises(DataError, match="have none of . (user|item)s in common: .*text"):
        splits.given(train, strangers)


def test_held_out_items_have_no_training_ratings_and_the_others_no_test(
    sample: recsys.Ratings,
) -> None:
    split = splits.held_out_items(sample, 0.25, seed=3)
    assert split.candidates is not None
    assert len(split.candidates) == sample.n_items // 4
    assert (np.diff(split.candidates) > 0).all()
    in_train, in_test = (
        np.bincount(part.matrix.indices, minlength=sample.n_items) > 0
        for part in (split.train, split.test)
    )
    assert np.flatnonzero(in_test).tolist() == split.candidates.tolist()
    assert not (in_train & in_test).any()
    assert split.train.n_ratings + split.test.n_ratings == sample.n_ratings
    again, other = (splits.held_out_items(sample, 0.25, seed=seed) for seed in (3, 4))
    assert again.test.fingerprint == split.test.fingerprint != other.test.fingerprint


def test_a_share_that_holds_out_no_item_is_refused(sample: recsys.Ratings) -> None:
    with pytest.raises(DataError, match="leaves no test ratings"):
        splits.held_out_items(sample, 0.0001)
    with pytest.raises(ArgumentError, match="test must lie"):
        splits.held_out_items(sample, 1.0)
