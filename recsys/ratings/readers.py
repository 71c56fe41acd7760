"""From files to `Ratings`: every MovieLens layout, CSV, TSV and Parquet."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from recsys.errors import ArgumentError, DataError
from recsys.ids import IdIndex, numbers_in_text
from recsys.ratings.archives import unpack
from recsys.ratings.assembly import Entries, assemble, encode, encode_integers, in_csr_order
from recsys.ratings.columns import LARGEST, assign_roles, first_line
from recsys.ratings.item_tables import normalised, read_item_table
from recsys.ratings.ratings import Ratings, times_as_seconds
from recsys.ratings.source import Duplicates, Source
from recsys.ratings.text_files import read_text

RATING_FILES = ("u.data", "ratings.dat", "ratings.csv", "ratings.parquet", "ratings.tsv")
_MEMBERS = re.compile(r"(^|/)(u\.(data|item|genre)|(ratings|movies|items)\.(dat|csv|tsv|parquet)"
                      r"|[^/]+\.(inter|item))$")  # fmt: skip


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
    duplicates: Duplicates = "latest",
) -> Ratings:
    """Ratings from a MovieLens folder or zip, or from a CSV, TSV or Parquet file or a DataFrame.

    Columns not named are recognised by their usual names (`user_id`, `movieId`, `rating`,
    `timestamp`, ...); a text file without a header has user, item, rating and timestamp in this
    order. A file without a rating column is implicit feedback. Titles, years and genres beside the
    ratings (`movies.csv`, `movies.dat`, `u.item`) come along.

    Args:
        path: folder, zip archive, file or DataFrame.
        user: column of user ids.
        item: column of item ids.
        rating: column of ratings.
        timestamp: column of times: seconds since 1970, or dates.
        items: file or table that says what the items are, where it does not lie beside the ratings.
        separator: between fields; found out from the first line where not given.
        encoding: of the text; UTF-8 where it is that, else ISO-8859-1, where not given.
        header: whether a text file begins with a line of column names; found out where not given.
        duplicates: several ratings of one item by one user: `latest`, `mean` or `error`.

    Raises:
        DataError: the file is missing, empty, damaged or no ratings file; one line that names file,
            row and value. Nothing is half-loaded.
    """
    named = {"user": user, "item": item, "rating": rating, "timestamp": timestamp}
    if isinstance(path, pd.DataFrame):
        return _read_frame(path, named, items, duplicates)
    if not isinstance(path, str | os.PathLike):
        raise ArgumentError(f"path must be a path or a DataFrame, not {type(path).__name__}")
    source = Path(path).expanduser()
    if not source.exists():
        raise DataError(f"{source}: no such file or folder")
    if source.is_file() and source.suffix == ".zip":
        with _unpacked(source) as folder:
            return read_ratings(
                folder, user=user, item=item, rating=rating, timestamp=timestamp, items=items,
                separator=separator, encoding=encoding, header=header, duplicates=duplicates,
            )  # fmt: skip
    file = find_ratings_file(source) if source.is_dir() else source
    if file.stat().st_size == 0:
        raise DataError(f"{file}: the file is empty")
    if file.suffix in (".parquet", ".pq"):
        columns = _read_parquet(file, named)
    else:
        columns = read_text(file, named, separator, encoding, header)
    table = normalised(items) if isinstance(items, pd.DataFrame) else read_item_table(file, items)
    return _finish(columns, table, duplicates, str(file))


def read(source: Source) -> Ratings:
    """The ratings of a source; see `read_ratings`."""
    return read_ratings(
        source.ratings,
        items=source.items,
        separator=source.separator,
        encoding=source.encoding,
        header=source.header,
        duplicates=source.duplicates,  # type: ignore[arg-type]  # checked by the source
        **dict(source.columns),
    )


def find_ratings_file(folder: Path) -> Path:
    """The ratings file in a folder, or in the only folder inside it."""
    for candidate in (folder, *sorted(p for p in folder.iterdir() if p.is_dir())):
        for name in RATING_FILES:
            if (candidate / name).is_file():
                return candidate / name
        inter = sorted(candidate.glob("*.inter"))
        if inter:
            return inter[0]
    expected = ", ".join(RATING_FILES)
    raise DataError(f"{folder}: no ratings file in this folder (looked for {expected}, *.inter)")


@contextmanager
def _unpacked(archive: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        unpack(archive, Path(folder), lambda name: _MEMBERS.search(name) is not None)
        try:
            yield Path(folder)
        except DataError as error:
            raise DataError(str(error).replace(folder, str(archive))) from None


def _finish(
    columns: dict[str, Any], items: pd.DataFrame | None, duplicates: Duplicates, source: str
) -> Ratings:
    # Columns are taken out one by one, so that each is gone before the next needs room.
    users, item_index, entries = _entries(columns, source)
    return assemble(
        users, item_index, entries, columns.pop("rating", None), columns.pop("timestamp", None),
        items, duplicates, source,
    )  # fmt: skip


def _entries(columns: dict[str, Any], source: str) -> tuple[IdIndex, IdIndex, Entries]:
    # Arrow keeps freed memory for itself unless told to give it back.
    pool = pa.default_memory_pool()
    pool.release_unused()
    users, rows = _encode(columns.pop("user"), "user", source)
    items, item_rows = _encode(columns.pop("item"), "item", source)
    pool.release_unused()
    return users, items, in_csr_order(rows, item_rows, (len(users), len(items)))


def _encode(column: Any, kind: str, source: str) -> tuple[IdIndex, npt.NDArray[np.int32]]:
    if isinstance(column, np.ndarray):
        try:
            return encode(column, kind)
        except ValueError as error:
            raise DataError(f"{source}: {error}") from None
    if pa.types.is_integer(column.type):
        return encode_integers([chunk.to_numpy() for chunk in column.chunks], kind)
    # Text ids: Arrow's dictionary, then into increasing order.
    coded = column.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    texts = coded.dictionary.to_pylist()
    numbers = numbers_in_text(texts)  # 7.0, as pandas writes a column that once held NaN
    ids = np.array(texts, dtype=object) if numbers is None else numbers
    unique, rank = np.unique(ids, return_inverse=True)
    return IdIndex(unique, kind), rank.astype(np.int32)[coded.indices.to_numpy()]


def _read_frame(
    frame: pd.DataFrame, named: dict[str, str | None], items: Any, duplicates: Duplicates
) -> Ratings:
    frame = frame.rename(columns=str)
    roles = assign_roles(list(frame.columns), named, "the table")
    table = None
    if items is not None:
        is_table = isinstance(items, pd.DataFrame)
        table = normalised(items) if is_table else read_item_table(Path(items), items)
    if not len(frame):
        raise DataError("the table holds no ratings")
    return Ratings.from_frame(
        frame,
        user=roles["user"],
        item=roles["item"],
        rating=roles.get("rating"),
        timestamp=roles.get("timestamp"),
        items=table,
        duplicates=duplicates,
    )


# Parquet ----------------------------------------------------------------------------------------


def _read_parquet(file: Path, named: dict[str, str | None]) -> dict[str, Any]:
    try:
        names = pa.parquet.read_schema(file).names
        roles = assign_roles(names, named, str(file))
        table = pa.parquet.read_table(file, columns=list(roles.values()))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file}: not a readable Parquet file ({first_line(error)})") from None
    if not table.num_rows:
        raise DataError(f"{file}: the file holds no ratings")
    columns: dict[str, Any] = {}
    for role, name in roles.items():
        column = table.column(name)
        if column.null_count:
            row = int(np.flatnonzero(column.is_null().to_numpy())[0])
            raise DataError(f"{file}, row {row}: {name!r} is missing")
        columns[role] = _typed_column(column, role, name, file)
    return columns


def _typed_column(column: pa.ChunkedArray, role: str, name: str, file: Path) -> Any:
    kind = column.type
    try:
        if role in ("user", "item"):
            if pa.types.is_dictionary(kind):
                column = column.cast(kind.value_type)
            if pa.types.is_integer(column.type):
                return column.cast(pa.int64())
            if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                return column
            return column.to_numpy()
        if role == "timestamp":
            return times_as_seconds(column.to_pandas().rename(name))
        values = column.cast(pa.float64()).to_numpy()
    except DataError as error:
        raise DataError(f"{file}, {error}") from None
    except pa.ArrowException:
        belongs = "whole numbers of 64 bits or text" if role in ("user", "item") else "numbers"
        raise DataError(f"{file}: column {name!r} is {kind}, not {belongs}") from None
    bad = ~(np.abs(values) <= LARGEST)  # NaN, too
    if bad.any():
        row = int(bad.argmax())
        raise DataError(f"{file}, row {row}: {name!r} is {values[row]}, not a finite number")
    return values.astype(np.float32)
