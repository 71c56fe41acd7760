"""Parquet files with a column for each role, and folders of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from recsys.ratings.arrow_batches import raw_of_batches
from recsys.ratings.arrow_tables import arrow_errors, to_frame
from recsys.ratings.columns import assign_roles
from recsys.ratings.item_tables import normalized
from recsys.ratings.layout import ItemFiles, Layout, named
from recsys.ratings.raw import RawRatings
from recsys.ratings.source import Source

_ROWS = 1 << 18  # of a batch


def read(location: str, source: Source) -> RawRatings:
    """See `Layout.read`. Checksums of pages are verified where the file has them.

    Raises:
        DataError: the file is damaged, a column has the wrong type, or a value is missing.
    """
    parts = _parts(location)
    with arrow_errors(location, "not a readable Parquet file"):
        schema = pq.ParquetDataset(parts or location).schema
        roles = assign_roles(schema.names, source.columns, location)
        unused = tuple(name for name in schema.names if name not in roles.values())
        wanted = pa.schema([schema.field(name) for name in roles.values()])
        batches = _batches(parts or [location], wanted)
        raw = raw_of_batches(batches, roles, location, unused, source.date_format, source.drops)
    if len(parts) > 1:
        raw.remarks.append(f"{len(parts):,} Parquet files were read as one table")
    return raw


def _batches(files: list[str], wanted: pa.Schema) -> Iterator[pa.RecordBatch]:
    # Page by page, however large the row groups are; all files in the types of the first.
    for file in files:
        # `pre_buffer` would keep all that was read until the end; with a `buffer_size`, pyarrow 18
        # cannot read every file.
        reader = pq.ParquetFile(file, page_checksum_verification=True, pre_buffer=False)
        with reader as opened:
            if set(wanted.names) <= set(opened.schema_arrow.names):
                found = opened.iter_batches(_ROWS, columns=wanted.names)
            else:  # a column in the name of a folder
                found = pq.read_table(file, columns=wanted.names).to_batches()
            for batch in found:
                # A damaged page without a checksum may hold text that is not UTF-8.
                batch.validate(full=True)
                alike = batch.schema.equals(wanted)
                yield from [batch] if alike else pa.table(batch).cast(wanted).to_batches()


def is_parquet_folder(location: str) -> bool:
    """Whether a folder holds one table in Parquet files, which may be in folders `key=value`.

    Files of different columns are different tables.
    """
    files = _parts(location)
    if any(Path(file).stem in ("ratings", "movies", "items", "users") for file in files):
        return False
    try:
        return len({tuple(pq.read_schema(file).names) for file in files}) == 1
    except (pa.ArrowException, OSError):
        return True  # reading it names the damaged file


def _parts(location: str) -> list[str]:
    # The Parquet files of a folder, whatever else is in it; empty for a file.
    folder = Path(location)
    if not folder.is_dir():
        return []
    found = [*folder.glob("*.parquet"), *folder.glob("*=*/**/*.parquet")]
    return sorted(str(file) for file in found)


def read_items(file: str) -> pd.DataFrame:
    """The items in a Parquet file."""
    with arrow_errors(file, "not a readable Parquet file"):
        table = pq.read_table(file, page_checksum_verification=True)
        table.validate(full=True)
        return normalized(to_frame(table, file))


_is_parquet_file = named("*.parquet", "*.pq")

LAYOUT = Layout(
    name="Parquet",
    priority=40,
    files=("ratings.parquet",),
    matches=lambda location: _is_parquet_file(location) or is_parquet_folder(location),
    read=read,
    items=ItemFiles(
        files=("movies.parquet", "items.parquet"), matches=_is_parquet_file, read=read_items
    ),
)
