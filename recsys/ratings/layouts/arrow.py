"""Arrow tables in files: Feather, the IPC file format and the IPC stream format."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.ipc

from recsys.ratings.arrow_tables import arrow_errors, raw_of_table, to_frame
from recsys.ratings.columns import assign_roles
from recsys.ratings.item_tables import normalized
from recsys.ratings.layout import ItemFiles, Layout, named
from recsys.ratings.raw import RawRatings
from recsys.ratings.source import Source

_FILE = b"ARROW1"  # how the file format begins; a stream begins with its schema


def read_table(file: str) -> Any:
    """The table in a file, in whichever of the two formats.

    Raises:
        DataError: the file is damaged or something else.
    """
    with arrow_errors(file, "not a readable Arrow file"):
        with open(file, "rb") as stream:
            start = stream.read(len(_FILE))
        if start == _FILE:
            table = pa.ipc.open_file(file).read_all()
        else:
            with pa.input_stream(file) as stream:
                table = pa.ipc.open_stream(stream).read_all()
        table.validate(full=True)
        _ = table.column_names  # which may not be UTF-8
        return table


def read(file: str, source: Source) -> RawRatings:
    """See `Layout.read`."""
    table = read_table(file)
    roles = assign_roles(table.column_names, source.columns, file)
    return raw_of_table(table, roles, file, date_format=source.date_format)


def read_items(file: str) -> pd.DataFrame:
    """The items in an Arrow file."""
    return normalized(to_frame(read_table(file), file))


_is_arrow = named("*.arrow", "*.arrows", "*.feather", "*.ipc")

LAYOUT = Layout(
    name="Arrow",
    priority=42,
    files=("ratings.arrow", "ratings.feather"),
    matches=_is_arrow,
    read=read,
    items=ItemFiles(
        files=("movies.arrow", "movies.feather", "items.arrow", "items.feather"),
        matches=_is_arrow,
        read=read_items,
    ),
)
