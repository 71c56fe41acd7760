"""Times in any unit become seconds since 1970."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recsys
from recsys.errors import DataError
from recsys.ratings.times import fingerprint_blocks, iso, seconds_in, times_as_seconds

MOMENT = 1404172800


@pytest.mark.parametrize(
    ("number", "unit"),
    [(MOMENT, "seconds"), (MOMENT * 10**3, "milliseconds"), (MOMENT * 10**6, "microseconds"),
     (MOMENT * 10**9, "nanoseconds"), (20140701, "days as YYYYMMDD")],
)  # fmt: skip
def test_units_are_known_by_size(number: int, unit: str) -> None:
    seconds, found = seconds_in(np.array([number], np.float64))
    assert (seconds.tolist(), found) == ([MOMENT], unit)


def test_years_are_their_first_day() -> None:
    seconds, unit = seconds_in(np.array([1970.0, 2015.0]))
    assert [iso(one) for one in seconds] == ["1970-01-01T00:00:00", "2015-01-01T00:00:00"]
    assert unit == "years"
    assert seconds_in(np.array([20150732.0]))[1] == "seconds"  # no such day


def test_two_units_in_one_column_are_refused() -> None:
    with pytest.raises(DataError, match="1404172800 looks like seconds, .* like milliseconds"):
        seconds_in(np.array([1404172800.0, 1404172800123.0]))


@pytest.mark.parametrize(
    ("first", "unit", "other"),
    [(MOMENT * 10**3, "milliseconds", "microseconds"), (MOMENT, "seconds", "microseconds"),
     (MOMENT * 10**6, "microseconds", "nanoseconds")],
)  # fmt: skip
def test_two_small_units_in_one_column_are_refused(first: int, unit: str, other: str) -> None:
    factor = {"microseconds": 10**6, "nanoseconds": 10**9}[other]
    with pytest.raises(DataError, match=f"{first} looks like {unit}, .* like {other}; write all"):
        seconds_in(np.array([MOMENT * factor, first], np.float64))


def test_months_are_their_first_day() -> None:
    seconds, unit = seconds_in(np.array([201501.0, 197012.0]))
    assert [iso(one) for one in seconds] == ["2015-01-01T00:00:00", "1970-12-01T00:00:00"]
    assert unit == "months as YYYYMM"
    assert seconds_in(np.array([201500.0]))[1] == seconds_in(np.array([201513.0]))[1] == "seconds"


def test_days_of_a_spreadsheet_are_said(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    for times, n in (("44197,44198.5", 1), ("44197,1100000000", 0), ("1,2", 0)):
        first, second = times.split(",")
        file.write_text(f"user,item,rating,date\n1,2,3,{first}\n1,3,4,{second}\n")
        account = recsys.read_ratings(file).account
        assert account is not None
        assert len([one for one in account.remarks if "as spreadsheets count them" in one]) == n


def test_dates_without_a_zone_next_to_dates_with_one_are_said(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    with_zone, without = "2020-12-31T02:00:00+02:00", "2020-12-31 05:00:00"
    for times, n in (((with_zone, without), 1), ((with_zone,) * 2, 0), ((without,) * 2, 0)):
        file.write_text("user,item,rating,date\n" + "".join(f"{t[-3:]},2,3,{t}\n" for t in times))
        account = recsys.read_ratings(file).account
        assert account is not None
        assert len([one for one in account.remarks if "have none and are read as UTC" in one]) == n


@settings(max_examples=100, deadline=None)
@given(st.lists(st.datetimes(datetime(1950, 1, 1), datetime(2090, 1, 1)), min_size=1))
def test_dates_as_text_or_numbers_are_the_same_times(moments: list[datetime]) -> None:
    expected = [one.replace(tzinfo=UTC).timestamp() for one in moments]
    for column in (pd.Series(moments), pd.Series([one.isoformat() for one in moments])):
        assert times_as_seconds(column) == pytest.approx(expected, abs=1e-6)
    days = pd.Series([one.strftime("%d-%m-%Y") for one in moments])
    midnights = [np.datetime64(one.date(), "s").astype(int) for one in moments]
    assert times_as_seconds(days, "%d-%m-%Y").tolist() == midnights


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-(2**40), 2**40), min_size=1))
def test_whole_seconds_keep_their_fingerprint(seconds: list[int]) -> None:
    array = np.array(seconds, np.float64)
    assert b"".join(fingerprint_blocks(array)) == np.array(seconds, np.int64).tobytes()
    assert b"".join(fingerprint_blocks(array + 0.5)) != array.astype(np.int64).tobytes()


def test_the_later_rating_within_a_second_counts(tmp_path: Path) -> None:
    times = pd.to_datetime(
        ["2024-05-01 10:00:00.900", "2024-05-01 10:00:00.100", "2024-05-02 00:00:00.000"]
    )
    frame = pd.DataFrame(
        {"user": [1, 1, 2], "item": [5, 5, 6], "rating": [1.0, 5.0, 3.0], "timestamp": times}
    )
    assert recsys.read_ratings(frame).matrix.data.tolist() == [1, 3]
    file = tmp_path / "r.csv"
    file.write_text("user,item,rating,timestamp\n1,5,4,1700000000.9\n1,5,1,1700000000.1\n")
    ratings = recsys.read_ratings(file)
    assert ratings.matrix.data.tolist() == [4]
    assert ratings.timestamps is not None
    assert ratings.timestamps.tolist() == [1700000000.9]


def test_the_last_within_a_second_is_held_out() -> None:
    frame = pd.DataFrame({"user": [1, 1, 2, 2], "item": [1, 2, 1, 2], "rating": [1.0] * 4,
                          "timestamp": [10.9, 10.1, 20.1, 20.9]})  # fmt: skip
    split = recsys.splits.leave_last(recsys.read_ratings(frame))
    assert split.test.to_frame()[["user", "item"]].values.tolist() == [[1, 1], [2, 2]]
    how = recsys.splits.by_time(recsys.read_ratings(frame), 0.3).how
    assert how.endswith("those after 1970-01-01T00:00:20.100 UTC")


def test_milliseconds_in_a_file_and_in_the_words_of_a_split(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_text(
        "user,item,rating,timestamp\n1,2,5,1404172800000\n1,3,4,1404172900000\n"
        "2,3,4,1404173000000\n2,2,1,1404174000000\n"
    )
    ratings = recsys.read_ratings(file)
    assert ratings.account is not None
    assert ratings.account.first_time == "2014-07-01T00:00:00"
    assert ratings.account.remarks == ("times are in milliseconds, by their size",)
    assert "2014-07-01T00:03:20 UTC" in recsys.splits.by_time(ratings, 0.25).how


def test_other_dates_need_their_format_and_bad_ones_have_a_line(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_text("user,item,date\n1,2,21-07-2015\n1,3,05-01-2015\n2,3,19-09-2015\n")
    message = r"r\.csv, line 2: 'date' is '21-07-2015', not a time .*--date-format"
    with pytest.raises(DataError, match=message):
        recsys.read_ratings(file)
    ratings = recsys.read_ratings(file, date_format="%d-%m-%Y")
    assert ratings.account is not None
    assert ratings.account.first_time == "2015-01-05T00:00:00"
    with pytest.raises(DataError, match=r"line 2: 'date' is '21-07-2015', not a time"):
        recsys.read_ratings(file, date_format="%m-%d-%Y")
    assert recsys.read_ratings(file, timestamp="").timestamps is None
    frame = pd.read_csv(file)
    found = recsys.read_ratings(frame, date_format="%d-%m-%Y")
    assert found.fingerprint == ratings.fingerprint


@pytest.mark.parametrize("digits", [30, 400])
def test_numbers_beyond_any_time_are_refused(digits: int, tmp_path: Path) -> None:
    time = "9" * digits
    files = {
        "r.csv": f"user,item,rating,timestamp\n1,2,3,4\n1,3,3,{time}\n",
        "r.jsonl": f'{{"user": 1, "item": 2, "timestamp": {time}}}\n',
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(DataError, match="not a time"):
            recsys.read_ratings(tmp_path / name)


def test_moments_in_digits_are_dates() -> None:
    minutes, unit = seconds_in(np.array([201507211830.0, 199912312359.0]))
    assert [iso(one) for one in minutes] == ["2015-07-21T18:30:00", "1999-12-31T23:59:00"]
    assert unit == "minutes as YYYYMMDDhhmm"
    moments, unit = seconds_in(np.array([20150721183059.0, 19991231235901.0]))
    assert [iso(one) for one in moments] == ["2015-07-21T18:30:59", "1999-12-31T23:59:01"]
    assert unit == "seconds as YYYYMMDDhhmmss"
    for number in (201507212400, 201507211860, 201513211830, 20150721183060, 20150721246000):
        assert seconds_in(np.array([number, number], np.float64))[1] == "milliseconds"


@pytest.mark.parametrize(
    ("times", "said"),
    [((637134336 * 10**9, 637134337 * 10**9), "ticks of .NET"), ((18262, 18263), "since 1970 or"),
     ((132223104 * 10**9, 132223105 * 10**9), "ticks of Windows"), ((880 * 10**15,) * 2, ""),
     ((881250949, 891250949), ""), ((1, 20000), "")],
)  # fmt: skip
def test_units_that_look_like_another_are_said(
    times: tuple[int, int], said: str, tmp_path: Path
) -> None:
    (tmp_path / "r.csv").write_text(
        "user,item,rating,time\n" + "".join(f"{n},2,3,{time}\n" for n, time in enumerate(times))
    )
    account = recsys.read_ratings(tmp_path / "r.csv").account
    assert account is not None
    found = [one for one in account.remarks if "all times are " in one]
    assert [said in one for one in found] == [True] * bool(said)
