"""Files of recommendations for many users, written block by block and continued after a stop.

While a file `lists.parquet` is being written, its blocks lie in the folder `.lists.parquet.parts`
next to it, each complete or not there. The file itself appears at the end, whole.
"""

from __future__ import annotations

import io
import itertools
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from recsys.errors import ArgumentError
from recsys.files import replacing, write_text
from recsys.ids import in_json

if TYPE_CHECKING:
    import pyarrow as pa

    from recsys.recommend.answer import Table

ENDINGS = (".parquet", ".csv", ".jsonl")
_ABOUT = "about.json"
_DECIMALS = 6  # of scores in JSON


class ListFile:
    """A file of lists that is written in blocks; use it in a `with` statement.

    Args:
        path: the file; its ending says the format.
        about: what the lists are made from. Blocks that an earlier run left are kept where it says
            the same, and removed otherwise.

    Raises:
        ArgumentError: the ending is none of `ENDINGS`.
    """

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        if path.suffix not in ENDINGS:
            raise ArgumentError(f"out must end in {', '.join(ENDINGS)}, not {str(path)!r}")
        self._path, self._about = path, json.dumps(about, sort_keys=True, default=str)
        self._parts = path.with_name(f".{path.name}.parts")

    def __enter__(self) -> ListFile:
        known = self._parts / _ABOUT
        if not known.is_file() or known.read_text() != self._about:
            shutil.rmtree(self._parts, ignore_errors=True)
            self._parts.mkdir(parents=True)
            write_text(known, self._about)
        return self

    def __exit__(self, *error: object) -> None:
        """Leaves the blocks where they are: `finish` has removed them, or another run goes on."""

    def has(self, block: int) -> bool:
        """Whether a block has been written already."""
        return self._part(block).is_file()

    def write(self, block: int, table: Table) -> None:
        """Writes the lists of a block: an answer with the columns user, rank, item and score."""
        self.put(block, encoded(self._path.suffix, block, table))

    def put(self, block: int, content: bytes) -> None:
        """Writes a block that `encoded` has made, perhaps on another machine."""
        with replacing(self._part(block)) as stream:
            stream.write(content)

    def finish(self, n_blocks: int) -> None:
        """Joins all blocks into the file and removes them."""
        parts = [self._part(block) for block in range(n_blocks)]
        with replacing(self._path) as stream:
            (_join_parquet if self._path.suffix == ".parquet" else _join_text)(parts, stream)
        shutil.rmtree(self._parts)

    def _part(self, block: int) -> Path:
        return self._parts / f"{block:06d}{self._path.suffix}"


def encoded(ending: str, block: int, table: Table) -> bytes:
    """The bytes of a block.

    Args:
        ending: of the file, one of `ENDINGS`.
        block: its number; the first one of a CSV file has the names of the columns.
        table: an answer with the columns user, rank, item and score.
    """
    stream = io.BytesIO()
    if ending == ".csv":
        _write_csv(table, stream, header=not block)
    else:
        (_write_parquet if ending == ".parquet" else _write_json_lines)(table, stream)
    return stream.getvalue()


def _arrow(table: Table) -> pa.Table:
    import pyarrow as pa

    columns = {name: pa.array(column, from_pandas=True) for name, column in table.answer.items()}
    # All blocks have the same columns, whether or not somebody got the most popular items.
    columns["remark"] = pa.array(table.answer.get("remark", [None] * len(table)), pa.string())
    if table.items is not None and table.rows is not None:
        rows = pa.array(table.rows)
        shown = table.items.arrow
        columns |= {name: shown.column(name).take(rows) for name in table.items.columns}
    return pa.table(columns)


def _write_parquet(table: Table, stream: BinaryIO) -> None:
    import pyarrow.parquet as pq

    pq.write_table(_arrow(table), stream)


def _write_csv(table: Table, stream: BinaryIO, header: bool) -> None:
    from pyarrow.csv import WriteOptions, write_csv

    write_csv(_arrow(table), stream, WriteOptions(include_header=header))


def _write_json_lines(table: Table, stream: BinaryIO) -> None:
    # A line for each user: {"user": 1, "items": [{"rank": 1, "item": 2, "score": 0.5}, ...]}.
    # Values become JSON column by column, which takes a third of the time of row by row.
    columns = {
        name: _encoded(table.column(name), name)
        for name in table.columns
        if name not in ("user", "remark")
    }
    fields = [f"{json.dumps(name).replace('%', '%%')}: %s" for name in columns]
    form = f"{{{', '.join(fields)}}}"
    items = [form % values for values in zip(*columns.values(), strict=True)]
    users = table.answer["user"]
    remarks = table.answer.get("remark")
    changes = np.flatnonzero(users[1:] != users[:-1]) + 1
    for first, last in itertools.pairwise([0, *changes, len(users)] if len(users) else []):
        remark = "" if remarks is None or remarks[first] is None else remarks[first]
        more = f', "remark": {json.dumps(remark)}' if remark else ""
        user = json.dumps(in_json(_plain(users[first])))
        line = f'{{"user": {user}, "items": [{", ".join(items[first:last])}]{more}}}\n'
        stream.write(line.encode("utf-8"))


def _encoded(values: list[Any], name: str) -> list[str]:
    if name in ("score", "low", "high"):
        return ["null" if value is None else str(round(value, _DECIMALS)) for value in values]
    if any(isinstance(value, list | dict) for value in values):
        return [json.dumps(value, default=str) for value in values]
    texts = {value: json.dumps(in_json(value), default=str) for value in set(values)}
    return [texts[value] for value in values]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _join_parquet(parts: list[Path], stream: BinaryIO) -> None:
    import pyarrow.parquet as pq

    schema = pq.read_schema(parts[0])
    with pq.ParquetWriter(stream, schema) as writer:
        for part in parts:
            writer.write_table(pq.read_table(part, schema=schema))


def _join_text(parts: list[Path], stream: BinaryIO) -> None:
    for part in parts:
        with open(part, "rb") as block:
            shutil.copyfileobj(block, stream)
