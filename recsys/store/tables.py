"""Arrow tables as arrays of bytes, and ids in them, read with checks and without pandas."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from recsys.ids import IdArray, IdIndex
from recsys.store.container import Array

_PLAIN: Mapping[pa.DataType, tuple[str, ...]] = {
    pa.string(): ("object", "str", "string"),
    pa.large_string(): ("object", "str", "string"),
    pa.bool_(): ("bool", "boolean"),
    pa.float32(): ("float32", "Float32"),
    pa.float64(): ("float64", "Float64"),
    **{
        pa.type_for_alias(f"{sign}int{bits}"): (f"{sign}int{bits}", f"{sign.upper()}Int{bits}")
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    },
}
"""Arrow type → names of the pandas types that a column of it can become without fail."""


def with_ids(ids: IdArray, table: pa.Table | None = None) -> pa.Table:
    """A table with a first column `id`, followed by those of `table`."""
    others = table or pa.table({})
    fields = [pa.field("id", pa.string() if ids.dtype == object else pa.int64()), *others.schema]
    schema = pa.schema(fields, others.schema.metadata)
    return pa.table([pa.array(ids, fields[0].type), *others.columns], schema=schema)


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
    if text:
        values = np.array(column.to_pylist(), object)
    else:  # not to_numpy, which imports pandas
        values = np.frombuffer(column.buffers()[1], np.int64)
        values = values[column.offset : column.offset + len(column)]
    if not (values[:-1] < values[1:]).all():
        raise ValueError(f"{kind} ids must increase from row to row")
    return IdIndex(values, kind)


def convertible(table: pa.Table) -> pa.Table:
    """The table, which pandas is sure to be able to take.

    Numbers and text are, once notes of pandas types that do not fit are dropped. Columns of other
    types are converted to find out.

    Raises:
        ValueError: a column cannot be converted.
    """
    plain = {field.name: field.type for field in table.schema if field.type in _PLAIN}
    noted = _noted_types(table.schema)
    kept = [
        {
            "name": name,
            "field_name": name,
            "pandas_type": str(kind),
            "numpy_type": noted[name],
            "metadata": None,
        }
        for name, kind in plain.items()
        if noted.get(name) in _PLAIN[kind]
    ]
    about = {"index_columns": [], "column_indexes": [], "columns": kept}
    table = table.replace_schema_metadata({"pandas": json.dumps(about)})
    if len(plain) < table.num_columns:
        try:
            table.drop_columns(list(plain)).to_pandas()
        except (OSError, pa.ArrowException, TypeError, LookupError, OverflowError) as error:
            raise ValueError(str(error)) from None
    return table


def _noted_types(schema: pa.Schema) -> dict[str, str]:
    # Column name → pandas type, as far as the notes of pandas are what they should be.
    try:
        columns: Any = json.loads((schema.metadata or {})[b"pandas"])["columns"]
        return {column["name"]: column["numpy_type"] for column in columns}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
