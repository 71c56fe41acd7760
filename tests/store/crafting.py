"""Model files taken apart and put together again, signed, as docs/model-file.md says."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

DTYPES = {"F32": np.float32, "F64": np.float64, "I64": np.int64, "I32": np.int32, "U8": np.uint8}
NAMES = {np.dtype(dtype): name for name, dtype in DTYPES.items()}

Arrays = dict[str, np.ndarray]


def header(path: Path) -> tuple[dict[str, Any], bytes]:
    """The JSON header and the bytes behind it."""
    raw = path.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    return json.loads(raw[8 : 8 + size]), raw[8 + size :]


def parts(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """Writable copies of the arrays, and what the header says of the model."""
    head, data = header(path)
    about = json.loads(head.pop("__metadata__")["recsys"])
    arrays = {}
    for name, tensor in head.items():
        begin, end = tensor["data_offsets"]
        flat = np.frombuffer(data[begin:end], DTYPES[tensor["dtype"]])
        arrays[name] = flat.reshape(tensor["shape"]).copy()
    return arrays, about


def write(path: Path, arrays: Arrays, about: dict[str, Any] | str) -> Path:
    """A file of these parts whose checksums are right, whatever its content."""
    order = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    tensors, blob = {}, b""
    for name in order:
        array = arrays[name]
        offsets = [len(blob), len(blob) + array.nbytes]
        shape = list(array.shape)
        tensors[name] = {"dtype": NAMES[array.dtype], "shape": shape, "data_offsets": offsets}
        blob += array.tobytes()
    if isinstance(about, dict):
        sums = {name: hashlib.sha256(arrays[name].tobytes()).hexdigest() for name in order}
        version = about.get("schema_version")
        about = json.dumps(about if version == 1 else about | {"checksums": sums}, sort_keys=True)
    metadata = {"format": "recsys", "recsys": about}
    signed = json.dumps([tensors, metadata], sort_keys=True).encode()
    if '"schema_version": 1,' in about:
        signed += blob
    metadata["sha256"] = hashlib.sha256(signed).hexdigest()
    head = json.dumps({"__metadata__": metadata, **tensors}).encode()
    head += b" " * (-(8 + len(head)) % 64)
    path.write_bytes(struct.pack("<Q", len(head)) + head + blob)
    return path


def table(raw: np.ndarray) -> pa.Table:
    """The Arrow table in an array of bytes."""
    return pa.ipc.open_file(pa.py_buffer(raw)).read_all()


def table_bytes(table: pa.Table) -> np.ndarray:
    """The array of bytes that holds an Arrow table."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return np.frombuffer(sink.getvalue(), np.uint8)
