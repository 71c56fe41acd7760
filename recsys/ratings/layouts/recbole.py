"""RecBole's atomic files: tab-separated `.inter` and `.item` with a header of `name:type`."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from recsys.ratings.item_tables import normalized, with_numbers
from recsys.ratings.item_text import read_delimited
from recsys.ratings.layout import ItemFiles, Layout, named
from recsys.ratings.numeric import years_in
from recsys.ratings.raw import RawRatings
from recsys.ratings.source import Source
from recsys.ratings.text_files import read_text


def read_items(file: str) -> pd.DataFrame:
    """The items of an `.item` file, with titles and genres as MovieLens writes them."""
    table = read_delimited(file, "\t", quoted=False)
    table.columns = pd.Index([c.split(":")[0] for c in table.columns])
    table = with_numbers(normalized(table))
    if "year" in table.columns:
        table["year"] = years_in(table["year"])
        if "title" in table.columns:
            # The year is not part of the title here, as it is in MovieLens.
            dated = table["title"] + " (" + table["year"].astype("string") + ")"
            table["title"] = dated.where(table["year"].notna(), table["title"])
    if "class" in table.columns:
        table["genres"] = table.pop("class").map(
            lambda one: one.replace(" ", "|") if isinstance(one, str) else one
        )
    return table


def read(location: str, source: Source) -> RawRatings:
    """See `Layout.read`. Of a folder with a benchmark's split, the training part."""
    if not os.path.isdir(location):
        return read_text(location, source)
    train = _train_part(location)
    raw = read_text(train, source)
    raw.remarks.append(
        f"only {os.path.basename(train)} was read, the training part of the benchmark in this "
        "folder"
    )
    return raw


def _train_part(folder: str) -> str:
    # The only file NAME.train.inter with NAME.test.inter next to it; "" without one.
    if not os.path.isdir(folder):
        return ""
    names = {path.name for path in Path(folder).glob("*.inter")}
    stems = [name.removesuffix(".train.inter") for name in names if name.endswith(".train.inter")]
    parts = {f"{stem}{part}.inter" for stem in stems for part in _PARTS}
    if len(stems) != 1 or not names <= parts or f"{stems[0]}.test.inter" not in names:
        return ""
    return os.path.join(folder, f"{stems[0]}.train.inter")


def _item_files(location: str) -> list[str]:
    file = _train_part(location) or location
    stem = os.path.splitext(file)[0]
    whole = next((stem.removesuffix(end) for end in _PARTS if stem.endswith(end)), stem)
    return [whole + ".item"]


_PARTS = (".train", ".valid", ".test")
_is_inter = named("*.inter")

LAYOUT = Layout(
    name="RecBole",
    priority=50,
    files=("*.inter",),
    matches=lambda location: _is_inter(location) or bool(_train_part(location)),
    read=read,
    item_files=_item_files,
    items=ItemFiles(files=("*.item",), matches=named("*.item"), read=read_items),
)
