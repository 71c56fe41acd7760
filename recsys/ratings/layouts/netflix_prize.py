"""The Netflix prize: a line `1:` for each film, then lines `user,rating,date`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from recsys.errors import DataError
from recsys.ids import WHOLE_NUMBER
from recsys.ratings.account import counted
from recsys.ratings.columns import LARGEST, first_line
from recsys.ratings.compressed import first_lines, opened
from recsys.ratings.item_tables import id_in_text
from recsys.ratings.item_text import lines_of
from recsys.ratings.layout import ItemFiles, Layout, named
from recsys.ratings.parts import joined
from recsys.ratings.raw import RawRatings, taken_from
from recsys.ratings.source import Source
from recsys.ratings.text_format import is_number
from recsys.ratings.times import times_as_seconds

FILES = ("combined_data_*.txt", "mv_*.txt")
TITLES = ("movie_titles.csv", "movie_titles.txt")

_ITEM = re.compile(r"\d+:\s*")
_MARKER = re.compile(rb"^(\d+):[ \t\r]*$", re.M)
_NAMES = {
    "item": "NUMBER: lines",
    "user": "column 1",
    "rating": "column 2",
    "timestamp": "column 3",
}


def is_netflix(location: str) -> bool:
    """Whether the first line of a file names a film and the second is a rating of it.

    Also true for a folder of such files.
    """
    if os.path.isdir(location):
        return bool(_parts(location))
    lines = first_lines(location)[:2]
    return len(lines) == 2 and bool(_ITEM.fullmatch(lines[0])) and lines[1].count(",") in (1, 2)


def read(location: str, source: Source) -> RawRatings:
    """See `Layout.read`.

    Raises:
        DataError: a line is neither a film nor a rating; names the line.
    """
    if not os.path.isdir(location):
        return _read_file(location)
    parts = _parts(location)
    raw = joined([_read_file(part) for part in parts], location)
    if len(parts) > 1:
        raw.remarks.append(f"{len(parts):,} files were read as one table")
    return raw


def read_items(file: str) -> pd.DataFrame:
    """The items in `id,year,title`. A title may itself contain commas."""
    rows = []
    for number, line in enumerate(lines_of(file), start=1):
        cells = line.split(",", 2)
        if len(cells) < 3:
            raise DataError(f"{file}, line {number}: {counted(len(cells), 'field')} instead of 3")
        rows.append({"item": id_in_text(cells[0]), "title": cells[2], "year": cells[1]})
    return pd.DataFrame(rows)


def _parts(folder: str) -> list[str]:
    return sorted(str(path) for pattern in FILES for path in Path(folder).glob(pattern))


def _read_file(file: str) -> RawRatings:
    try:
        with opened(file) as stream:
            content = bytearray(stream.read())
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({first_line(error)})") from None
    markers = list(_MARKER.finditer(content))
    items = np.array([one[1].decode() for one in markers], object)
    if all(map(WHOLE_NUMBER.fullmatch, items)):
        items = items.astype(np.int64)
    spans = [one.span() for one in markers]
    del markers
    table = _table(content, spans, file)
    ends = [start for start, _ in spans[1:]] + [len(content)]
    counts = [_rows(content, after, end) for (_, after), end in zip(spans, ends, strict=True)]
    if not spans or content[: spans[0][0]].strip() or sum(counts) != table.num_rows:
        raise _explained(file, "a rating comes before the first film")
    columns: dict[str, Any] = {
        "user": table.column("user"),
        "item": np.repeat(items, counts),
        "rating": table.column("rating").to_numpy(),
    }
    if any(column.null_count for column in table.columns) or not (
        np.isfinite(columns["rating"]).all()
    ):
        raise _explained(file, "a value is missing or not finite")
    if "timestamp" in table.column_names:
        columns["timestamp"] = _times(table.column("timestamp"), file)
    return RawRatings(columns, taken_from({role: _NAMES[role] for role in columns}, columns))


def _table(content: bytearray, spans: list[tuple[int, int]], file: str) -> pa.Table:
    # The ratings alone: the lines of films become blank lines, which Arrow leaves out.
    ratings = bytearray(content)
    for start, after in spans:
        ratings[start:after] = b"\n" * (after - start)
    first = bytes(ratings[: 1 << 16]).lstrip().partition(b"\n")[0]
    names = ["user", "rating", "timestamp"][: first.count(b",") + 1]
    # As text where a number would lose zeros in front.
    user = pa.string() if re.search(rb"^[0+ ]", ratings, re.M) else pa.int64()
    try:
        return pa.csv.read_csv(
            pa.BufferReader(ratings),
            read_options=pa.csv.ReadOptions(column_names=names),
            parse_options=pa.csv.ParseOptions(quote_char=False),
            convert_options=pa.csv.ConvertOptions(
                column_types={"user": user, "rating": pa.float32(), "timestamp": pa.string()},
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowMemoryError:
        raise
    except pa.ArrowException as error:
        raise _explained(file, first_line(error)) from None


def _rows(content: bytearray, start: int, end: int) -> int:
    # Lines that are not blank.
    return sum(map(bool, map(bytes.strip, bytes(content[start:end]).split(b"\n"))))


def _times(column: pa.ChunkedArray, file: str) -> npt.NDArray[Any]:
    # Each date once; there are only some thousands of them.
    coded = column.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    try:
        seconds = times_as_seconds(coded.dictionary.to_pandas().rename("column 3"))
    except DataError as error:
        raise _explained(file, str(error)) from None
    found: npt.NDArray[Any] = seconds[coded.indices.to_numpy(zero_copy_only=False)]
    return found


def _explained(file: str, reason: str) -> DataError:
    # The error that names the first bad line; `reason` where every line looks right.
    bad = next(_bad_lines(file), None)
    return DataError(f"{file}: cannot be read ({reason})" if bad is None else f"{file}, {bad}")


def _bad_lines(file: str) -> Iterator[str]:
    known, width = False, 0
    for number, line in enumerate(lines_of(file), start=1):
        cells = [cell.strip() for cell in line.split(",")]
        if _ITEM.fullmatch(line):
            known = True
            continue
        if not line.strip():
            continue
        width = width or len(cells)
        here = f"line {number}: {line.strip()[:60]!r}"
        if not known:
            yield f"{here} comes before the first film, such as '1:'"
        elif len(cells) != width or width not in (2, 3) or not all(cells):
            yield f"{here} is neither a film, such as '1:', nor user,rating,date"
        elif not (is_number(cells[1]) and abs(float(cells[1])) <= LARGEST):
            yield f"line {number}: the rating is {cells[1][:60]!r}, not a finite number"
        elif width == 3:
            try:
                times_as_seconds(pd.Series([cells[2]]))
            except DataError:
                yield f"line {number}: {cells[2][:60]!r} is not a date such as 2005-09-06"


def _item_files(location: str) -> list[str]:
    folder = location if os.path.isdir(location) else os.path.dirname(location)
    places = [folder, os.path.join(folder, os.pardir)]
    return [os.path.join(place, name) for place in places for name in TITLES]


LAYOUT = Layout(
    name="Netflix prize",
    priority=2,
    files=FILES,
    matches=is_netflix,
    read=read,
    item_files=_item_files,
    items=ItemFiles(files=TITLES, matches=named(*TITLES), read=read_items),
    has_columns=False,
)
