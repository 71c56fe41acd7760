"""Times as seconds since 1970, from numbers in any usual unit and from dates.

float64 seconds keep fractions: to a quarter of a microsecond in this century.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys.errors import ArgumentError, DataError
from recsys.ids import shown
from recsys.ratings.numeric import numbers_in

Times = npt.NDArray[np.float64]
LATE = 1e8
"""Seconds since 1970, in 1973: numbers all above it are times, not ratings."""

_UNITS = ((1e17, 1e9, "nanoseconds"), (1e14, 1e6, "microseconds"), (1e11, 1e3, "milliseconds"))
_SECONDS_OF_USE = (3e8, 5e9)  # 1979 to 2128: numbers that are seconds if anything is
_YEARS = (1900, 2100)
_BLOCK = 1 << 20


def times_as_seconds(series: pd.Series[Any], date_format: str | None = None) -> Times:
    """Seconds since 1970 (float64) from numbers, numbers as text, or dates.

    The unit of numbers is known by their size; see `seconds_in`.

    Args:
        series: the column; its name is used in messages.
        date_format: of dates as text, as for `strptime`; ISO 8601 by default.

    Raises:
        DataError: a value is not a time; names the first such row.
    """
    found, bad, dates = parsed(series, date_format)
    if bad.any():
        row = int(bad.argmax())
        raise DataError(f"row {row}: {series.name!r} is {no_time(series.iloc[row])}")
    try:
        return found if dates else seconds_in(found)[0]
    except DataError as error:
        raise DataError(f"{series.name!r} {error}") from None


def parsed(
    series: pd.Series[Any], date_format: str | None
) -> tuple[Times, npt.NDArray[np.bool_], bool]:
    """What a column holds, which values are not times, and whether it holds dates.

    Dates are converted to seconds since 1970, numbers are returned as they are.

    Raises:
        ArgumentError: the format is none.
    """
    if pd.api.types.is_datetime64_any_dtype(series):
        return *_dates(pd.to_datetime(series, utc=True)), True
    if date_format:
        text = series.astype(str).str.strip()
        try:
            dates = pd.to_datetime(text, errors="coerce", utc=True, format=date_format)
        except ValueError as error:
            raise ArgumentError(f"date_format {date_format!r} is no format: {error}") from None
        return *_dates(dates), True
    numbers = numbers_in(series.astype(object)).to_numpy(dtype=np.float64)
    if not np.isnan(numbers).all():
        return numbers, beyond(numbers), False
    # Other formats leave open which number is the day.
    dates = pd.to_datetime(series.astype(str), errors="coerce", utc=True, format="ISO8601")
    return *_dates(dates), True


def beyond(numbers: Times) -> npt.NDArray[np.bool_]:
    """Which numbers are no times in any unit."""
    least, largest = numbers.min(initial=0), numbers.max(initial=0)  # NaN where one is
    if least > -(2**63) and largest < 2**63:
        return np.zeros(len(numbers), bool)
    return ~(np.abs(numbers) < 2**63)  # also true for NaN


def seconds_in(numbers: Times) -> tuple[Times, str]:
    """Seconds since 1970, and the unit that the numbers were in, known by their size.

    Below 10¹¹ numbers are seconds, then milli-, micro- and nanoseconds. Whole numbers that all are
    years from 1900 to 2100, or days such as 20150721, months such as 201507 or moments such as
    201507211830 and 20150721183000, are dates.

    Raises:
        DataError: some numbers are in another unit than the largest.

    >>> found, unit = seconds_in(np.array([1404172800500.0, 0.0]))
    >>> found.tolist(), unit
    ([1404172800.5, 0.0], 'milliseconds')
    """
    if not len(numbers):
        return numbers, "seconds"
    low, high = float(numbers.min()), float(numbers.max())
    largest = max(abs(low), abs(high))
    if _YEARS[0] <= low and high <= _YEARS[1] and _whole(numbers):
        years = numbers.astype(np.int64) - 1970
        return _seconds(years.astype("datetime64[Y]")), "years"
    for form, unit in _FORMS:
        found = form(numbers) if _YEARS[0] <= low else None
        if found is not None:
            return found, unit
    for least, per_second, unit in _UNITS:
        if largest >= least:
            for size, smaller in ((1, "seconds"), (1e3, "milliseconds"), (1e6, "microseconds")):
                _refuse_others(numbers, size, f"{high:.0f} like {unit}", smaller, per_second)
            return numbers / per_second, unit
    return numbers, "seconds"


def _refuse_others(numbers: Times, size: float, others: str, unit: str, per_second: float) -> None:
    # Where some numbers are in a unit of which a second has fewer than of that of the others.
    first, last = _SECONDS_OF_USE[0] * size, _SECONDS_OF_USE[1] * size
    found = (numbers >= first) & (numbers <= last)
    if size < per_second and found.any():
        number = f"{numbers[found][0]:.0f}"
        raise DataError(
            f"holds times in different units: {number} looks like {unit}, {others}; write all in "
            "seconds"
        )


def are_days(numbers: Times) -> bool:
    """Whether all numbers are days such as 20150721, of 1900 to 2100.

    >>> are_days(np.array([20240127.0, 20240105.0])), are_days(np.array([20240132.0]))
    (True, False)
    """
    return _days(numbers) is not None


def fingerprint_blocks(times: Times) -> Iterator[bytes]:
    """Times for a fingerprint: whole seconds as int64, as they were before they had fractions."""
    blocks = [times[at : at + _BLOCK] for at in range(0, len(times), _BLOCK)]
    kind = np.int64 if all(map(_whole, blocks)) else times.dtype
    for block in blocks:
        yield block.astype(kind).tobytes()


def iso(seconds: float) -> str:
    """A time for people, in UTC: to the second, with a fraction only where it has one.

    >>> iso(881250949.0), iso(1.5)
    ('1997-12-04T15:55:49', '1970-01-01T00:00:01.500')
    """
    if seconds == np.floor(seconds):
        return str(np.datetime64(int(seconds), "s"))
    return str(np.datetime64(round(seconds * 1000), "ms"))


def no_time(value: object) -> str:
    """What to say of a value that is not a time."""
    return (
        f"{shown(value)}, not a time (a number, or a date such as 2020-12-31; other dates need "
        "--date-format, such as '%d-%m-%Y')"
    )


def _dates(dates: pd.Series[Any]) -> tuple[Times, Any]:
    bad = dates.isna().to_numpy()
    naive = dates.dt.tz_localize(None).to_numpy()
    return _seconds(np.where(bad, np.datetime64(0, "s"), naive)), bad


def _seconds(stamps: npt.NDArray[Any]) -> Times:
    # Whole seconds and the rest apart: nanoseconds since 1970 have more digits than a float64.
    whole = stamps.astype("datetime64[s]")
    rest = (stamps - whole) / np.timedelta64(1, "s")
    return np.asarray(whole.astype(np.int64) + rest, dtype=np.float64)


def _days(numbers: Times) -> Times | None:
    # Seconds of numbers that all are days as YYYYMMDD; None if one is not.
    if not _are_of_years(numbers, 10_000) or not _whole(numbers):
        return None
    number = numbers.astype(np.int64)
    year, month, day = number // 10_000, number // 100 % 100, number % 100
    if month.min() < 1 or month.max() > 12 or day.min() < 1:
        return None
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    if (days.astype("datetime64[M]") != months).any():
        return None
    return _seconds(days)


def _months(numbers: Times) -> Times | None:
    return _days(100 * numbers + 1) if _are_of_years(numbers, 100) else None  # their first days


def _moments(numbers: Times, *, has_seconds: bool) -> Times | None:
    # Seconds of numbers such as 201507211830, or 20150721183000; None if one is not.
    per_day = 1_000_000 if has_seconds else 10_000
    days = None
    if _are_of_years(numbers, 10_000 * per_day) and _whole(numbers):
        days = _days(numbers // per_day)
    if days is None:
        return None
    clock = numbers % per_day * (1 if has_seconds else 100)
    hour, minute, second = clock // 10_000, clock // 100 % 100, clock % 100
    if hour.max() > 23 or minute.max() > 59 or second.max() > 59:
        return None
    return np.asarray(days + 3600 * hour + 60 * minute + second, np.float64)


def _are_of_years(numbers: Times, per_year: int) -> bool:
    low, high = numbers.min(), numbers.max()
    return bool(_YEARS[0] * per_year <= low and high < (_YEARS[1] + 1) * per_year)


_FORMS: tuple[tuple[Callable[[Times], Times | None], str], ...] = (
    (_days, "days as YYYYMMDD"),
    (_months, "months as YYYYMM"),
    (partial(_moments, has_seconds=False), "minutes as YYYYMMDDhhmm"),
    (partial(_moments, has_seconds=True), "seconds as YYYYMMDDhhmmss"),
)


def _whole(numbers: Times) -> bool:
    return bool((numbers == np.floor(numbers)).all())
