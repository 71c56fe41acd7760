"""From files and tables to `Ratings`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from recsys.errors import ArgumentError, DataError
from recsys.files import expanded, temporary_folder
from recsys.large import mapped_above
from recsys.provenance import without_passwords
from recsys.ratings import layouts
from recsys.ratings.account import counted
from recsys.ratings.archives import is_archive, unpack
from recsys.ratings.arrow_tables import Table, as_frame, as_table
from recsys.ratings.columns import assign_roles, few
from recsys.ratings.compressed import misnamed
from recsys.ratings.item_tables import normalized
from recsys.ratings.layout import is_file
from recsys.ratings.ratings import Ratings
from recsys.ratings.source import Duplicates, Incomplete, Source
from recsys.ratings.times import times_as_seconds
from recsys.ratings.unrated import NOTHING_MORE, Unrated, Where
from recsys.ratings.user_tables import normalized_users, read_users, users_of


def read_ratings(
    path: str | os.PathLike[str] | Table,
    *,
    user: str | None = None,
    item: str | None = None,
    rating: str | None = None,
    timestamp: str | None = None,
    items: str | os.PathLike[str] | Table | None = None,
    users: str | os.PathLike[str] | Table | None = None,
    separator: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
    duplicates: Duplicates | None = None,
    missing: Sequence[float] | None = None,
    decimal: str | None = None,
    date_format: str | None = None,
    layout: str | None = None,
    table: str | None = None,
    query: str | None = None,
    incomplete: Incomplete = "error",
    map_above: float | None = None,
) -> Ratings:
    """Ratings from a file, folder, zip or database, or from a table in memory.

    docs/reference.md lists the layouts. Tables are DataFrames and whatever has the Arrow PyCapsule
    interface. Columns have their usual names; no rating column means implicit feedback.

    Args:
        path: folder, zip or tar, file, table, `sqlite:///FILE` or `postgresql://USER@HOST/DATABASE`.
        user: column of user ids: its name, or its number from 1 as text ("1"); likewise the others.
        item: column of item ids.
        rating: column of ratings.
        timestamp: column of times: dates, or numbers since 1970 in any unit; "" if there is none.
        items: file or table of the items, if it is not next to the ratings.
        users: likewise, of the users (`u.user`, `users.dat`, `users.csv`, ...).
        separator: between the fields of a text file; detected by default.
        encoding: of a text file; by default UTF-8, or ISO-8859-1 if it is not UTF-8.
        header: whether a text file begins with column names; detected by default.
        duplicates: what counts when a user rated an item several times; see `Ratings.from_frame`.
        missing: values that stand for "not rated"; see `Ratings.from_frame`.
        decimal: decimal separator of the ratings in a text file, "." or ","; detected by default.
        date_format: of dates as text, as for `strptime`; ISO 8601 by default.
        layout: name of the file's layout, such as "netflix-prize"; recognized by default.
        table: of a database; by default `ratings`, or the only one with users and items.
        query: of a database, in place of a table.
        incomplete: what becomes of rows without an id or value: an `error`, or `drop`.
        map_above: megabytes of an array that is kept in a temporary file instead of memory.

    Raises:
        ArgumentError: an argument is not one of these.
        DataError: the file is missing, empty, damaged or not a ratings file.
    """
    columns = _named(user=user, item=item, rating=rating, timestamp=timestamp)
    source = Source(
        _path(path) or "the table", columns, _path(items), separator, encoding, header, duplicates,
        missing, decimal, date_format, layout, _path(users), table, query, incomplete, map_above,
    )  # fmt: skip
    tables = _tables(items, users)
    with mapped_above(source.map_bytes):
        return _read(source, tables) if _path(path) else _read_table(path, source, tables)


def _named(**columns: str | None) -> dict[str, str]:
    return {role: name for role, name in columns.items() if name is not None}


def _tables(items: Any, users: Any) -> Unrated:
    # Those that are given as tables, not as files.
    return Unrated(
        None if items is None or _path(items) else normalized(as_frame(items, "items")),
        None if users is None or _path(users) else normalized_users(as_frame(users, "users")),
    )


def _path(given: object) -> str | None:
    return os.fspath(given) if isinstance(given, str | os.PathLike) else None


def read(source: Source, tables: Unrated = NOTHING_MORE) -> Ratings:
    """The ratings of a source; see `read_ratings`.

    Args:
        source: where they are.
        tables: of the items and users, instead of files.
    """
    with mapped_above(source.map_bytes):
        return _read(source, tables)


def _read(source: Source, tables: Unrated) -> Ratings:
    path = expanded(source.ratings)
    if path.is_file() and is_archive(path):
        with _unpacked(path) as (folder, others):
            made = _read(replace(source, ratings=folder), tables)
            return _of_archive(made, folder, str(path), others)
    # An address such as sqlite:///file is not a path, whose slashes could be merged.
    location = source.ratings if "://" in source.ratings else str(path)
    layout, location = layouts.find(location, source.layout, source.columns)
    if layout.users is None and (source.table or source.query):
        raise ArgumentError(f"table and query are for databases, and {location} is none")
    if is_file(location) and os.stat(location).st_size == 0:
        raise DataError(f"{location}: the file is empty")
    what = "" if source.layout else misnamed(location)
    if what:
        raise DataError(f"{location}: by its content {what}")
    try:
        raw = layout.read(location, source)
    except DataError as error:
        raise DataError(f"{error}{layouts.resembled(location, layout)}") from None
    aside = layouts.left_aside(location) if path.is_dir() else []
    if aside:
        raw.remarks.append(f"not read: {few(aside)}; to read another file, name it")
    items, users = tables.items, tables.users
    if source.items is not None:
        items = layouts.read_items(source.items)
    elif items is None:
        items = layouts.items_of(layout, location)
    if source.user_table is not None:
        users = read_users(source.user_table)
    elif users is None:
        users = users_of(location, raw, layout.users)
    raw.remarks += [*_in_two_rows(items, "item"), *_in_two_rows(users, "user")]
    tables = Unrated(items, users, Where(source.items, source.user_table))
    where = without_passwords(location)
    return Ratings.of(raw, tables, source.duplicates, where, layout.name, source.missing)


def _in_two_rows(table: pd.DataFrame | None, kind: str) -> list[str]:
    # A remark on ids of which a table says two things.
    if table is None or not table[kind].duplicated().any():
        return []
    rows = table[table[kind].duplicated(keep=False)].astype(str).drop_duplicates()
    twice = table.loc[rows.index[rows[kind].duplicated()], kind].unique()
    if not len(twice):
        return []
    n, first = counted(len(twice), kind), few(list(twice), 1)
    return [f"the table of {kind}s has different rows for {n} ({first}); the last one counts"]


def read_held_out(file: str, source: Source, train: Ratings) -> Ratings:
    """The ratings of a file of test ratings, read as the training ratings were.

    What was decided about the training ratings holds for the test ratings, which may be too few to
    show it: which values stand for "not rated", and what becomes of repeats.

    Args:
        file: where they are.
        source: how the training ratings were read.
        train: the training ratings.
    """
    account = train.account
    missing, duplicates = source.missing, source.duplicates
    if account is not None:
        duplicates = duplicates or account.duplicates
        if missing is None and (account.missing or (account.low or 0) < 0):
            missing = list(account.missing)  # none, where negative values were kept
    return read(replace(source, ratings=file, missing=missing, duplicates=duplicates))


@contextmanager
def _unpacked(archive: Path) -> Iterator[tuple[str, list[str]]]:
    # The folder, and the members that may hold ratings and stay in the archive.
    with temporary_folder() as folder:
        others = list(filter(layouts.aside_in_archive, unpack(archive, folder, layouts.in_archive)))
        if not any(path.is_file() for path in folder.rglob("*")):
            unpack(archive, folder, layouts.may_be_in_archive)
            others = []
        try:
            yield str(folder), others
        except DataError as error:
            raise DataError(str(error).replace(str(folder), str(archive))) from None


def _of_archive(made: Ratings, folder: str, archive: str, others: list[str]) -> Ratings:
    # With an account that names the archive, not the folder that it was unpacked to.
    if made.account is None:
        return made
    source = made.account.source.replace(folder, archive)
    aside = [f"not read: {few(others)}; to read another file, unpack the archive"] if others else []
    remarks = (*made.account.remarks, *aside)
    return replace(made, account=replace(made.account, source=source, remarks=remarks))


def _read_table(table: Any, source: Source, tables: Unrated) -> Ratings:
    table = as_table(table, "path", "a path, DataFrame or Arrow table")
    if isinstance(table, pd.DataFrame):
        table = table.rename(columns=str)
    names = list(table.columns) if isinstance(table, pd.DataFrame) else table.column_names
    roles = assign_roles(names, source.columns, "the table")
    if not len(table):
        raise DataError("the table holds no ratings")
    items, users = tables.items, tables.users
    if source.items is not None:
        items = layouts.read_items(source.items)
    if source.user_table is not None:
        users = read_users(source.user_table)
    if source.date_format is not None and "timestamp" in roles:
        table = as_frame(table, "path")
        dates = table[roles["timestamp"]]
        known = dates.notna().to_numpy() if source.drops else np.ones(len(dates), bool)
        times = np.full(len(dates), np.nan)
        times[known] = times_as_seconds(dates[known], source.date_format)
        table = table.assign(**{roles["timestamp"]: times})
    return Ratings.from_frame(
        table,
        user=roles["user"],
        item=roles["item"],
        rating=roles.get("rating"),
        timestamp=roles.get("timestamp"),
        items=items,
        users=users,
        duplicates=cast("Duplicates | None", source.duplicates),
        missing=source.missing,
        incomplete=cast("Incomplete", source.incomplete),
    )
