"""Arrow tables as arrays of bytes, and ids in them, read with checks and without pandas."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recsys.ids import IdIndex
from recsys.store.container import Array


def to_bytes(table: pa.Table) -> Array:
    """The table as an Arrow IPC file: uint8 (bytes,)."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return np.frombuffer(sink.getvalue(), np.uint8)


def from_bytes(raw: Array) -> pa.Table:
    """The table that `to_bytes` wrote, on the same memory, checked down to its last value.

    Raises:
        ValueError: it is damaged.
    """
    try:
        with pa.ipc.open_file(pa.py_buffer(raw)) as reader:
            table = reader.read_all()
        table.validate(full=True)
        names = table.schema.names
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from None
    if not names or names[0] != "id" or len(set(names[1:])) < len(names) - 1:
        raise ValueError("the columns must be id and others of different names")
    return table


def index(table: pa.Table, kind: str) -> IdIndex:
    """The index of the first column, whose order is that of the rows of all arrays.

    Raises:
        ValueError: the ids are not whole numbers or texts, or do not increase from row to row.
    """
    column = table.column(0).combine_chunks()
    text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    if column.null_count or not (text or pa.types.is_int64(column.type)):
        raise ValueError(f"{kind} ids must be whole numbers or text, not {column.type}")
    # IdIndex sorts: ids in another order would get the factors of somebody else.
    if not (pc.all(pc.less(column[:-1], column[1:])).as_py() or len(column) < 2):
        raise ValueError(f"{kind} ids must increase from row to row")
    if text:
        return IdIndex(np.array(column.to_pylist(), object), kind)
    # Not to_numpy, which imports pandas.
    values = np.frombuffer(column.buffers()[1], np.int64)
    return IdIndex(values[column.offset : column.offset + len(column)], kind)
