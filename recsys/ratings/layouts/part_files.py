"""Folders as Spark and Hadoop write them: `part-*` files of one table, and `_SUCCESS`."""

from __future__ import annotations

import os
from pathlib import Path

from recsys.ratings.compressed import first_lines
from recsys.ratings.layout import Layout
from recsys.ratings.layouts import find
from recsys.ratings.parts import joined
from recsys.ratings.raw import RawRatings
from recsys.ratings.source import Source


def read(folder: str, source: Source) -> RawRatings:
    """See `Layout.read`. Parts without a row are left out."""
    parts = _without_empty(part_files(folder))
    raws = [find(file, None, source.columns)[0].read(file, source) for file in parts]
    raw = joined(raws, folder)
    if len(parts) > 1:
        raw.remarks.append(f"{len(parts):,} part files were read as one table")
    return raw


def part_files(folder: str) -> list[str]:
    """The part files of a folder, in order; those of Parquet are left to its own layout."""
    if not os.path.isdir(folder):
        return []
    files = sorted(str(path) for path in Path(folder).glob("part-*") if path.is_file())
    return [file for file in files if not file.endswith((".crc", ".parquet"))]


def _without_empty(files: list[str]) -> list[str]:
    # Spark writes a header into a part without rows, too.
    starts = {file: first_lines(file)[:2] for file in files if os.path.getsize(file)}
    headers = {lines[0] for lines in starts.values() if len(lines) == 2}
    return [
        file
        for file, lines in starts.items()
        if lines != [] and not (len(lines) == 1 and lines[0] in headers)
    ]


LAYOUT = Layout(
    name="part files",
    priority=44,
    matches=lambda location: bool(part_files(location)),
    read=read,
)
