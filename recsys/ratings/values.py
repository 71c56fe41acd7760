"""What the values of a rating column are: ratings on a scale, counts, or nothing but "seen"."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recsys.ratings.account import counted
from recsys.ratings.columns import COUNT_NAMES, RATING_NAMES, plain

if TYPE_CHECKING:
    from recsys.ratings.account import Kind
    from recsys.ratings.raw import RawRatings

Values = npt.NDArray[np.floating[Any]]

COUNT_WORDS = (*COUNT_NAMES, "visits", "minutes", "seconds", "duration", "amount")
"""Words, as `plain` writes them, with which the name of a column of counts ends."""
RATING_WORDS = (*RATING_NAMES, "scores", "star", "label")

MANY_ZEROS = 1 / 3
"""Share of zeros from which on they may stand for "not rated"."""

_MOST_STEPS = 20  # of a scale of ratings: 0 to 10 in halves has as many
_BLOCK = 1 << 20
_TAIL = 4  # times the median, at least, is the largest of counts
_CODES = (-9.0, -99.0, -999.0, -9999.0, 255.0, 999.0, 9999.0)  # likewise, next to a scale
_FAR = 99.0  # stands for "not rated" where it is far outside the scale, as in Jester


def understood(raw: RawRatings, missing: Sequence[float] | None = None) -> tuple[Kind, str]:
    """The kind of feedback in the rating column, and what it was recognized by.

    The column's name decides, otherwise its values. Rows whose value stands for "not rated" are
    taken out of `raw`, which says so in `dropped` and `remarks`: those with a value in `missing`,
    or, where that is None, those of −1 apart from a scale of positive ratings.

    Args:
        raw: the columns that were read; overwritten.
        missing: values that stand for "not rated"; an empty list for none.
    """
    values = raw.columns.get("rating")
    if values is None:
        return "seen", "no column of ratings or counts"
    values = np.asarray(values)
    if not len(values):
        return "ratings", ""
    name = raw.taken["rating"].name if "rating" in raw.taken else ""
    named = kind_by_name(name)
    if missing is not None:
        values = _without(raw, values, missing)
    elif float(values.min()) == -1:
        values = _without_minus_one(raw, values, named)
    if not len(values):
        return named or "ratings", f"the name {name!r}" if named else ""
    _remark_on_outliers(raw, values, missing or (), named)
    if named is not None:
        return named, f"the name {name!r}"
    return kind_by_values(values)


def kind_by_name(name: str) -> Kind | None:
    """What a column of this name holds; None where the name does not say it.

    >>> kind_by_name("Book-Rating"), kind_by_name("play_count"), kind_by_name("column 3")
    ('ratings', 'counts', None)
    """
    word = plain(name)
    for kind, words in (("ratings", RATING_WORDS), ("counts", COUNT_WORDS)):
        if word.endswith(words):
            return kind  # type: ignore[return-value]
    return None


def kind_by_values(values: Values) -> tuple[Kind, str]:
    """The kind of feedback that values look like, and why.

    >>> kind_by_values(np.array([1.0, 4.5, 5.0])), kind_by_values(np.array([1.0, 2.0, 310.0]))
    (('ratings', 'few values at equal distances'), ('counts', 'not negative, with a long tail'))
    """
    different = distinct(values)
    if different is not None and len(different) == 1:
        return "seen", "a single value"
    if different is not None and is_scale(different):
        return "ratings", "few values at equal distances"
    if values.min() >= 0 and values.max() > _TAIL * float(np.median(values)):
        return "counts", "not negative, with a long tail"
    return "ratings", "no tail as counts have it"


def distinct(values: Values, most: int = 1000) -> Values | None:
    """The different values in increasing order; None where there are more than `most`."""
    found = values[:0]
    for start in range(0, len(values), _BLOCK):
        found = np.union1d(found, values[start : start + _BLOCK])
        if len(found) > most:
            return None
    return found


def is_scale(different: Values) -> bool:
    """Whether increasing values are on an even grid of at most 21 points, as ratings are."""
    if len(different) < 2 or len(different) > _MOST_STEPS + 1:
        return False
    share = (different - different[0]) / np.float64(different[-1] - different[0])
    positions = np.outer(np.arange(1, _MOST_STEPS + 1), share)  # on a grid of n steps
    off = np.abs(positions - np.rint(positions)).max(axis=1)
    return bool((off < 1e-3).any())


def number(value: float) -> str:
    """A value as people write it: 3, 0.5, 12345."""
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:g}"


def _without(raw: RawRatings, values: Values, missing: Iterable[float]) -> Values:
    for value in missing:
        away = values == values.dtype.type(value)
        if away.any():
            raw.missing.append(value)
            raw.dropped[f"not rated ({number(value)})"] = int(away.sum())
            values = _kept(raw, ~away)
        elif value not in raw.missing:
            raw.remarks.append(f"no value is {number(value)}, which was to stand for not rated")
    return values


def _without_minus_one(raw: RawRatings, values: Values, named: Kind | None) -> Values:
    different = distinct(values)
    others = None if different is None else different[1:]
    if others is None or named == "counts" or not is_scale(others) or others[0] <= 0:
        return values  # −1 next to 0, or next to 1 alone, may be a dislike
    if others[0] + 1 < 1.5 * np.diff(others).min():
        return values  # the next step of the same scale
    n = int((values == -1).sum())
    raw.dropped["not rated (-1)"] = n
    raw.missing.append(-1.0)
    raw.remarks.append(
        f"{counted(n, 'value')} of -1, apart from a scale of {number(others[0])} to "
        f"{number(others[-1])}: read as not rated; --missing none keeps them"
    )
    return _kept(raw, values != -1)


def _kept(raw: RawRatings, keep: npt.NDArray[np.bool_]) -> Values:
    # Only these rows, of every column; returns the ratings.
    for role, column in raw.columns.items():
        if isinstance(column, np.ndarray):
            raw.columns[role] = column[keep]
        else:
            raw.columns[role] = column.filter(keep)
    return np.asarray(raw.columns["rating"])


def _remark_on_outliers(
    raw: RawRatings, values: Values, missing: Sequence[float], named: Kind | None
) -> None:
    low, high = float(values.min()), float(values.max())
    n_zeros = int((values == 0).sum()) if low == 0 and high > 1 else 0
    if n_zeros > MANY_ZEROS * len(values) and 0 not in missing:
        raw.remarks.append(
            f"{n_zeros:,} of {len(values):,} values are 0; if 0 stands for not rated, "
            "--missing 0 leaves them out"
        )
    for code in {low, high} & {_FAR, *_CODES}:
        inner = values[values != code]
        if len(inner) and _is_far(code, inner, named):
            raw.remarks.append(
                f"{counted(len(values) - len(inner), 'value')} of {number(code)}, far outside the "
                f"scale of {number(inner.min())} to {number(inner.max())}: not rated? "
                f"--missing {number(code)} leaves them out"
            )


def _is_far(code: float, others: Values, named: Kind | None) -> bool:
    # Whether a value that often stands for "not rated" is far from all others.
    if code == _FAR:
        return math.fabs(others.max()) <= _FAR / 4 and bool(others.min() > -_FAR)
    different = distinct(others) if named != "counts" else None
    near = others.min() >= 0 if code < 0 else np.abs(others).max() <= code / 4
    return different is not None and bool(near) and is_scale(different)


def spans(account: Mapping[str, Any], low: float, high: float) -> bool:
    """Whether values are among those that were read; anything may be in a saved account."""
    least, most = account.get("low"), account.get("high")
    if not isinstance(least, int | float) or not isinstance(most, int | float):
        return False
    return least <= low and high <= most
