"""What is odd about ratings, found in the ratings themselves, each with a code and a remedy.

| code | what it finds |
|---|---|
| D001 | rows that repeat a user and item |
| D002 | ids that are numbers written as text |
| D003 | large gaps between the numbers that are ids |
| D004 | users with a single rating |
| D005 | items with a single rating |
| D006 | a value apart from the scale, such as −1, 0 or 99 for "not rated" |
| D007 | values that are all equal |
| D008 | times in the future |
| D009 | times that are all too early, so in another unit |
| D010 | times that are all equal |
| D011 | ratings that look like counts, or counts that look like ratings |
| D012 | a few items that have most of the ratings |
| D013 | a table that is nearly full, or nearly empty |
| D014 | nothing in common between users: every user, or every item, has one rating |
| D015 | rows that were left out |
| D016 | held-out ratings that are also in the ratings |
| D017 | held-out ratings of other users or items |
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from recsys.errors import DataError
from recsys.findings import Finding, by_level
from recsys.ids import WHOLE_NUMBER, shown
from recsys.ratings.account import counted
from recsys.ratings.matching import is_in, require_shared, with_equal_kinds
from recsys.ratings.ratings import Ratings

MANY_REPEATS = 0.01
"""Share of rows that repeat a pair, above which it is a warning."""
MOSTLY_NUMBERS = 0.5
"""Share of text ids that are whole numbers, above which the others are suspicious."""
GAPS = 100
"""Width of the range of ids / number of ids, above which the ids have gaps."""
SINGLE = 0.3
"""Share of users or items with one rating, above which it is said."""
GRID = 21
"""Most distinct values of a scale of ratings, such as 0 to 10 in halves."""
APART = 2.5
"""Steps of the scale between a value and the next, above which it is not on the scale."""
FEWEST = 4
"""Distinct values below which nothing can be said about a scale."""
MANY_ZEROS = 0.2
"""Share of zeros among positive ratings, above which they may mean "not rated"."""
EARLIEST = 662_688_000.0
"""1991-01-01: nobody recorded ratings before; earlier times are in another unit."""
TOMORROW = 86_400.0
"""Seconds a clock may be ahead, for time zones."""
HEAD = 0.01
"""Share of the items that are called the head."""
HEAVY_HEAD = 0.4
"""Share of the ratings in the head, above which it is said."""
FULL = 0.5
"""Density above which a table is nearly full."""
THIN = 3.0
"""Ratings per user, on average, below which there is little to learn from."""
MANY_DROPPED = 0.01
"""Share of rows left out, above which it is a warning."""

_SMALL = 20  # ratings below which shares say nothing

Check = Callable[[Ratings], Iterator[Finding]]


def examine(
    ratings: Ratings, held_out: Ratings | None = None, now: float | None = None
) -> list[Finding]:
    """Everything that is odd about the ratings, errors first.

    Args:
        ratings: what to examine; with an account also by how they were read.
        held_out: ratings to test on, which must not be among `ratings`.
        now: seconds since 1970; the current time by default.
    """
    found = [finding for check in _CHECKS for finding in check(ratings)]
    found += times(ratings, time.time() if now is None else now)
    if held_out is not None:
        found += held_out_ratings(ratings, held_out)
    return by_level(found)


def repeats(ratings: Ratings) -> Iterator[Finding]:
    """D001."""
    account = ratings.account
    if account is None or not account.n_repeats:
        return
    many = account.n_repeats > MANY_REPEATS * account.n_rows
    lost = many and account.duplicates == "latest" and account.kind != "ratings"
    yield Finding(
        "D001",
        "warning" if lost else "note",
        f"{account.n_repeats:,} of {counted(account.n_rows, 'row')} repeat the user and item of "
        f"another row (resolved by: {account.duplicates})",
        "choose what counts with --duplicates: sum or count for events, latest or mean for ratings",
    )


def numbers_as_text(ratings: Ratings) -> Iterator[Finding]:
    """D002."""
    for index in (ratings.users, ratings.items):
        if index.is_integer or not len(index):
            continue
        is_number = np.array([bool(WHOLE_NUMBER.fullmatch(one)) for one in index.ids])
        n = int(is_number.sum())
        if n > MOSTLY_NUMBERS * len(index) and n < len(index):
            other = shown(index.ids[~is_number][0])
            yield Finding(
                "D002",
                "note",
                f"{n:,} of {len(index):,} {index.kind} ids are whole numbers, but all are read as "
                f"text because of others such as {other}",
                f"correct {other} if it is a mistake; otherwise nothing is wrong",
            )


def gaps(ratings: Ratings) -> Iterator[Finding]:
    """D003."""
    for index in (ratings.users, ratings.items):
        if not index.is_integer or len(index) < _SMALL:
            continue
        low, high = int(index.ids[0]), int(index.ids[-1])
        if high - low + 1 > GAPS * len(index):
            yield Finding(
                "D003",
                "note",
                f"{len(index):,} {index.kind} ids run from {low} to {high}",
                "nothing is wrong if the file is an extract, or the ids come from another table; "
                "otherwise check that the file is complete and that this is the column of ids",
            )


def single(ratings: Ratings) -> Iterator[Finding]:
    """D004 and D005; D014 where there is nothing else."""
    counts = {"user": _per_user(ratings), "item": _per_item(ratings)}
    empty = [kind for kind, n in counts.items() if len(n) > 1 and n.max(initial=0) <= 1]
    for kind in empty:
        yield Finding(
            "D014",
            "error",
            f"every {kind} has a single rating, so users have nothing in common to learn from",
            f"check that the column taken for the {kind} is the right one (--column {kind}=NAME)",
        )
    if empty or ratings.n_ratings < _SMALL:
        return
    remedies = {
        "user": "evaluate with --per-user 2 or more: nothing can be both learned and tested on one",
        "item": "evaluate with --per-item 2 or more: such items are hardly ever recommended right",
    }
    for (kind, n), code in zip(counts.items(), ("D004", "D005"), strict=True):
        once = int((n == 1).sum())
        if once > SINGLE * len(n):
            text = f"{once:,} of {len(n):,} {kind}s ({once / len(n):.0%}) have a single rating"
            yield Finding(code, "note", text, remedies[kind])


def apart(ratings: Ratings) -> Iterator[Finding]:
    """D006."""
    account, values = ratings.account, ratings.matrix.data
    if not ratings.has_values or (account is not None and account.kind != "ratings"):
        return
    distinct, counts = np.unique(values, return_counts=True)
    for at in _off_scale(distinct, counts):
        rest = np.delete(distinct, at)
        value, n = f"{distinct[at]:g}", int(counts[at])
        yield Finding(
            "D006",
            "warning",
            f"{counted(n, 'rating')} of {value} ({n / len(values):.1%}), and the others are from "
            f"{rest[0]:g} to {rest[-1]:g}",
            f'if {value} means "not rated", leave these rows out with --missing {value}',
        )


def equal_values(ratings: Ratings) -> Iterator[Finding]:
    """D007."""
    values = ratings.matrix.data
    if ratings.has_values and len(values) > 1 and values.min() == values.max():
        yield Finding(
            "D007",
            "warning",
            f"every rating is {values[0]:g}, so they say only what was seen",
            "use a model of what was seen, such as implicit-als; if there are ratings, name their "
            "column with --column rating=NAME",
        )


def times(ratings: Ratings, now: float) -> Iterator[Finding]:
    """D008, D009 and D010."""
    if ratings.timestamps is None or not len(ratings.timestamps):
        return
    seconds = ratings.timestamps
    first, last, n = float(seconds.min()), float(seconds.max()), len(seconds)
    remedy = "name the column of the times with --column timestamp=NAME, or none with timestamp="
    future = int((seconds > now + TOMORROW).sum())
    if future:
        text = f"{future:,} of {n:,} times are in the future, the last {_date(last)}"
        yield Finding("D008", "warning", text, remedy)
    if last < EARLIEST:
        text = f"all times are before 1991, from {_date(first)} to {_date(last)}"
        yield Finding("D009", "warning", text, f"they may be in another unit; {remedy}")
    if first == last and n > 1:
        text = f"every time is {_date(first)}, so nothing is known of the order"
        yield Finding("D010", "warning", text, "do not split by time or leave out the last")


def kind(ratings: Ratings) -> Iterator[Finding]:
    """D011."""
    account = ratings.account
    if account is None or not ratings.has_values or ratings.n_ratings < _SMALL:
        return
    distinct = np.unique(ratings.matrix.data)
    if account.kind == "ratings" and len(distinct) > GRID and _is_skewed(ratings.matrix.data):
        yield Finding(
            "D011",
            "warning",
            f"the ratings have {len(distinct):,} different values from {distinct[0]:g} to "
            f"{distinct[-1]:g}, most of them small: they look like counts",
            "call the column count, so that repeats are added up, and use a model of what was "
            "seen, such as implicit-als",
        )
    if account.kind == "counts" and 2 < len(distinct) <= GRID and distinct[-1] <= 10:
        yield Finding(
            "D011",
            "note",
            f"the counts have only {len(distinct)} different values, from {distinct[0]:g} to "
            f"{distinct[-1]:g}: they may be ratings",
            "call the column rating if they are, so that the latest counts where one is repeated",
        )


def heavy_head(ratings: Ratings) -> Iterator[Finding]:
    """D012."""
    counts = np.sort(_per_item(ratings))[::-1]
    head = int(HEAD * len(counts))
    if not head:
        return
    share = counts[:head].sum() / max(1, counts.sum())
    if share > HEAVY_HEAD:
        yield Finding(
            "D012",
            "note",
            f"the {counted(head, 'item')} with the most ratings (1 %) have {share:.0%} of them",
            "popularity is hard to beat on such data: compare with it, and look at coverage",
        )


def filled(ratings: Ratings) -> Iterator[Finding]:
    """D013."""
    if ratings.n_ratings < _SMALL:
        return
    if ratings.density > FULL:
        yield Finding(
            "D013",
            "note",
            f"{ratings.density:.0%} of all pairs have a rating: hardly anything is left to "
            "recommend",
            "if 0 means that there is none, leave these rows out with --missing 0"
            if (ratings.matrix.data == 0).any()
            else "compare with popularity before you trust a model",
        )
    per_user = ratings.n_ratings / max(1, ratings.n_users)
    if per_user < THIN:
        yield Finding(
            "D013",
            "warning",
            f"users have {per_user:.1f} ratings on average, which is little to learn from",
            "compare with popularity before you trust a model, and with --per-user 5",
        )


def left_out(ratings: Ratings) -> Iterator[Finding]:
    """D015."""
    account = ratings.account
    n = 0 if account is None else sum(account.dropped.values())
    if account is None or not n:
        return
    why = ", ".join(f"{reason} ({n:,})" for reason, n in account.dropped.items())
    yield Finding(
        "D015",
        "warning" if n > MANY_DROPPED * account.n_rows else "note",
        f"{counted(n, 'row')} left out: {why}",
        "correct the file if these rows should count",
    )


def held_out_ratings(ratings: Ratings, held_out: Ratings) -> Iterator[Finding]:
    """D016 and D017."""
    train, test = with_equal_kinds(ratings, held_out, "users")
    train, test = with_equal_kinds(train, test, "items")
    n = int(is_in(train.users, train.items, train.matrix, test).sum())
    if n:
        text = f"{n:,} of the {held_out.n_ratings:,} held-out ratings are also in the ratings"
        remedy = "remove them from one of the two: a model that remembers them looks good"
        yield Finding("D016", "error", text, remedy)
    for ours, theirs in ((train.users, test.users), (train.items, test.items)):
        try:
            require_shared(ours, theirs, ("the ratings", "the held-out ratings"))
        except DataError as error:
            text, _, remedy = str(error).rpartition("; ")
            yield Finding("D017", "error", text, remedy)


_CHECKS: tuple[Check, ...] = (
    repeats, numbers_as_text, gaps, single, apart, equal_values, kind, heavy_head, filled, left_out,
)  # fmt: skip


def _off_scale(distinct: npt.NDArray[np.float32], counts: npt.NDArray[np.int64]) -> Iterator[int]:
    # Positions of extreme values that the grid of the others does not reach.
    if not 3 <= len(distinct) <= GRID + 2:
        return
    steps = np.diff(distinct)
    alone = distinct[0] < 0 <= distinct[1]
    zeros = distinct[0] == 0 and counts[0] > MANY_ZEROS * counts.sum()
    many = len(distinct) > FEWEST
    if alone or zeros or (many and steps[0] > APART * steps[1:].max()):
        yield 0
    if many and steps[-1] > APART * steps[:-1].max():
        yield len(distinct) - 1


def _is_skewed(values: npt.NDArray[np.float32]) -> bool:
    # Whether the upper half of the range is nearly empty, as it is for counts.
    low, middle, high = np.quantile(values, (0, 0.5, 1))
    return bool(low >= 0 and middle - low < (high - low) / 10)


def _per_user(ratings: Ratings) -> npt.NDArray[np.int64]:
    return np.diff(ratings.matrix.indptr).astype(np.int64)


def _per_item(ratings: Ratings) -> npt.NDArray[np.int64]:
    return np.bincount(ratings.matrix.indices, minlength=ratings.n_items)


def _date(seconds: float) -> str:
    return str(np.datetime64(int(seconds), "s")).replace("T", " ")
