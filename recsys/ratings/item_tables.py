"""Tables that say what the items are: titles, years, genres."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys.errors import DataError
from recsys.ids import WHOLE_NUMBER, IdIndex, as_id_array, numbers_in_text, shown

YEAR = r"\((\d{4})[^()]*\)\s*$"
"""The year at the end of a title: "Toy Story (1995)"."""

_COLUMNS = {
    "item": ("item", "itemid", "movieid", "movie", "id", "productid", "trackid", "bookid"),
    "title": ("title", "name", "movietitle", "itemtitle"),
    "year": ("year", "releaseyear"),
    "genres": ("genres", "genre"),
}

_NO_GENRE = ("", "(no genres listed)", "unknown")  # how MovieLens writes that there is none
_TEXTS = {*_COLUMNS["item"], *_COLUMNS["title"], *_COLUMNS["genres"]}
_ANSWER_COLUMNS = {"rank", "item", "user", "id", "score", "rating"}  # reserved for recommendations


def decoded(file: str) -> str:
    """The text of a file: UTF-8 if it is that, otherwise ISO-8859-1."""
    raw = Path(file).read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("ISO-8859-1")


def read_delimited(file: str, separator: str, *, quoted: bool) -> pd.DataFrame:
    """A table from delimited text with a header; numbers where a whole column is numeric.

    Raises:
        DataError: a line has too many or too few fields. An unquoted separator inside a title
            would otherwise shift the columns.
    """
    text = io.StringIO(decoded(file))
    quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    reader = csv.reader(text, delimiter=separator, quoting=quoting)  # type: ignore[arg-type]
    header = next(reader)
    rows = []
    for row in reader:
        if len(row) not in (0, len(header)):
            raise DataError(
                f"{file}, line {reader.line_num}: {len(row)} fields instead of {len(header)} "
                "(a field that contains the separator must be quoted)"
            )
        rows += [row] if row else []
    table = pd.DataFrame(rows, columns=header, dtype="str").replace("", None)
    for name in table.columns[~table.columns.duplicated(keep=False)]:
        numbers = pd.to_numeric(table[name], errors="coerce")
        if _plain(name) not in _TEXTS and numbers.notna().equals(table[name].notna()):
            table[name] = numbers
    return table


def normalized(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its columns renamed to item, title, year and genres.

    The ids become integers if all of them are whole numbers.

    Raises:
        DataError: no column looks like that of the ids.
    """
    names: dict[str, str] = {}
    for role, known in _COLUMNS.items():
        usual = [c for c in table.columns if _plain(c) in known]
        if usual and role not in table.columns:
            names[usual[0]] = role
    table = table.rename(columns=names)
    if "item" not in table.columns:
        raise DataError(f"no item column among {', '.join(map(repr, table.columns))}")
    if all(isinstance(i, str) for i in table["item"]):
        numbers = numbers_in_text(table["item"].tolist())
        if numbers is not None:
            table["item"] = numbers
    return table


def with_years(table: pd.DataFrame) -> pd.DataFrame:
    """The table with whole years, from the titles where it has none, and its columns in order."""
    if "year" in table.columns:
        table["year"] = pd.to_numeric(table["year"], errors="coerce").astype("Int64")
    elif "title" in table.columns:
        table["year"] = table["title"].astype("str").str.extract(YEAR)[0].astype("Int64")
    first = [c for c in _COLUMNS if c in table.columns]
    return table[first + [c for c in table.columns if c not in first]]


def id_in_text(text: str) -> int | str:
    """The item id that a text stands for.

    >>> id_in_text("7"), id_in_text("007")
    (7, '007')
    """
    return int(text) if WHOLE_NUMBER.fullmatch(text) else text


def align_items(items: pd.DataFrame | None, index: IdIndex, source: str) -> pd.DataFrame:
    """The item table with one row per item, in row order.

    Columns whose names are reserved for recommendations get the prefix `item_`.

    Raises:
        DataError: its ids are not ids, or none of them is in the index.
    """
    if items is None or not len(items):
        return pd.DataFrame(index=pd.RangeIndex(len(index)))
    known = items.loc[:, ~items.columns.duplicated()].drop_duplicates("item", keep="last")
    try:
        ids = as_id_array(known["item"].to_numpy(), "item")
    except ValueError as error:
        raise DataError(f"{source}: the item table is wrong: {error}") from None
    if (ids.dtype.kind == "i") != index.is_integer:
        # One side was read as text, so both are compared as text.
        wanted = pd.Index([str(i) for i in index.ids])
        found = pd.Index([str(i) for i in ids]).get_indexer(wanted)
    else:
        found = pd.Index(ids).get_indexer(pd.Index(index.ids))
    if (found < 0).all():
        raise DataError(
            f"{source}: the item table names none of the rated items; its ids are like "
            f"{shown(ids[0])}, those of the ratings like {index.name(0)}"
        )
    aligned = known.drop(columns="item").reset_index(drop=True).reindex(found)
    aligned = aligned.rename(columns={c: f"item_{c}" for c in _ANSWER_COLUMNS & set(aligned)})
    for column in aligned.columns:
        if pd.api.types.infer_dtype(aligned[column], skipna=True).startswith("mixed"):
            aligned[column] = aligned[column].map(str, na_action="ignore")
    return aligned.reset_index(drop=True)


def genre_flags(item_table: pd.DataFrame) -> tuple[list[str], npt.NDArray[np.bool_]]:
    """Names of the genres, and which items (n_items, n_genres) have them.

    Without genres: no names and (n_items, 0).

    >>> names, flags = genre_flags(pd.DataFrame({"genres": ["Comedy|Drama", None, "Drama"]}))
    >>> names, flags.astype(int).tolist()
    (['Comedy', 'Drama'], [[1, 1], [0, 0], [0, 1]])
    """
    if "genres" not in item_table:
        return [], np.zeros((len(item_table), 0), bool)
    texts = item_table["genres"].fillna("").astype(str)
    flags = texts.str.get_dummies("|").drop(columns=list(_NO_GENRE), errors="ignore")
    return list(flags.columns), flags.to_numpy(bool)


def _plain(column: object) -> str:
    return str(column).lower().replace("_", "").replace(" ", "")
