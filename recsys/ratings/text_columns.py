"""The columns of a text file from its rows, and what its ids, ratings and times are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from recsys.errors import DataError
from recsys.ids import numbers_in_text
from recsys.ratings.account import counted
from recsys.ratings.columns import LARGEST, NULLS
from recsys.ratings.raw import LEAVE_OUT, count_lacking
from recsys.ratings.text_format import TextFormat, is_number
from recsys.ratings.text_rows import Row, rows_of
from recsys.ratings.times import Times, beyond, no_time, parsed, seconds_in
from recsys.ratings.values import kind_by_name

Lines = npt.NDArray[np.int64]

_WHOLE = r"^(?:0|-?[1-9][0-9]*)(?:\.0+)?$"
_TRUTHS = (("true", "false"), ("t", "f"), ("yes", "no"), ("y", "n"))
_PLAIN_NUMBER = re.compile(r"-?\d+([.,]\d+)?")
_AT_ONCE = 200_000  # rows
_LARGEST_OF_A_SCALE = 10
_IN_QUOTES = re.compile("'.*'|\".*\"|[‘’].*[‘’]|[“”].*[“”]")
_COUNT_OF_ROWS = re.compile(r"\(?\d+ rows?\b")
_ZONE = r"\d:\d\d.*(?:[zZ]|[+-]\d\d(?::?\d\d)?)$"
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+")
_POINT_OF_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}")
_GROUPED = re.compile(
    r"[+-]?(?:\d{1,3}(?:,\d{3})+\.\d+|\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:\.\d{3}){2,})"
)


def exactly(
    file: str, text_format: TextFormat
) -> tuple[dict[str, Any], Lines, TextFormat, dict[str, int]]:
    """The columns by role, the line of each row, the format, and how many rows were left out.

    Ids and times are Arrow columns of text, ratings numbers. The format has what was found of the
    decimal separator.

    Raises:
        DataError: a row has too many or too few fields, a field is empty, or a rating is not a
            finite number; names the line.
    """
    dropped: dict[str, int] = {}
    pieces: dict[str, list[pa.Array]] = {role: [] for role in text_format.roles}
    numbers: list[Lines] = []
    rows = _checked(file, text_format, dropped)
    while some := list(islice(rows, _AT_ONCE)):
        numbers.append(np.array([number for number, _ in some], dtype=np.int64))
        for role, at in text_format.roles.items():
            pieces[role].append(pa.array([cells[at] for _, cells in some], pa.string()))
    if not numbers:
        what = "no row is complete" if dropped else "a header and no ratings"
        raise DataError(f"{file}: {what}")
    lines = np.concatenate(numbers)
    columns: dict[str, Any] = {role: pa.chunked_array(piece) for role, piece in pieces.items()}
    if "rating" in columns:
        texts = columns["rating"].to_pylist()
        if text_format.decimal is None and has_decimal_commas(text_format.separator, texts):
            remark = "ratings have decimal commas (--decimal . reads them otherwise)"
            remarks = (*text_format.remarks, remark)
            text_format = replace(text_format, decimal=",", remarks=remarks)
        truth = _truth(texts)
        if truth not in (None, _TRUTHS[0]):
            remark = "{!r} is read as 1, and {!r} as 0".format(*truth or ())
            text_format = replace(text_format, remarks=(*text_format.remarks, remark))
        columns["rating"] = _numbers(file, text_format, texts, lines)
    return columns, lines, text_format, dropped


def _checked(file: str, text_format: TextFormat, dropped: dict[str, int]) -> Iterator[Row]:
    # The rows of ratings, with their fields trimmed.
    header = None if text_format.header is None else list(text_format.header)
    rows = rows_of(file, text_format.encoding, text_format.separator, text_format.quoted)
    for number, row in rows:
        if number <= text_format.skip:
            continue
        cells = [cell.strip() for cell in row]
        if cells == header:
            why = "repeats the header"
            dropped[why] = dropped.get(why, 0) + 1
            continue
        if len(cells) != len(text_format.columns):
            line = text_format.separator.join(row)
            lists = header is None and len(text_format.columns) == 2 and "".join(cells).isdigit()
            hint = " (a user and their items on each line? --layout item-lists reads them)" * lists
            hint += " (the end of a table as psql or mysql prints it? remove it)" * (
                _COUNT_OF_ROWS.match(line) is not None
            )
            raise DataError(
                f"{file}, line {number}: {counted(len(cells), 'field')} instead of "
                f"{len(text_format.columns):,}: {line[:60]!r}{hint}"
            )
        if any("\n" in cell for cell in row):
            _check_lines_in_quotes(file, text_format, number, row)
        lacking = next(_lacking(text_format, cells), None)
        if lacking is None:
            yield number, cells
        elif text_format.drops:
            count_lacking(dropped, lacking)
        else:
            name = text_format.name(lacking)
            raise DataError(f"{file}, line {number}: {name!r} is missing{LEAVE_OUT}")


def _check_lines_in_quotes(file: str, text_format: TextFormat, number: int, row: list[str]) -> None:
    # A quote that is never closed takes in the rows up to the next quote.
    numbers = {"user", "item"} if text_format.integer_ids else set()
    numbers |= {"rating"} & text_format.roles.keys()
    for line in "\n".join(row).splitlines():
        cells = line.split(text_format.separator)
        if (
            len(cells) == len(text_format.columns)
            and numbers
            and all(_PLAIN_NUMBER.fullmatch(cells[text_format.roles[role]]) for role in numbers)
        ):
            raise DataError(
                f"{file}, line {number}: a quoted field takes in what looks like a row, "
                f"{line[:60]!r}; if its quote is never closed, close it, and write a quote within "
                "a field twice"
            )


def _lacking(text_format: TextFormat, cells: list[str]) -> Iterator[str]:
    # The roles of which a row has no value. An id may be called NA; a number may not.
    for role, at in text_format.roles.items():
        number = text_format.drops and role in ("rating", "timestamp")
        if not cells[at] or (number and cells[at] in NULLS):
            yield role


def _numbers(
    file: str, text_format: TextFormat, texts: list[str], lines: Lines
) -> npt.NDArray[np.floating[Any]]:
    values = np.empty(len(texts))
    comma = text_format.decimal == ","
    truth = _truth(texts)
    for i, text in enumerate(texts):
        if truth:
            values[i] = text.lower() == truth[0]
            continue
        # With decimal commas, a point would separate thousands.
        written = text.replace(",", ".") if comma and "." not in text else text
        if not (is_number(written) and abs(float(written)) <= LARGEST) or (comma and "." in text):
            raise DataError(
                f"{file}, line {lines[i]}: {text_format.name('rating')!r} is {text[:60]!r}, not a "
                f"finite number{LEAVE_OUT if text in NULLS else _hint(text)}"
            )
        values[i] = float(written)
    return values if text_format.third_may_be_time else values.astype(np.float32)


def _truth(texts: list[str]) -> tuple[str, str] | None:
    # The words for 1 and 0 where there are no others.
    words = {text.lower() for text in set(texts)}
    return next((pair for pair in _TRUTHS if words <= {*pair}), None)


def _hint(text: str) -> str:
    # What may be meant.
    comma = "," in text and is_number(text.replace(",", "."))
    if _THOUSANDS.fullmatch(text):
        or_decimal = "; a decimal comma? use --decimal ," if comma else ""
        return f" (a comma between thousands? write the number without it{or_decimal})"
    if text.endswith("%"):
        return " (write the number without %)"
    if _GROUPED.fullmatch(text):
        return " (write the number without what separates thousands)"
    if comma:
        return " (a decimal comma? use --decimal ,)"
    if is_number(text):  # as inf is
        return ""
    if re.search(r"\d", text):
        return " (write the number alone)"
    return " (write a number in place of each word or sign)"


def check_points(file: str, text_format: TextFormat, values: npt.NDArray[Any]) -> list[str]:
    """A remark where all values are such as 1.200, whose point may separate thousands.

    That is not said of values up to 10, as of a scale, unless they are called counts.

    Raises:
        DataError: all values with a point have three digits after it, and others have no point.
    """
    blocks = (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))
    if not any((block != np.rint(block)).any() for block in blocks):
        return []
    rows = rows_of(file, text_format.encoding, text_format.separator, text_format.quoted)
    at, name = text_format.roles["rating"], text_format.name("rating")
    first, plain = None, False
    for number, cells in rows:
        text = cells[at].strip() if number > text_format.skip and len(cells) > at else ""
        if _POINT_OF_THOUSANDS.fullmatch(text):
            first = first or (number, text)
        elif "." in text or "e" in text.lower():
            return []  # a decimal point, as usual
        else:
            plain |= bool(text)
    if first and plain:
        raise DataError(
            f"{file}, line {first[0]}: {name!r} is {first[1]!r}, and others "
            "have no point: does it separate thousands? Write the numbers without it, or say "
            "--decimal . if it is a decimal point"
        )
    if not first or (kind_by_name(name) != "counts" and values.max() <= _LARGEST_OF_A_SCALE):
        return []
    return [
        f"all values of {name!r} have a point and three digits after it, such as {first[1]}: if it "
        "separates thousands, write the numbers without it, or else use --decimal ."
    ]


def has_decimal_commas(separator: str, texts: list[str]) -> bool:
    """Whether no rating has a point, and some comma cannot separate thousands."""
    commas = [text for text in texts if "," in text]
    if separator == "," or not commas or any("." in text for text in texts):
        return False
    clear = any(not _THOUSANDS.fullmatch(text) for text in commas)
    return clear and all(map(_DECIMAL_COMMA.fullmatch, commas))


def remark_on_ids(
    file: str, text_format: TextFormat, column: pa.ChunkedArray, role: str, lines: Lines | None
) -> list[str]:
    """Why ids that begin as whole numbers are text, and from which line on; empty if they are not.

    Args:
        file: for messages.
        text_format: its format.
        column: the ids.
        role: user or item.
        lines: line of each row, where it is known.
    """
    if column.type != pa.string():
        return []
    if _IN_QUOTES.fullmatch(column[0].as_py()):
        first = column[0].as_py()[:40]
        return [f"{role} ids such as {first} are in quotes, which are part of them"]
    if not re.match(_WHOLE, column[0].as_py()):
        return []
    row = pc.index(pc.match_substring_regex(column, _WHOLE), False).as_py()
    if row < 0:
        if numbers_in_text(pc.unique(column).to_pylist()) is not None:
            return []
        fits = pc.less_equal(pc.binary_length(column), 18)
        row = max(pc.index(fits, False).as_py(), 0)
    text = column[row].as_py()
    zero = re.fullmatch(r"-?0\d+", text)
    long = re.match(_WHOLE, text)
    why = "has a leading zero" if zero else "is not a whole number"
    why = "does not fit 64 bits" if long else why
    line = _line_of(file, text_format, row) if lines is None else lines[row]
    return [f"line {line}: {role} id {text[:40]!r} {why}; reading all {role} ids as text"]


def seconds(
    file: str, text_format: TextFormat, column: Any, lines: Lines | None
) -> tuple[Times, list[str]]:
    """Seconds since 1970 in a column of numbers or text, and remarks on their unit.

    Raises:
        DataError: a value is not a time; names the line.
    """
    if isinstance(column, np.ndarray):
        cells, bad, dates = column, beyond(column), False
    else:
        cells = column.to_pylist()
        texts = column
        column, bad, dates = parsed(pd.Series(cells, dtype=object), text_format.date_format)
    if bad.any():
        row = int(bad.argmax())
        line = _line_of(file, text_format, row) if lines is None else lines[row]
        name = text_format.columns[text_format.roles["timestamp"]]
        raise DataError(f"{file}, line {line}: {name!r} is {no_time(cells[row])}")
    if dates:
        return column, [] if text_format.date_format else _without_zone(texts)
    try:
        found, unit = seconds_in(column)
    except DataError as error:
        raise DataError(f"{file}: the time column {error}") from None
    return found, [] if unit == "seconds" else [f"times are in {unit}, by their size"]


def _without_zone(dates: pa.ChunkedArray) -> list[str]:
    # A remark where some have a zone, and others do not.
    zoned = pc.match_substring_regex(dates, _ZONE)
    first, other = (pc.index(zoned, value).as_py() for value in (True, False))
    if min(first, other) < 0:
        return []
    said = f"some times have a zone, such as {dates[first].as_py()[:40]!r}; others, such as "
    return [f"{said}{dates[other].as_py()[:40]!r}, have none and are read as UTC"]


def _line_of(file: str, text_format: TextFormat, row: int) -> int:
    rows = rows_of(file, text_format.encoding, text_format.separator, text_format.quoted)
    numbers = (number for number, _ in rows if number > text_format.skip)
    return next(islice(numbers, row, None))
