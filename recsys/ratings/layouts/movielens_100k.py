"""MovieLens 100K: tab-separated `u.data` and its splits, `u.item` with 19 genre flags."""

from __future__ import annotations

import os
from typing import Any

import pandas as pd

from recsys.errors import DataError
from recsys.ratings.account import counted
from recsys.ratings.item_tables import id_in_text
from recsys.ratings.item_text import lines_of
from recsys.ratings.layout import ItemFiles, Layout, named
from recsys.ratings.text_files import read_text

GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary",
    "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi",
    "Thriller", "War", "Western",
)  # fmt: skip
"""The genre columns of `u.item`, in their order (`u.genre`)."""


def read_items(file: str) -> pd.DataFrame:
    """The items in `id|title|release date|video date|url|19 genre flags`."""
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines_of(file), start=1):
        cells = line.split("|")
        if len(cells) != 5 + len(GENRES):
            raise DataError(f"{file}, line {number}: {counted(len(cells), 'field')} instead of 24")
        genres = [g for g, flag in zip(GENRES, cells[5:], strict=True) if flag == "1"]
        rows.append({"item": id_in_text(cells[0]), "title": cells[1], "genres": "|".join(genres)})
    return pd.DataFrame(rows)


LAYOUT = Layout(
    name="MovieLens 100K",
    priority=10,
    files=("u.data",),
    matches=named("u.data", "*.base", "*.test"),
    read=read_text,
    item_files=lambda file: [os.path.join(os.path.dirname(file), "u.item")],
    items=ItemFiles(files=("u.item",), matches=named("u.item"), read=read_items),
)
