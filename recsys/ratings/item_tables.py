"""What the items are: titles, years and genres in every MovieLens layout."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from recsys.errors import DataError

YEAR = r"\((\d{4})[^()]*\)\s*$"
"""The year at the end of a title: "Toy Story (1995)"."""

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
    except (ValueError, KeyError, IndexError, OSError, pd.errors.ParserError) as error:
        raise DataError(f"{file}: not a table of items ({str(error).splitlines()[0]})") from None
    if "year" not in table.columns and "title" in table.columns:
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
        return lambda f: _normalised(pd.read_parquet(f))
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
    import io

    separator = "\t" if file.suffix == ".tsv" else ","
    return _normalised(pd.read_csv(io.StringIO(decoded(file)), sep=separator))


def read_recbole_items(file: Path) -> pd.DataFrame:
    """RecBole's atomic `.item` file: a header of `name:type`, tabs between fields."""
    import io

    table = pd.read_csv(io.StringIO(decoded(file)), sep="\t", quoting=3)
    table.columns = [c.split(":")[0] for c in table.columns]
    table = table.rename(columns={"movie_title": "title", "release_year": "year"})
    table = _normalised(table)
    if "year" in table.columns:
        table["year"] = pd.to_numeric(table["year"], errors="coerce").astype("Int64")
        if "title" in table.columns:
            # As MovieLens writes it; the file keeps the year apart.
            dated = table["title"] + " (" + table["year"].astype("string") + ")"
            table["title"] = dated.where(table["year"].notna(), table["title"])
    if "class" in table.columns:
        table["genres"] = table.pop("class").str.replace(" ", "|")
    return table


def _normalised(table: pd.DataFrame) -> pd.DataFrame:
    names: dict[str, str] = {}
    for column in table.columns:
        plain = str(column).lower().replace("_", "").replace(" ", "")
        if plain in ("movieid", "itemid", "item", "movie", "id", "productid") and (
            "item" not in names.values()
        ):
            names[column] = "item"
        elif plain in ("title", "name", "movietitle"):
            names[column] = "title"
        elif plain in ("genres", "genre", "year"):
            names[column] = "genres" if plain.startswith("genre") else plain
    table = table.rename(columns=names)
    if "item" not in table.columns:
        raise DataError(f"no item column among {', '.join(map(repr, table.columns))}")
    return table


def _id(text: str) -> int | str:
    return int(text) if text.strip().isdigit() else text
