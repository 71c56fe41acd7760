"""Tables that say who the users are: age, gender, occupation and the like."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from recsys.errors import DataError
from recsys.ids import numbers_in_text
from recsys.ratings.account import counted
from recsys.ratings.arrow_tables import arrow_errors, to_frame
from recsys.ratings.columns import RECOGNIZED, few, first_line, plain
from recsys.ratings.compressed import SUFFIXES, without_suffix
from recsys.ratings.item_tables import with_numbers, without_gaps
from recsys.ratings.item_text import lines_of, read_delimited
from recsys.ratings.json_objects import objects
from recsys.ratings.layout import USER_FILES, in_any_case, is_file
from recsys.ratings.raw import RawRatings

_MOVIELENS: Mapping[str, tuple[str, Sequence[str]]] = {
    "u.user": ("|", ("user", "age", "gender", "occupation", "zip")),
    "users.dat": ("::", ("user", "gender", "age", "occupation", "zip")),
}
"""File without a header → its separator and columns."""


def normalized_users(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its ids in the column `user`.

    Their column has a usual name, or is the only one whose name ends in "id". Of columns with the
    same name, the first is kept.

    Raises:
        DataError: no column looks like that of the ids.
    """
    table = table.loc[:, ~table.columns.duplicated()]
    names = {plain(str(column)): column for column in reversed(table.columns)}
    found = next((names[name] for name in RECOGNIZED["user"] if name in names), None)
    if found is None:
        alike = [column for name, column in names.items() if name.endswith("id")]
        if len(alike) != 1:
            raise DataError(f"no user column among {few(list(map(str, table.columns)))}")
        found = alike[0]
    others = [column for column in table.columns if column == found or column != "user"]
    table = table[others].rename(columns={found: "user"})
    if all(isinstance(one, str) for one in table["user"]):
        numbers = numbers_in_text(table["user"].tolist())
        if numbers is not None:
            table["user"] = numbers
    return table


def read_users(file: str) -> pd.DataFrame:
    """The table in a file, with the ids in the column `user`.

    Raises:
        DataError: the file does not exist, or is no table of users.
    """
    if not is_file(file):
        raise DataError(f"{file}: no such file of users")
    if os.stat(file).st_size == 0:
        raise DataError(f"{file}: the file of users is empty")
    try:
        table = normalized_users(_reader(without_suffix(os.path.basename(file)).lower())(file))
        return without_gaps(table, "user")
    except DataError as error:
        raise DataError(str(error) if file in str(error) else f"{file}: {error}") from None
    except (ValueError, KeyError, OSError) as error:
        raise DataError(f"{file}: not a table of users ({first_line(error)})") from None


def users_of(
    location: str,
    raw: RawRatings,
    inside: Callable[[str], pd.DataFrame | None] | None = None,
) -> pd.DataFrame | None:
    """The table of users that belongs to ratings; None without one.

    A table of such a name that is something else is left alone, and the account says so.

    Args:
        location: where the ratings are.
        raw: the ratings.
        inside: returns the table that is in the same place as they; None for files next to them.
    """
    if inside is not None:
        table = inside(location)
        return None if table is None else _known(lambda: normalized_users(table), "users", raw)
    file = _beside(location)
    return None if file is None else _known(lambda: read_users(file), file, raw)


def _known(read: Callable[[], pd.DataFrame], name: str, raw: RawRatings) -> pd.DataFrame | None:
    # What `read` returns, if it says something of who rated.
    try:
        table = read()
        column = raw.columns["user"]
        rated = pd.unique(column if isinstance(column, np.ndarray) else column.to_pandas())
        if set(map(str, rated)) & set(map(str, table["user"])):
            return table
        why = "it names none of the users who rated"
    except DataError as error:
        why = str(error).removeprefix(f"{name}: ")
    raw.remarks.append(f"{os.path.basename(name)} is not used as a table of users: {why}")
    return None


def _beside(location: str) -> str | None:
    folder, name = os.path.split(location)
    stem = os.path.splitext(without_suffix(name))[0]
    candidates = _candidates(without_suffix(name).lower(), stem)
    files = (os.path.join(folder, one + end) for one in candidates for end in ("", *SUFFIXES))
    return next(filter(is_file, in_any_case(files)), None)


def _candidates(name: str, stem: str) -> Iterator[str]:
    if name.endswith((".data", ".base", ".test")):
        yield "u.user"
    if name.endswith(".inter"):
        yield f"{stem.removesuffix('.train')}.user"
    if name.startswith("ratings"):
        yield from (one for one in USER_FILES[1:] if "*" not in one)


def _reader(name: str) -> Callable[[str], pd.DataFrame]:
    # Imported here: the layouts import the tables of items, whose checks are shared.
    from recsys.ratings.layouts import arrow

    if name in _MOVIELENS:
        return _without_header
    if name.endswith((".parquet", ".pq")):
        return _parquet
    if name.endswith((".feather", ".arrow", ".arrows", ".ipc")):
        return lambda file: to_frame(arrow.read_table(file), file)
    if name.endswith((".json", ".jsonl", ".ndjson")):
        return lambda file: pd.DataFrame([row for _, row in objects(file)])
    return _text


def _parquet(file: str) -> pd.DataFrame:
    with arrow_errors(file, "not a readable Parquet file"):
        found = pq.read_table(file, page_checksum_verification=True)
        found.validate(full=True)
        return to_frame(found, file)


def _text(file: str) -> pd.DataFrame:
    table = read_delimited(file, None, quoted=True)
    table.columns = pd.Index([column.split(":")[0] for column in table.columns])
    return with_numbers(normalized_users(table), "user")


def _without_header(file: str) -> pd.DataFrame:
    separator, names = _MOVIELENS[without_suffix(os.path.basename(file)).lower()]
    rows = []
    for number, line in enumerate(lines_of(file), start=1):
        cells = line.split(separator)
        if len(cells) != len(names):
            raise DataError(
                f"{file}, line {number}: {counted(len(cells), 'field')} instead of {len(names)}"
            )
        rows.append(cells)
    table = pd.DataFrame(rows, columns=list(names), dtype="str")
    # Numbers of occupations and postal codes name a group; they are no quantities.
    return table.assign(age=pd.to_numeric(table["age"]))
