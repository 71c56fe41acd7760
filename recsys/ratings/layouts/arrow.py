"""Arrow tables in files: Feather, the IPC file format and the IPC stream format."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd
import pyarrow as pa
import pyarrow.ipc

from recsys.ratings.arrow_batches import raw_of_batches
from recsys.ratings.arrow_tables import arrow_errors, to_frame
from recsys.ratings.columns import assign_roles
from recsys.ratings.item_tables import normalized
from recsys.ratings.layout import ItemFiles, Layout, named
from recsys.ratings.raw import RawRatings
from recsys.ratings.source import Source

_FILE = b"ARROW1"  # how the file format begins; a stream begins with its schema


@contextmanager
def _opened(file: str) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    # The schema and batches of a file in whichever of the two formats.
    with arrow_errors(file, "not a readable Arrow file"):
        with open(file, "rb") as stream:
            is_file = stream.read(len(_FILE)) == _FILE
        if is_file:
            with pa.OSFile(file) as source:
                reader = pa.ipc.open_file(source)
                numbers = range(reader.num_record_batches)
                yield reader.schema, (_valid(reader.get_batch(number)) for number in numbers)
        else:
            with pa.input_stream(file) as source:  # which may be compressed
                reader = pa.ipc.open_stream(source)
                yield reader.schema, map(_valid, reader)


def _valid(batch: pa.RecordBatch) -> pa.RecordBatch:
    batch.validate(full=True)
    return batch


def read_table(file: str) -> pa.Table:
    """The table in a file, in whichever of the two formats.

    Raises:
        DataError: the file is damaged or something else.
    """
    with _opened(file) as (schema, batches):
        table = pa.Table.from_batches(batches, schema)
        _ = table.column_names  # which may not be UTF-8
        return table


def read(file: str, source: Source) -> RawRatings:
    """See `Layout.read`."""
    with _opened(file) as (schema, batches):
        roles = assign_roles(schema.names, source.columns, file)
        unused = tuple(name for name in schema.names if name not in roles.values())
        return raw_of_batches(batches, roles, file, unused, source.date_format, source.drops)


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
