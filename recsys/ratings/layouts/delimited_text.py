"""Any other text file with a separator: CSV, TSV and the like, with or without a header."""

from __future__ import annotations

import pandas as pd

from recsys.ratings.item_tables import normalized, with_numbers
from recsys.ratings.item_text import read_delimited
from recsys.ratings.layout import ItemFiles, Layout, is_file
from recsys.ratings.text_files import read_text


def read_items(file: str) -> pd.DataFrame:
    """The items of a text file with a header and any separator."""
    return with_numbers(normalized(read_delimited(file, None, quoted=True)))


LAYOUT = Layout(
    name="delimited text",
    priority=100,
    files=("ratings.tsv",),
    matches=is_file,
    read=read_text,
    items=ItemFiles(files=("items.tsv", "movies.tsv"), matches=is_file, read=read_items),
)
