"""MovieLens 1M and 10M: `ratings.dat` and `movies.dat` with `::` between the fields."""

from __future__ import annotations

from typing import Any

import pandas as pd

from recsys.errors import DataError
from recsys.ratings.account import counted
from recsys.ratings.item_tables import id_in_text
from recsys.ratings.item_text import lines_of
from recsys.ratings.layout import ItemFiles, Layout, named
from recsys.ratings.text_files import read_text


def read_items(file: str) -> pd.DataFrame:
    """The items in `id::title::genres`. A title may itself contain `::`."""
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines_of(file), start=1):
        cells = line.split("::")
        if len(cells) < 3:
            raise DataError(f"{file}, line {number}: {counted(len(cells), 'field')} instead of 3")
        title = "::".join(cells[1:-1])
        rows.append({"item": id_in_text(cells[0]), "title": title, "genres": cells[-1]})
    return pd.DataFrame(rows)


LAYOUT = Layout(
    name="MovieLens 1M or 10M",
    priority=20,
    files=("ratings.dat",),
    matches=named("ratings.dat"),
    read=read_text,
    items=ItemFiles(files=("movies.dat",), matches=named("*.dat"), read=read_items),
)
