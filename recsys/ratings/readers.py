"""From files and tables to `Ratings`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from recsys.errors import ArgumentError, DataError
from recsys.ratings import layouts
from recsys.ratings.archives import unpack
from recsys.ratings.columns import assign_roles
from recsys.ratings.item_tables import normalized
from recsys.ratings.layout import is_file
from recsys.ratings.ratings import Ratings
from recsys.ratings.source import Duplicates, Source
from recsys.ratings.times import times_as_seconds


def read_ratings(
    path: str | os.PathLike[str] | pd.DataFrame,
    *,
    user: str | None = None,
    item: str | None = None,
    rating: str | None = None,
    timestamp: str | None = None,
    items: str | os.PathLike[str] | pd.DataFrame | None = None,
    separator: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
    duplicates: Duplicates | None = None,
    missing: Sequence[float] | None = None,
    decimal: str | None = None,
    date_format: str | None = None,
) -> Ratings:
    """Ratings from a MovieLens folder or zip, or from a CSV, TSV or Parquet file or a DataFrame.

    Columns that are not named are recognized by their usual names (`user_id`, `movieId`, `rating`,
    `timestamp`, ...); a text file without a header has user, item, rating and timestamp in this
    order. A file without a rating column is implicit feedback. Titles, years and genres are read
    from the file next to the ratings (`movies.csv`, `movies.dat`, `u.item`) if there is one.

    Args:
        path: folder, zip archive, file or DataFrame.
        user: column of user ids: its name, or its number from 1 as text ("1"); likewise the others.
        item: column of item ids.
        rating: column of ratings.
        timestamp: column of times: numbers since 1970, whose unit is known by their size, or dates;
            "" if there is none.
        items: file or table that says what the items are, if it is not next to the ratings.
        separator: between the fields of a text file; detected by default.
        encoding: of a text file; by default UTF-8, or ISO-8859-1 if it is not UTF-8.
        header: whether a text file begins with a line of column names; detected by default.
        duplicates: what counts when a user rated an item several times: the `latest` rating, the
            `mean`, the `max`, the `sum`, the `count` of rows, or an `error`; by default the latest
            of ratings and the sum of counts and events.
        missing: values that stand for "not rated", whose rows are left out; by default −1 where it
            is apart from a scale of positive ratings.
        decimal: decimal separator of the ratings in a text file, "." or ","; detected by default.
        date_format: format of dates as text, as for `strptime`; ISO 8601 by default.

    Raises:
        ArgumentError: an argument is not one of these.
        DataError: the file is missing, empty, damaged or not a ratings file; the message is one
            line with file, row and value.
    """
    named = {"user": user, "item": item, "rating": rating, "timestamp": timestamp}
    columns = {role: name for role, name in named.items() if name is not None}
    if isinstance(path, pd.DataFrame):
        return _read_frame(path, columns, items, duplicates, missing, date_format)
    if not isinstance(path, str | os.PathLike):
        raise ArgumentError(f"path must be a path or a DataFrame, not {type(path).__name__}")
    table, file = (items, None) if isinstance(items, pd.DataFrame) else (None, items)
    source = Source(
        os.fspath(path), columns, None if file is None else os.fspath(file), separator, encoding,
        header, duplicates, missing, decimal, date_format,
    )  # fmt: skip
    return read(source, table)


def read(source: Source, items: pd.DataFrame | None = None) -> Ratings:
    """The ratings of a source; see `read_ratings`.

    Args:
        source: where they are.
        items: table of the items, instead of a file.
    """
    path = Path(source.ratings).expanduser()
    if path.is_file() and path.suffix == ".zip":
        with _unpacked(path) as folder:
            return read(replace(source, ratings=folder), items)
    # An address such as sqlite:///file is not a path, whose slashes could be merged.
    location = source.ratings if "://" in source.ratings else str(path)
    layout, location = layouts.find(location)
    if is_file(location) and os.stat(location).st_size == 0:
        raise DataError(f"{location}: the file is empty")
    raw = layout.read(location, source)
    if items is not None:
        items = normalized(items)
    elif source.items is not None:
        items = layouts.read_items(source.items)
    else:
        items = layouts.items_of(layout, location)
    return Ratings.of(raw, items, source.duplicates, location, layout.name, source.missing)


@contextmanager
def _unpacked(archive: Path) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        unpack(archive, Path(folder), layouts.in_archive)
        try:
            yield folder
        except DataError as error:
            raise DataError(str(error).replace(folder, str(archive))) from None


def _read_frame(
    frame: pd.DataFrame,
    named: dict[str, str],
    items: Any,
    duplicates: Duplicates | None,
    missing: Sequence[float] | None,
    date_format: str | None,
) -> Ratings:
    frame = frame.rename(columns=str)
    roles = assign_roles(list(frame.columns), named, "the table")
    table = None
    if items is not None:
        is_table = isinstance(items, pd.DataFrame)
        table = normalized(items) if is_table else layouts.read_items(os.fspath(items))
    if not len(frame):
        raise DataError("the table holds no ratings")
    if date_format is not None and "timestamp" in roles:
        name = roles["timestamp"]
        frame = frame.assign(**{name: times_as_seconds(frame[name], date_format)})
    return Ratings.from_frame(
        frame,
        user=roles["user"],
        item=roles["item"],
        rating=roles.get("rating"),
        timestamp=roles.get("timestamp"),
        items=table,
        duplicates=duplicates,
        missing=missing,
    )
