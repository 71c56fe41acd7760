"""Tables that say what the items are: titles, years, genres."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys.errors import DataError
from recsys.ids import WHOLE_NUMBER, IdArray, IdIndex, as_id_array, numbers_in_text, shown
from recsys.ratings.columns import few, plain
from recsys.ratings.numeric import numbers_in, years_in
from recsys.visible import writable

YEAR = r"\((\d{4})[^()]*\)\s*$"
"""The year at the end of a title: "Toy Story (1995)"."""

_COLUMNS = {
    "item": ("itemid", "item", "movieid", "productid", "trackid", "artistid", "bookid", "gameid",
             "id", "asin", "parentasin", "isbn", "ean", "sku", "movie", "product", "track",
             "artist", "book", "game"),
    "title": ("title", "name", "movietitle", "itemtitle", "itemname", "moviename", "productname",
              "booktitle", "originaltitle", "movie", "item", "product", "track",
              "artist", "book", "game"),
    "year": ("year", "releaseyear", "yearofpublication", "originalpublicationyear"),
    "genres": ("genres", "genre", "categories", "category"),
}  # fmt: skip
"""Names of the columns, best first: `movie_id` is the id where there also is a `movie`."""

_ENDINGS = {"item": ("id", "ids"), "title": ("name", "title")}
"""How the name of a role's only column may end, where it is none of the usual ones."""

_WHO = {"item": "rated items", "user": "users who rated"}
_NO_GENRE = ("", "(no genres listed)", "unknown")  # how MovieLens writes that there is none
_ANSWER_COLUMNS = {"rank", "item", "user", "id", "score", "rating"}  # reserved for recommendations


def normalized(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its columns renamed to item, title, year and genres.

    The columns of ids and titles have usual names, or are the only ones whose names end in "id", or
    in "name" or "title". Of columns with the same name, the first is kept. The ids become integers
    if all of them are whole numbers.

    Raises:
        DataError: no column looks like that of the ids.
    """
    table = table.loc[:, ~table.columns.duplicated()]
    names: dict[str, str] = {}
    for role, known in _COLUMNS.items():
        free = {plain(str(c)): c for c in reversed(table.columns) if c not in names}
        usual = next((free[name] for name in known if name in free), None)
        if usual is not None:
            names[usual] = role
        elif role in _ENDINGS:
            alike = [c for name, c in free.items() if name.endswith(_ENDINGS[role])]
            names |= dict.fromkeys(alike, role) if len(alike) == 1 else {}
    # A column that has the name of a role and another column in that role keeps its content.
    taken = {c: f"{c}_2" for c in table.columns if c in names.values() and c not in names}
    table = table.rename(columns=names | taken)
    if "item" not in table.columns:
        raise DataError(f"no item column among {few(list(map(str, table.columns)))}")
    if all(isinstance(i, str) for i in table["item"]):
        numbers = numbers_in_text(table["item"].tolist())
        if numbers is not None:
            table["item"] = numbers
    return table


def with_numbers(table: pd.DataFrame, kind: str = "item") -> pd.DataFrame:
    """The table with numbers in the columns of text that hold only such.

    Titles, genres and the ids in the column `kind` stay text, and so do columns with zeros in
    front, such as those of ISBNs.
    """
    for name in table.columns[~table.columns.duplicated(keep=False)]:
        if name in (kind, "title", "genres"):
            continue
        texts = table[name].dropna().astype(str)
        numbers = numbers_in(table[name])
        if not texts.str.match(r"0\d").any() and numbers.notna().equals(table[name].notna()):
            table[name] = numbers
    return table


def with_years(table: pd.DataFrame) -> pd.DataFrame:
    """The table with whole years, from the titles where it has none, and its columns in order.

    Of columns with the same name, the first is kept.
    """
    table = table.loc[:, ~table.columns.duplicated()]
    if "year" in table.columns:
        table["year"] = years_in(table["year"])
    elif "title" in table.columns:
        table["year"] = table["title"].astype("str").str.extract(YEAR)[0].astype("Int64")
    return _ordered(table)


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    first = [c for c in _COLUMNS if c in table.columns]
    return table[first + [c for c in table.columns if c not in first]]


def id_in_text(text: str) -> int | str:
    """The item id that a text stands for.

    >>> id_in_text("7"), id_in_text("007")
    (7, '007')
    """
    return int(text) if WHOLE_NUMBER.fullmatch(text) else text


def align_items(items: pd.DataFrame | None, index: IdIndex, source: str) -> pd.DataFrame:
    """The item table with one row per item, in row order; see `aligned`."""
    return aligned(items, index, source)[0]


def aligned(
    table: pd.DataFrame | None, index: IdIndex, source: str
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """A table of items or users with one row per id of an index, and its other rows.

    Columns whose names are reserved for recommendations get the prefix `item_` or `user_`.

    Args:
        table: with the ids in the column `item` or `user`, as the index is of; None for none.
        index: of the rated items, or of the users who rated.
        source: name of the data, for messages.

    Returns:
        The rows of the index in its order, without ids; and the rows of other ids, with them, None
        if there are none.

    Raises:
        DataError: its ids are not ids, or none of them is in the index.
    """
    if table is None or not len(table):
        return pd.DataFrame(index=pd.RangeIndex(len(index))), None
    kind = index.kind
    known, ids = tidied(table, kind, source)
    rows = index.find(ids)
    there = np.flatnonzero(rows >= 0)
    if not len(there):
        raise DataError(
            f"{source}: the {kind} table names none of the {_WHO[kind]}; its ids are like "
            f"{shown(ids[0])}, those of the ratings like {index.name(0)}"
        )
    found = np.full(len(index), -1)
    found[rows[there]] = there
    others = np.flatnonzero(rows < 0)
    rest = known.iloc[others].reset_index(drop=True)
    rest.insert(0, kind, ids[others])
    return known.reindex(found).reset_index(drop=True), rest if len(rest) else None


def without_gaps(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The table, whose column `kind` has an id in each row.

    Raises:
        DataError: a row has none; names it.
    """
    ids = table.loc[:, ~table.columns.duplicated()][kind]
    missing = (ids.isna() | (ids == "")).to_numpy()
    if missing.any():
        raise DataError(f"row {int(missing.argmax()) + 1}: the {kind} id is missing")
    return table


def tidied(table: pd.DataFrame, kind: str, source: str) -> tuple[pd.DataFrame, IdArray]:
    """A table of items or users as it is kept, and its ids, each of them once.

    Args:
        table: with the ids in the column `kind`.
        kind: "item" or "user".
        source: name of the data, for messages.

    Raises:
        DataError: its ids are not ids.
    """
    known = table.loc[:, ~table.columns.duplicated()].drop_duplicates(kind, keep="last").copy()
    try:
        ids = as_id_array(known[kind].to_numpy(), kind)
    except ValueError as error:
        raise DataError(f"{source}: the {kind} table is wrong: {error}") from None
    known = known.rename(columns=writable)
    for column in known.columns:
        if pd.api.types.is_object_dtype(known[column]):  # the others cannot hold what is replaced
            known[column] = known[column].map(writable, na_action="ignore")
    if "genres" in known:
        known["genres"] = np.array(split_genres(known["genres"]), object)
    known = known.drop(columns=kind).reset_index(drop=True)
    known = known.rename(columns={c: f"{kind}_{c}" for c in _ANSWER_COLUMNS & set(known)})
    for column in known.columns:
        if pd.api.types.infer_dtype(known[column], skipna=True).startswith("mixed"):
            known[column] = known[column].map(str, na_action="ignore")
    return _ordered(known), ids


def split_genres(genres: Iterable[Any]) -> list[str | None]:
    """The genres of each item with `|` between them, without blanks around them.

    They are a list, or text that is split at `|`; where no text has a `|`, at commas.

    >>> split_genres(["Drama, Comedy", None, ["Horror"]])
    ['Drama|Comedy', None, 'Horror']
    """
    cells = list(genres)
    separator = "|" if any("|" in cell for cell in cells if isinstance(cell, str)) else ","
    return [_joined(cell, separator) for cell in cells]


def _joined(cell: Any, separator: str) -> str | None:
    if isinstance(cell, str):
        if cell in _NO_GENRE:  # of which one has a blank in it
            return cell
        parts = cell.split(separator)
    elif isinstance(cell, list | tuple | np.ndarray):
        parts = [str(part) for part in cell if part is not None]
    else:
        return None if pd.isna(cell) else str(cell)
    return "|".join(filter(None, map(str.strip, parts)))


def genre_flags(item_table: pd.DataFrame) -> tuple[list[str], npt.NDArray[np.bool_]]:
    """Names of the genres, and which items (n_items, n_genres) have them.

    Without genres: no names and (n_items, 0).

    >>> names, flags = genre_flags(pd.DataFrame({"genres": ["Comedy|Drama", None, "Drama"]}))
    >>> names, flags.astype(int).tolist()
    (['Comedy', 'Drama'], [[1, 1], [0, 0], [0, 1]])
    """
    if "genres" not in item_table:
        return [], np.zeros((len(item_table), 0), bool)
    texts = pd.Series(split_genres(item_table["genres"]), dtype=object).fillna("").astype(str)
    flags = texts.str.get_dummies("|").drop(columns=list(_NO_GENRE), errors="ignore")
    return list(flags.columns), flags.to_numpy(bool)
