"""RecBole's atomic files: tab-separated `.inter` and `.item` with a header of `name:type`."""

from __future__ import annotations

import os

import pandas as pd

from recsys.ratings.item_tables import normalized, read_delimited
from recsys.ratings.layout import ItemFiles, Layout, named
from recsys.ratings.text_files import read_text


def read_items(file: str) -> pd.DataFrame:
    """The items of an `.item` file, with titles and genres as MovieLens writes them."""
    table = read_delimited(file, "\t", quoted=False)
    table.columns = pd.Index([c.split(":")[0] for c in table.columns])
    table = normalized(table)
    if "year" in table.columns:
        table["year"] = pd.to_numeric(table["year"], errors="coerce").astype("Int64")
        if "title" in table.columns:
            # The year is not part of the title here, as it is in MovieLens.
            dated = table["title"] + " (" + table["year"].astype("string") + ")"
            table["title"] = dated.where(table["year"].notna(), table["title"])
    if "class" in table.columns:
        table["genres"] = table.pop("class").str.replace(" ", "|")
    return table


LAYOUT = Layout(
    name="RecBole",
    priority=50,
    files=("*.inter",),
    matches=named("*.inter"),
    read=read_text,
    item_files=lambda file: [os.path.splitext(file)[0] + ".item"],
    items=ItemFiles(files=("*.item",), matches=named("*.item"), read=read_items),
)
