"""Splits into training and test ratings over the same users and items; deterministic by seed.

No rating is in both parts. Test ratings of items without training ratings are dropped by default.
`Split.how` says how the ratings were split, and how many were dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys.arguments import require_one_of
from recsys.csr import entry_rows, with_ones
from recsys.errors import ArgumentError, DataError
from recsys.ratings.matching import require_shared, union, with_equal_kinds
from recsys.ratings.ratings import Ratings
from recsys.ratings.required import require_ratings
from recsys.ratings.times import iso
from recsys.visible import brief

UnseenItems = Literal["drop", "keep"]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Split:
    """Training and test ratings over the same users and items, and how they were split."""

    train: Ratings
    test: Ratings
    how: str
    """In words: the kind of split, its seed, and how many test ratings were dropped."""
    known: Ratings | None = None
    """Ratings from which the test users are folded in, if they are not in the training part;
    otherwise None."""
    candidates: npt.NDArray[np.int64] | None = None
    """Increasing rows of the items that are ranked; None for all."""

    @property
    def seen(self) -> Ratings:
        """Ratings of the test users that are known: their items are not recommended again."""
        return self.train if self.known is None else self.known


def random(
    ratings: Ratings, test: float = 0.1, seed: int = 0, *, unseen_items: UnseenItems = "drop"
) -> Split:
    """Each rating is a test rating with probability `test`.

    The draws are `numpy.random.default_rng(seed).random(n_ratings)` in row order (user, then item).

    Raises:
        ArgumentError: `test` is not strictly between 0 and 1, or `seed` is out of range.
        DataError: a part would be empty.
    """
    require_ratings("ratings", ratings)
    _check_share("test", test)
    _check_seed(seed)
    is_test = np.random.default_rng(seed).random(ratings.n_ratings) < test
    how = f"random, {test:g} of the ratings to the test, seed {seed}"
    return by_mask(ratings, is_test, how, unseen_items=unseen_items)


def kfold(
    ratings: Ratings, folds: int = 5, seed: int = 0, *, unseen_items: UnseenItems = "drop"
) -> Iterator[Split]:
    """`folds` splits whose test parts are a random partition of the ratings.

    The sizes of the test parts differ by at most one rating.

    Raises:
        ArgumentError: `folds` is not between 2 and the number of ratings.
    """
    require_ratings("ratings", ratings)
    _check_unseen(unseen_items)
    if not _is_whole(folds) or not 2 <= folds <= ratings.n_ratings:
        raise ArgumentError(f"folds must lie between 2 and {ratings.n_ratings}, not {brief(folds)}")
    _check_seed(seed)
    fold = np.random.default_rng(seed).permutation(ratings.n_ratings) % folds
    # A generator expression, so that the checks above run now and each fold is made when needed.
    how = f"of {folds}, random, seed {seed}"
    return (
        by_mask(ratings, fold == i, f"fold {i + 1} {how}", unseen_items=unseen_items)
        for i in range(folds)
    )


def leave_last(ratings: Ratings, n: int = 1, *, unseen_items: UnseenItems = "drop") -> Split:
    """The last `n` ratings of each user are test ratings; ties in time go to the later item.

    All ratings of a user with n or fewer are training ratings.

    Raises:
        ArgumentError: `n` is less than 1.
        DataError: there are no timestamps, or no user has more than n ratings.
    """
    require_ratings("ratings", ratings)
    if not _is_whole(n) or n < 1:
        raise ArgumentError(f"n must be a whole number of at least 1, not {brief(n)}")
    times = _times(ratings)
    counts = np.diff(ratings.matrix.indptr)
    rows = entry_rows(ratings.matrix)
    order = np.lexsort((ratings.matrix.indices, times, rows))
    from_last = ratings.matrix.indptr[1:][rows] - 1 - np.arange(ratings.n_ratings)
    is_test = np.zeros(ratings.n_ratings, bool)
    is_test[order] = (from_last < n) & (counts[rows] > n)
    how = f"the last {n} of each user's ratings by time"
    return by_mask(ratings, is_test, how, unseen_items=unseen_items)


def by_time(ratings: Ratings, test: float = 0.1, *, unseen_items: UnseenItems = "drop") -> Split:
    """Every test rating is later than every training rating.

    At most a share `test` of the ratings are test ratings, and as many as equal times allow.

    Raises:
        ArgumentError: `test` is not strictly between 0 and 1.
        DataError: there are no timestamps, or all are equal.
    """
    require_ratings("ratings", ratings)
    _check_share("test", test)
    times = _times(ratings)
    cut = np.sort(times)[ratings.n_ratings - int(test * ratings.n_ratings) - 1]
    how = f"by time, {test:g} of the ratings to the test: those after {iso(float(cut))} UTC"
    return by_mask(ratings, times > cut, how, unseen_items=unseen_items)


def held_out_users(
    ratings: Ratings,
    users: float = 0.1,
    test: float = 0.2,
    seed: int = 0,
    *,
    unseen_items: UnseenItems = "drop",
) -> Split:
    """Some users are held out of training; a share `test` of their ratings is the test part.

    Their other ratings are `known`, and models fold them in from these (strong generalization).
    The draws are those of the published code of Liang, Krishnan, Hoffman, Jebara 2018 ("Variational
    Autoencoders for Collaborative Filtering", seed 98765, users 10000): the held-out users are
    the last of `RandomState(seed).permutation(n_users)`; their ratings of items not in training are
    dropped; then, with the generator seeded again, user by user, those with at least five ratings
    have `choice(count, int(test * count), replace=False)` of them in the test part.

    Args:
        ratings: the ratings to split.
        users: number of users to hold out, or their share if below 1.
        test: share of the ratings of each held-out user.
        seed: seed of both draws, below 2³².
        unseen_items: whether to `drop` or `keep` ratings of items without training ratings.

    Raises:
        ArgumentError: a share or number is out of range.
        DataError: none of the held-out users has five ratings.
    """
    require_ratings("ratings", ratings)
    _check_seed(seed)
    n_held_out = _number_of(users, ratings.n_users)
    _check_share("test", test)
    # The legacy generator, because the published splits were drawn with it.
    permutation = np.random.RandomState(seed).permutation(ratings.n_users)
    held_out = np.zeros(ratings.n_users, bool)
    held_out[permutation[ratings.n_users - n_held_out :]] = True
    of_held_out = np.repeat(held_out, np.diff(ratings.matrix.indptr))
    seen = _items_of(ratings, ~of_held_out)
    theirs, left_out = _without_unseen(ratings, of_held_out, seen, unseen_items)
    is_test = _some_of_each(ratings, np.flatnonzero(held_out), theirs, test, seed)
    how = (
        f"{n_held_out} of {ratings.n_users} users held out, {test:g} of their ratings to the test, "
        f"the rest shown for fold-in, seed {seed}{left_out}"
    )
    _require_both(~of_held_out, is_test, how)
    known = ratings.select(theirs & ~is_test)
    return Split(ratings.select(~of_held_out), ratings.select(is_test), how, known)


def held_out_items(ratings: Ratings, test: float = 0.1, seed: int = 0) -> Split:
    """All ratings of a random share `test` of the items are test ratings.

    Nothing is known of these items but their features, and they are ranked among themselves: a
    model that has ratings of the others would put those first. The items are the first of
    `numpy.random.default_rng(seed).permutation(n_items)`, of those with ratings.

    Raises:
        ArgumentError: `test` is not strictly between 0 and 1, or `seed` is out of range.
        DataError: a part would be empty.
    """
    require_ratings("ratings", ratings)
    _check_share("test", test)
    _check_seed(seed)
    rated = np.flatnonzero(np.bincount(ratings.matrix.indices, minlength=ratings.n_items))
    drawn = np.random.default_rng(seed).permutation(rated)
    held_out = np.sort(drawn[: int(test * len(rated))]).astype(np.int64)
    is_test = np.isin(ratings.matrix.indices, held_out)
    how = (
        f"{len(held_out):,} of {len(rated):,} items held out with all their ratings and ranked "
        f"among themselves, seed {seed}"
    )
    _require_both(~is_test, is_test, how)
    return Split(ratings.select(~is_test), ratings.select(is_test), how, candidates=held_out)


def given(train: Ratings, test: Ratings, *, unseen_items: UnseenItems = "keep") -> Split:
    """A split that already exists, over the union of the users and items of both parts.

    Test ratings of items without training ratings are kept by default, as in the original split.
    Where the ids of one part are whole numbers and those of the other text, all become text.

    Raises:
        DataError: a pair is in both parts, or they have almost no items in common.
    """
    for part, ratings in (("train", train), ("test", test)):
        require_ratings(part, ratings)
    different = train.users.is_integer != test.users.is_integer
    train, test = with_equal_kinds(train, test, "users")
    train, test = with_equal_kinds(train, test, "items")
    names = "the training part", "the test part"
    require_shared(train.items, test.items, names)
    if different:  # otherwise, the test users may all be new
        require_shared(train.users, test.users, names)
    users, items = union(train.users, test.users), union(train.items, test.items)
    tables = (
        _both([(items.rows(part.items.ids), part.item_table) for part in (train, test)]),
        _both([(users.rows(part.users.ids), part.user_table) for part in (train, test)]),
    )
    train, test = (part.reindex(users, items, *tables) for part in (train, test))
    both = shared_pairs(train, test)
    if len(both):
        row, column = both[0]
        raise DataError(
            f"{len(both)} ratings are in both parts, first user {users.name(row)}, "
            f"item {items.name(column)}; remove them from one"
        )
    everything = np.ones(test.n_ratings, bool)
    seen = _items_of(train, np.ones(train.n_ratings, bool))
    keep, left_out = _without_unseen(test, everything, seen, unseen_items)
    return Split(train, test.select(keep), "given" + left_out)


def _both(tables: Sequence[tuple[npt.NDArray[np.int64], pd.DataFrame]]) -> pd.DataFrame:
    # The tables of both parts, which stand for these rows; what is in both keeps the first row.
    table = pd.concat([table.set_axis(rows) for rows, table in tables])
    return table[~table.index.duplicated()].sort_index().reset_index(drop=True)


def shared_pairs(train: Ratings, test: Ratings) -> npt.NDArray[np.int64]:
    """(n, 2) row and column of the pairs in both of two `Ratings` over the same users and items."""
    both = with_ones(train.matrix, np.int8).multiply(with_ones(test.matrix, np.int8))
    return np.column_stack(both.nonzero())


def _number_of(users: float, n_users: int) -> int:
    # How many users a number or share stands for.
    if not _is_number(users) or not abs(users) < np.inf:
        raise ArgumentError(f"users must be a number, not {brief(users)}")
    number = int(users * n_users) if users < 1 else int(users)
    if not 0 < users < n_users or not number:
        raise ArgumentError(
            f"users must be a share or a number below {n_users}, not {brief(users)}"
        )
    return number


def _some_of_each(
    ratings: Ratings, rows: npt.NDArray[np.int64], of: BoolArray, share: float, seed: int
) -> BoolArray:
    # A random share of the ratings `of` each user; users with fewer than five have none.
    generator = np.random.RandomState(seed)
    drawn = np.zeros(ratings.n_ratings, bool)
    for row in rows:
        begin, end = ratings.matrix.indptr[row : row + 2]
        entries = begin + np.flatnonzero(of[begin:end])
        if len(entries) >= 5:
            chosen = generator.choice(len(entries), size=int(share * len(entries)), replace=False)
            drawn[entries[chosen]] = True
    return drawn


def by_mask(
    ratings: Ratings, is_test: BoolArray, how: str, *, unseen_items: UnseenItems = "drop"
) -> Split:
    """The ratings for which `is_test` (n_ratings,) is true are test ratings, the others training.

    Raises:
        DataError: a part would be empty.
    """
    test, left_out = _without_unseen(ratings, is_test, _items_of(ratings, ~is_test), unseen_items)
    _require_both(~is_test, test, how)
    return Split(ratings.select(~is_test), ratings.select(test), how + left_out)


def _without_unseen(
    ratings: Ratings, is_test: BoolArray, seen: BoolArray, unseen_items: UnseenItems
) -> tuple[BoolArray, str]:
    _check_unseen(unseen_items)
    keep = is_test & seen[ratings.matrix.indices]
    n_unseen = int(is_test.sum() - keep.sum())
    if not n_unseen:
        return is_test, ""
    done = "kept" if unseen_items == "keep" else "left out"
    words = f"; {n_unseen} test ratings of items not in training {done}"
    return (is_test if unseen_items == "keep" else keep), words


def _items_of(ratings: Ratings, mask: BoolArray) -> BoolArray:
    counts = np.bincount(ratings.matrix.indices[mask], minlength=ratings.n_items)
    return np.asarray(counts > 0)


def _require_both(train: BoolArray, test: BoolArray, how: str) -> None:
    if not train.any() or not test.any():
        side = "test" if train.any() else "training"
        raise DataError(f"the split ({how}) leaves no {side} ratings of {len(train)}")


def _times(ratings: Ratings) -> npt.NDArray[np.float64]:
    if ratings.timestamps is None:
        raise DataError("these ratings have no timestamps, which this split needs; name the column")
    return ratings.timestamps


def _check_unseen(unseen_items: UnseenItems) -> None:
    require_one_of("unseen_items", unseen_items, ("drop", "keep"))


def _check_share(name: str, share: float) -> None:
    if not _is_number(share) or not 0 < share < 1:
        raise ArgumentError(f"{name} must lie strictly between 0 and 1, not {brief(share)}")


def _check_seed(seed: int) -> None:
    if not _is_whole(seed) or not 0 <= seed < 2**32:
        raise ArgumentError(f"seed must be a whole number from 0 to 2³² − 1, not {brief(seed)}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
