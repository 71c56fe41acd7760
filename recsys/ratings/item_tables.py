"""What the items are: titles, years and genres in every MovieLens layout."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys.errors import DataError
from recsys.ids import WHOLE_NUMBER, numbers_in_text

YEAR = r"\((\d{4})[^()]*\)\s*$"
"""The year at the end of a title: "Toy Story (1995)"."""

_COLUMNS = {
    "item": ("item", "itemid", "movieid", "movie", "id", "productid", "trackid", "bookid"),
    "title": ("title", "name", "movietitle", "itemtitle"),
    "year": ("year", "releaseyear"),
    "genres": ("genres", "genre"),
}

_NO_GENRE = ("", "(no genres listed)", "unknown")  # how MovieLens says that there is none
_TEXTS = {*_COLUMNS["item"], *_COLUMNS["title"], *_COLUMNS["genres"]}

GENRES_100K = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary",
    "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi",
    "Thriller", "War", "Western",
)  # fmt: skip
"""The genre columns of `u.item`, in their order (`u.genre`)."""


def read_item_table(
    ratings_file: Path, named: str | os.PathLike[str] | None = None
) -> pd.DataFrame | None:
    """Item table with the columns item, title, year and genres; None where there is none.

    It is read from the file `named`, or from the one that belongs beside `ratings_file`.

    Raises:
        DataError: the file named is missing, or a file is no item table.
    """
    if named is not None:
        file = Path(named)
        if not file.is_file():
            raise DataError(f"{file}: no such file of items")
    else:
        found = [f for f in _beside(ratings_file) if f.is_file()]
        if not found:
            return None
        file = found[0]
    if file.stat().st_size == 0:
        raise DataError(f"{file}: the file of items is empty")
    try:
        table = _reader_for(file)(file)
    except DataError as error:
        raise DataError(str(error) if str(file) in str(error) else f"{file}: {error}") from None
    except (ValueError, KeyError, OSError, StopIteration, csv.Error) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{file}: not a table of items ({said})") from None
    if "year" in table.columns:
        table["year"] = pd.to_numeric(table["year"], errors="coerce").astype("Int64")
    elif "title" in table.columns:
        table["year"] = table["title"].astype("str").str.extract(YEAR)[0].astype("Int64")
    first = [c for c in ("item", "title", "year", "genres") if c in table.columns]
    return table[first + [c for c in table.columns if c not in first]]


def _beside(ratings_file: Path) -> list[Path]:
    folder = ratings_file.parent
    if ratings_file.suffix == ".inter":
        return [ratings_file.with_suffix(".item")]
    if ratings_file.name == "u.data" or ratings_file.suffix in (".base", ".test"):
        return [folder / "u.item"]
    if ratings_file.stem.startswith("ratings"):
        return [folder / f"movies{end}" for end in (".dat", ".csv", ".parquet")]
    return []


def _reader_for(file: Path) -> Callable[[Path], pd.DataFrame]:
    if file.name == "u.item":
        return read_u_item
    if file.suffix == ".item":
        return read_recbole_items
    if file.suffix == ".dat":
        return read_movies_dat
    if file.suffix in (".parquet", ".pq"):
        return lambda f: normalised(pd.read_parquet(f))
    return read_movies_csv


def decoded(file: Path) -> str:
    """The text of a file: UTF-8 where it is that, else ISO-8859-1."""
    raw = file.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("ISO-8859-1")


def read_u_item(file: Path) -> pd.DataFrame:
    """MovieLens 100K: `id|title|release date|video date|url|19 genre flags`, ISO-8859-1."""
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(decoded(file).splitlines(), start=1):
        cells = line.split("|")
        if len(cells) != 5 + len(GENRES_100K):
            raise DataError(f"{file}, line {number}: {len(cells)} fields where 24 belong")
        genres = [g for g, flag in zip(GENRES_100K, cells[5:], strict=True) if flag == "1"]
        rows.append({"item": _id(cells[0]), "title": cells[1], "genres": "|".join(genres)})
    return pd.DataFrame(rows)


def read_movies_dat(file: Path) -> pd.DataFrame:
    """MovieLens 1M and 10M: `id::title::genres`. A title may itself contain `::`."""
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(decoded(file).splitlines(), start=1):
        cells = line.split("::")
        if len(cells) < 3:
            raise DataError(f"{file}, line {number}: {len(cells)} fields where 3 belong")
        rows.append({"item": _id(cells[0]), "title": "::".join(cells[1:-1]), "genres": cells[-1]})
    return pd.DataFrame(rows)


def read_movies_csv(file: Path) -> pd.DataFrame:
    """MovieLens 20M and later, or any CSV or TSV with an item column and a header."""
    return normalised(_read_table(file, "\t" if file.suffix == ".tsv" else ",", quoted=True))


def _read_table(file: Path, separator: str, quoted: bool) -> pd.DataFrame:
    # Text cells, with the field count of every line checked: a title with a comma in it and no
    # quotes around it would otherwise shift the columns.
    text = io.StringIO(decoded(file))
    quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    reader = csv.reader(text, delimiter=separator, quoting=quoting)  # type: ignore[arg-type]
    header = next(reader)
    rows = []
    for row in reader:
        if len(row) not in (0, len(header)):
            raise DataError(
                f"{file}, line {reader.line_num}: {len(row)} fields where {len(header)} belong "
                f"(a separator inside a field needs quotes around the field)"
            )
        rows += [row] if row else []
    table = pd.DataFrame(rows, columns=header, dtype="str").replace("", None)
    for name in table.columns[~table.columns.duplicated(keep=False)]:
        numbers = pd.to_numeric(table[name], errors="coerce")
        if _plain(name) not in _TEXTS and numbers.notna().equals(table[name].notna()):
            table[name] = numbers
    return table


def read_recbole_items(file: Path) -> pd.DataFrame:
    """RecBole's atomic `.item` file: a header of `name:type`, tabs between fields."""
    table = _read_table(file, "\t", quoted=False)
    table.columns = pd.Index([c.split(":")[0] for c in table.columns])
    table = normalised(table)
    if "year" in table.columns:
        table["year"] = pd.to_numeric(table["year"], errors="coerce").astype("Int64")
        if "title" in table.columns:
            # As MovieLens writes it; the file keeps the year apart.
            dated = table["title"] + " (" + table["year"].astype("string") + ")"
            table["title"] = dated.where(table["year"].notna(), table["title"])
    if "class" in table.columns:
        table["genres"] = table.pop("class").str.replace(" ", "|")
    return table


def normalised(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its columns called item, title, year and genres, ids as numbers if all are.

    Raises:
        DataError: no column can be taken for that of the ids.
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


def _plain(column: object) -> str:
    return str(column).lower().replace("_", "").replace(" ", "")


def _id(text: str) -> int | str:
    return int(text) if WHOLE_NUMBER.fullmatch(text) else text


def genre_flags(item_table: pd.DataFrame) -> tuple[list[str], npt.NDArray[np.bool_]]:
    """Genres by name and which items (n_items, n_genres) have them; none where none are known.

    >>> names, flags = genre_flags(pd.DataFrame({"genres": ["Comedy|Drama", None, "Drama"]}))
    >>> names, flags.astype(int).tolist()
    (['Comedy', 'Drama'], [[1, 1], [0, 0], [0, 1]])
    """
    if "genres" not in item_table:
        return [], np.zeros((len(item_table), 0), bool)
    texts = item_table["genres"].fillna("").astype(str)
    flags = texts.str.get_dummies("|").drop(columns=list(_NO_GENRE), errors="ignore")
    return list(flags.columns), flags.to_numpy(bool)
