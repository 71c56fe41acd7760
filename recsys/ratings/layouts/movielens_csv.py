"""MovieLens 20M and later: `ratings.csv` and `movies.csv` with headers."""

from __future__ import annotations

from recsys.ratings.item_tables import normalized, with_numbers
from recsys.ratings.item_text import read_delimited
from recsys.ratings.layout import ItemFiles, Layout, named
from recsys.ratings.text_files import read_text

LAYOUT = Layout(
    name="MovieLens CSV",
    priority=30,
    files=("ratings.csv",),
    beside=("tags.csv", "links.csv", "genome-*.csv"),
    matches=named("ratings.csv"),
    read=read_text,
    items=ItemFiles(
        files=("movies.csv", "items.csv"),
        matches=named("*.csv"),
        read=lambda file: with_numbers(normalized(read_delimited(file, None, quoted=True))),
    ),
)
