"""From files to `Ratings`: every MovieLens layout, CSV, TSV and Parquet.

The happy path is one multi-threaded parse by pyarrow. Only when that refuses, or leaves a value
that is no rating, is the file read again line by line to name the first bad row.
"""

from __future__ import annotations

import csv
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from recsys.errors import DataError
from recsys.ids import WHOLE_NUMBER, IdIndex, numbers_in_text
from recsys.ratings.archives import unpack
from recsys.ratings.assembly import Entries, assemble, encode, encode_integers, in_csr_order
from recsys.ratings.item_tables import normalised, read_item_table
from recsys.ratings.ratings import Duplicates, Ratings, times_as_seconds

ROLES = ("user", "item", "rating", "timestamp")
RECOGNISED = {
    "user": ("user", "userid", "uid", "customer", "customerid", "reviewerid", "visitorid"),
    "item": ("item", "itemid", "iid", "movie", "movieid", "product", "productid", "asin", "book",
             "bookid", "track", "trackid"),
    "rating": ("rating", "ratings", "score", "stars", "value", "overall", "preference"),
    "timestamp": ("timestamp", "time", "ts", "date", "datetime", "unixreviewtime", "ratedat"),
}  # fmt: skip
"""Column names recognised without being named, in lower case without `_`, `-` and spaces."""

_LARGEST = float(np.finfo(np.float32).max)
RATING_FILES = ("u.data", "ratings.dat", "ratings.csv", "ratings.parquet", "ratings.tsv")
_MEMBERS = re.compile(r"(^|/)(u\.(data|item|genre)|(ratings|movies|items)\.(dat|csv|tsv|parquet)"
                      r"|[^/]+\.(inter|item))$")  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """Where the columns of a text file are."""

    separator: str
    header: bool
    columns: tuple[str, ...]
    roles: dict[str, str]
    """Role (user, item, rating, timestamp) -> column."""
    encoding: str
    integer_ids: dict[str, bool]
    integer_times: bool
    quoted: bool
    """Whether fields may stand in double quotes."""
    quoted_newlines: bool = False
    """Whether a quoted field goes over several lines somewhere."""


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
        raise ValueError(f"path must be a path or a DataFrame, not {type(path).__name__}")
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
        columns = _read_text(file, named, separator, encoding, header)
    table = normalised(items) if isinstance(items, pd.DataFrame) else read_item_table(file, items)
    return _finish(columns, table, duplicates, str(file))


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


def _plain(name: str) -> str:
    # "user_id:token" (RecBole), "User ID" and "userId" are one name.
    return re.sub(r"[_\-\s]", "", name.split(":")[0]).lower()


def assign_roles(columns: list[str], named: dict[str, str | None], source: str) -> dict[str, str]:
    """Role -> column, from the names given and the names recognised.

    Raises:
        DataError: a named column is not there, or the user or item column cannot be told.
    """
    roles: dict[str, str] = {}
    for role, name in named.items():
        if name is not None:
            if name not in columns:
                have = ", ".join(map(repr, columns))
                raise DataError(f"{source}: no column {name!r} for the {role}; it has {have}")
            if name in roles.values():
                raise ValueError(f"{role} must name a column of its own, not {name!r} again")
            roles[role] = name
    for role in ROLES:
        if role in roles:
            continue
        known = [c for c in columns if _plain(c) in RECOGNISED[role] and c not in roles.values()]
        if known:
            roles[role] = known[0]
        elif role in ("user", "item"):
            raise DataError(
                f"{source}: no {role} column among {', '.join(map(repr, columns))}; "
                f"name it with {role}=... (on the command line --column {role}=...)"
            )
    for role, name in roles.items():
        if columns.count(name) > 1:
            raise DataError(f"{source}: more than one column {name!r}, so the {role} is unclear")
    return roles


# Parquet ----------------------------------------------------------------------------------------


def _read_parquet(file: Path, named: dict[str, str | None]) -> dict[str, Any]:
    try:
        names = pa.parquet.read_schema(file).names
        roles = assign_roles(names, named, str(file))
        table = pa.parquet.read_table(file, columns=list(roles.values()))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file}: not a readable Parquet file ({_first_line(error)})") from None
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
    bad = ~(np.abs(values) <= _LARGEST)  # NaN, too
    if bad.any():
        row = int(bad.argmax())
        raise DataError(f"{file}, row {row}: {name!r} is {values[row]}, not a finite number")
    return values.astype(np.float32)


# Text -------------------------------------------------------------------------------------------


def _read_text(
    file: Path,
    named: dict[str, str | None],
    separator: str | None,
    encoding: str | None,
    header: bool | None,
) -> dict[str, Any]:
    try:
        layout = sniff(file, named, separator, encoding, header)
        try:
            return _parse(file, layout)
        except UnicodeDecodeError:
            return _parse(file, replace(layout, encoding="ISO-8859-1"))
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({_first_line(error)})") from None


def sniff(
    file: Path,
    named: dict[str, str | None],
    separator: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
) -> Layout:
    """The layout of a text file, from its first lines."""
    text, encoding = _head(file, encoding)
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise DataError(f"{file}: the file is empty")
    if separator and separator not in lines[0]:
        raise DataError(f"{file}, line 1: {lines[0][:60]!r} has no separator {separator!r} in it")
    separator = separator or _separator_of(file, lines[0])
    quoted = separator in (",", ";") or (
        separator == "\t" and re.search(r'(^|\t)"[^"\t]*"(\t|$)', text, re.M) is not None
    )
    rows = list(_rows(lines, separator, quoted))
    cells = [cell.strip() for cell in rows[0]]
    if header is None:
        header = _is_header(file, cells, rows, named)
    if header:
        columns = tuple(cells)
        roles = assign_roles(list(columns), named, str(file))
        if len(rows) == 1:
            raise DataError(f"{file}: a header and no ratings")
    else:
        given = [name for name in named.values() if name is not None]
        if given:
            raise DataError(f"{file}: has no header line, so there is no column {given[0]!r}")
        if len(cells) < 2:
            raise DataError(f"{file}, line 1: {lines[0][:60]!r} has fewer than two fields")
        columns = (*ROLES[: len(cells)], *(f"column {i}" for i in range(4, len(cells))))
        roles = {role: role for role in columns if role in ROLES}
    where = {role: columns.index(column) for role, column in roles.items()}
    whole = {
        role: all(WHOLE_NUMBER.fullmatch(c) for c in _cells(rows[int(header) : 1000], column))
        for role, column in where.items()
    }
    return Layout(
        separator=separator,
        header=header,
        columns=columns,
        roles=roles,
        encoding=encoding,
        integer_ids={role: whole[role] for role in ("user", "item")},
        integer_times=whole.get("timestamp", False),
        quoted=quoted,
    )


def _head(file: Path, encoding: str | None) -> tuple[str, str]:
    # The first lines, decoded, and the encoding that did it.
    with _opened(file) as stream:
        head = stream.read(1 << 16)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in head:
        raise DataError(f"{file}: not UTF-8 or ISO-8859-1 text (UTF-16 or binary?); convert it")
    whole = head.rpartition(b"\n")[0] if len(head) == 1 << 16 else head
    try:
        return whole.decode(encoding or "utf-8-sig"), encoding or "utf8"
    except UnicodeDecodeError as error:
        if encoding:
            raise DataError(f"{file}: not {encoding} text ({error.reason})") from None
        return whole.decode("ISO-8859-1"), "ISO-8859-1"
    except (LookupError, TypeError):
        raise ValueError(f"encoding {encoding!r} is unknown") from None


def _separator_of(file: Path, first: str) -> str:
    separator = "::" if "::" in first else max("\t,;|", key=first.count)
    if separator not in first:
        raise DataError(
            f"{file}, line 1: {first[:60]!r} has no separator (tab, comma, ;, |, ::) in it; "
            "name it with separator=..."
        )
    return separator


def _is_header(
    file: Path, cells: list[str], rows: list[list[str]], named: dict[str, str | None]
) -> bool:
    recognised = {name for names in RECOGNISED.values() for name in names}
    if any(cell in named.values() or _plain(cell) in recognised for cell in cells):
        return True
    if any(_is_number(cell) for cell in cells):
        return False
    if len(rows) > 1 and any(_is_number(cell) for cell in rows[1]):
        return True
    raise DataError(
        f"{file}, line 1: cannot tell whether {', '.join(cells)[:60]!r} names columns or is a "
        "rating; say header=True or header=False, or name the columns with user=..., item=..."
    )


def _rows(lines: Iterable[str], separator: str, quoted: bool) -> Iterator[list[str]]:
    # Fields line by line; a quoted field may hold separators and line breaks.
    if len(separator) > 1 or not quoted:
        return (line.rstrip("\r\n").split(separator) for line in lines)
    return csv.reader((line.rstrip("\r\n") + "\n" for line in lines), delimiter=separator)


def _cells(rows: Iterable[list[str]], column: int) -> list[str]:
    return [row[column].strip() for row in rows if len(row) > column]


def _is_number(text: str) -> bool:
    # As Arrow reads one: no underscores, which Python's own float would allow.
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _opened(file: Path) -> Any:
    # Decompresses .gz, .bz2, ... by the name.
    return pa.input_stream(str(file), compression="detect")


def _parse(file: Path, layout: Layout) -> dict[str, Any]:
    types: dict[str, pa.DataType] = {}
    for role, column in layout.roles.items():
        if role == "rating":
            types[column] = pa.float32()
        elif role == "timestamp":
            types[column] = pa.int64() if layout.integer_times else pa.string()
        else:
            types[column] = pa.int64() if layout.integer_ids[role] else pa.string()
    # A line "1::122::5" is one with empty fields for a parser of single characters.
    doubled = layout.separator == "::"
    names: list[str] = []
    for i, column in enumerate(layout.columns):
        names += [f"empty {i}", column] if doubled and i else [column]
    try:
        table = pa.csv.read_csv(
            str(file),
            read_options=pa.csv.ReadOptions(
                column_names=names,
                skip_rows=int(layout.header),
                encoding=layout.encoding,
                block_size=4 << 20,
            ),
            parse_options=pa.csv.ParseOptions(
                delimiter=layout.separator[0],
                quote_char='"' if layout.quoted else False,
                newlines_in_values=layout.quoted_newlines,
            ),
            convert_options=pa.csv.ConvertOptions(
                include_columns=list(types), column_types=types, strings_can_be_null=True,
                null_values=[""], quoted_strings_can_be_null=True,
            ),
        )  # fmt: skip
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        if "invalid UTF8" in str(error) and layout.encoding == "utf8":
            raise UnicodeDecodeError("utf-8", b"", 0, 1, "invalid") from None
        return _explain(file, layout, error)
    if any(table.column(name).null_count for name in types):
        return _explain(file, layout, "a value is missing")
    columns: dict[str, Any] = {}
    for role, name in layout.roles.items():
        column = table.column(name)
        table = table.drop_columns([name])
        if role == "timestamp" and not layout.integer_times:
            columns[role] = _text_times(column, file, layout)
        elif role in ("user", "item"):
            is_text = column.type == pa.string()
            columns[role] = pc.utf8_trim_whitespace(column) if is_text else column
        else:
            columns[role] = column.to_numpy()
    if "rating" in columns and not np.isfinite(columns["rating"]).all():
        return _explain(file, layout, "a rating is not finite")
    return columns


def _text_times(column: pa.ChunkedArray, file: Path, layout: Layout) -> npt.NDArray[np.int64]:
    series = column.to_pandas().rename(layout.roles["timestamp"])
    numbers = pd.to_numeric(series, errors="coerce")
    try:
        return times_as_seconds(series if numbers.isna().any() else numbers)
    except DataError as error:
        raise DataError(f"{file}, {error} (rows count from 0 after any header)") from None


def _explain(file: Path, layout: Layout, reason: object) -> dict[str, Any]:
    # Names the first bad line, or parses again where only the sniffed layout was wrong.
    where = {role: layout.columns.index(name) for role, name in layout.roles.items()}
    integer = layout.integer_ids | {"timestamp": layout.integer_times}
    encoding = "utf-8-sig" if layout.encoding == "utf8" else layout.encoding
    n_rows = begins = 0
    with _opened(file) as stream:
        lines = _Counted(raw.decode(encoding, errors="replace") for raw in _lines(stream))
        for cells in _rows(lines, layout.separator, layout.quoted):
            here, begins, n_rows = f"{file}, line {begins + 1}", lines.n, n_rows + 1
            if (n_rows == 1 and layout.header) or not "".join(cells).strip():
                continue
            if len(cells) != len(layout.columns):
                line = layout.separator.join(cells)
                raise DataError(
                    f"{here}: {len(cells)} fields where {len(layout.columns)} belong: {line[:60]!r}"
                )
            for role, column in where.items():
                cell, name = cells[column].strip(), layout.roles[role]
                if not cell:
                    raise DataError(f"{here}: {name!r} is missing")
                if role == "rating" and not (_is_number(cell) and abs(float(cell)) <= _LARGEST):
                    raise DataError(f"{here}: {name!r} is {cell!r}, not a finite number")
                if not WHOLE_NUMBER.fullmatch(cell):
                    integer[role] = False
    relaxed = replace(
        layout,
        integer_ids={role: integer[role] for role in ("user", "item")},
        integer_times=integer["timestamp"],
        quoted_newlines=layout.quoted and lines.n > n_rows,
    )
    if relaxed == layout:
        raise DataError(f"{file}: cannot be parsed ({_first_line(reason)})")
    return _parse(file, relaxed)


class _Counted:
    """Lines, and how many of them have been read."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = lines
        self.n = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.n += 1
            yield line


def _lines(stream: Any) -> Iterator[bytes]:
    rest = b""
    while block := stream.read(1 << 20):
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        yield from lines
    if rest:
        yield rest


def _first_line(error: object) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
