"""Formats of bytes: tables and matrices in files, archives; read a second time by other libraries.

What a damaged file holds is what another library reads from it (polars, `zipfile`, a small reader
of NumPy's format). Where that library fails too, or sees other columns, nothing can be said.
"""

from __future__ import annotations

import ast
import bz2
import gzip
import io
import lzma
import random
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp
from faults import mutation
from faults.formats import Files, Format, rows
from faults.records import Pairs, Unsure, found, plain, unlike

import recsys

NAMES = "user", "item", "rating", "timestamp"


def _table(rng: random.Random) -> pa.Table:
    columns: list[list[Any]] = [list(column) for column in zip(*rows(rng), strict=True)]
    if rng.random() < 0.5:
        columns[1] = [f"item {one}" for one in columns[1]]
    table = pa.table(dict(zip(NAMES, columns, strict=True)))
    if rng.random() < 0.3:
        table = table.set_column(0, "user", table.column("user").dictionary_encode())
    return table


def _parquet(rng: random.Random) -> Files:
    sink = io.BytesIO()
    pq.write_table(
        _table(rng), sink, compression=rng.choice(["none", "snappy", "zstd", "gzip"]),
        write_page_checksum=rng.random() < 0.3, use_dictionary=rng.random() < 0.5,
    )  # fmt: skip
    return {"ratings.parquet": sink.getvalue()}


def _arrow(rng: random.Random) -> Files:
    sink, table = io.BytesIO(), _table(rng)
    is_stream = rng.random() < 0.5
    options = pa.ipc.IpcWriteOptions(compression=rng.choice([None, "lz4", "zstd"]))
    new = pa.ipc.new_stream if is_stream else pa.ipc.new_file
    with new(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return {"ratings.arrows" if is_stream else "ratings.arrow": sink.getvalue()}


def _unlike_polars(read: Callable[[io.BytesIO], pl.DataFrame]) -> Any:
    def wrong(data: bytes, ratings: recsys.Ratings, _: Files) -> str:
        try:
            frame = read(io.BytesIO(data))
            columns = [frame[name].to_list() for name in NAMES[:3]]
        except BaseException as error:  # a panic of Rust is no Exception
            if isinstance(error, KeyboardInterrupt):
                raise
            raise Unsure from None
        users, items, values = columns
        if any(one is None for column in columns for one in column):
            return "read, although a value is missing"
        pairs = list(zip(map(plain, users), map(plain, items), strict=True))
        if ratings.account is None or ratings.account.dropped or ratings.account.n_repeats:
            raise Unsure
        # Bytes that are not valid text are shown in different ways.
        return unlike(found(ratings), dict(zip(pairs, map(float, values), strict=True)))

    return wrong


def _dense(rng: random.Random) -> np.ndarray:
    table = np.zeros((rng.randint(2, 6), rng.randint(2, 8)), rng.choice(["f4", "f8", "i4", "i8"]))
    table[rng.randrange(len(table)), 0] = 3
    for _ in range(8):
        table[rng.randrange(len(table)), rng.randrange(table.shape[1])] = rng.randint(1, 5)
    return table


def _npy(rng: random.Random) -> Files:
    sink = io.BytesIO()
    np.save(sink, _dense(rng))
    return {"ratings.npy": sink.getvalue()}


def _npz(rng: random.Random) -> Files:
    sink = io.BytesIO()
    if rng.random() < 0.3:
        np.savez_compressed(sink, ratings=_dense(rng))
    else:
        kind = rng.choice([sp.csr_matrix, sp.csc_matrix, sp.coo_matrix])
        sp.save_npz(sink, kind(_dense(rng)), compressed=rng.random() < 0.5)
    return {"ratings.npz": sink.getvalue()}


def _array(data: bytes) -> np.ndarray:
    # NumPy's format, by its documentation; version 1.0.
    if data[:8] != b"\x93NUMPY\x01\x00":
        raise Unsure
    size = int.from_bytes(data[8:10], "little")
    try:
        about = ast.literal_eval(data[10 : 10 + size].decode("latin-1"))
        dtype, shape = np.dtype(about["descr"]), about["shape"]
        n = int(np.prod(shape, dtype=object))
        flat = np.frombuffer(data[10 + size :], dtype, n)
    except Exception:
        raise Unsure from None
    return flat.reshape(shape, order="F" if about["fortran_order"] else "C")


def _unlike_array(data: bytes, ratings: recsys.Ratings, _: Files) -> str:
    if ratings.account is None or ratings.account.dropped:  # -1 may stand for "not rated"
        raise Unsure
    return unlike(found(ratings), _pairs(_array(data)))


def _unlike_npz(data: bytes, ratings: recsys.Ratings, _: Files) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as bundle:
            arrays = {
                one.removesuffix(".npy"): _array(bundle.read(one)) for one in bundle.namelist()
            }
    except Unsure:
        raise
    except Exception:
        raise Unsure from None
    if "ratings" in arrays:
        return unlike(found(ratings), _pairs(arrays["ratings"]))
    try:
        return unlike(found(ratings), _pairs(_of_parts(arrays)))
    except (KeyError, IndexError):
        raise Unsure from None


def _of_parts(arrays: dict[str, np.ndarray]) -> np.ndarray:
    # What the arrays of a sparse matrix say, entry by entry.
    values, table = arrays["data"], np.zeros(tuple(arrays["shape"]))
    form = arrays["format"].item()
    if form in (b"coo", "coo"):
        places = list(zip(arrays["row"], arrays["col"], strict=True))
    else:
        starts, others = arrays["indptr"], arrays["indices"]
        places = [(n, others[at]) for n in range(len(starts) - 1)
                  for at in range(starts[n], starts[n + 1])]  # fmt: skip
        if form in (b"csc", "csc"):
            places = [(row, column) for column, row in places]
    for (row, column), value in zip(places, values, strict=True):
        table[row, column] += value
    return table


def _pairs(table: np.ndarray) -> Pairs:
    if table.ndim != 2 or table.dtype.kind not in "fiub":
        raise Unsure
    # With a NaN, which is "not rated", a zero is a rating.
    empty = np.isnan(table) if table.dtype.kind == "f" else np.zeros(table.shape, bool)
    places = np.argwhere(~empty if empty.any() else table != 0)
    return {(str(row), str(column)): float(table[row, column]) for row, column in places}


def _zipped(rng: random.Random) -> Files:
    sink = io.BytesIO()
    methods = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
    text = _csv(rng)
    with zipfile.ZipFile(sink, "w", rng.choice(methods)) as bundle:
        bundle.writestr("data/ratings.csv", text)
        bundle.writestr("data/movies.csv", "movieId,title,genres\n1,First (1990),Drama\n")
    return {"data.zip": sink.getvalue(), "right": text}


def _compressed(rng: random.Random) -> Files:
    text = _csv(rng)
    ways: list[tuple[str, Callable[[bytes], bytes]]] = [
        ("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress),
    ]  # fmt: skip
    ending, pack = rng.choice(ways)
    return {f"ratings.csv.{ending}": pack(text), "right": text}


def _csv(rng: random.Random) -> bytes:
    lines = [",".join(map(plain, row)) for row in rows(rng)]
    return "\n".join(["userId,movieId,rating,timestamp", *lines, ""]).encode()


def _unlike_text(_: bytes, ratings: recsys.Ratings, files: Files) -> str:
    # Checksums see every change of the content, so what is read is what was packed.
    right = {}
    for line in files["right"].decode().split("\n")[1:-1]:
        user, item, rating, _time = line.split(",")
        right[user, item] = float(rating)
    return unlike(found(ratings), right)


def formats() -> Iterator[Format]:
    """All formats of bytes."""
    yield Format("parquet", _parquet, _unlike_polars(pl.read_parquet), mutation.binary)
    yield Format("arrow", _arrow, _unlike_polars(_read_arrow), mutation.binary)
    yield Format("npy", _npy, _unlike_array, mutation.binary)
    yield Format("npz", _npz, _unlike_npz, mutation.binary)
    yield Format("zip", _zipped, _unlike_text, mutation.binary)
    yield Format("compressed", _compressed, _unlike_text, mutation.binary)


def _read_arrow(stream: io.BytesIO) -> pl.DataFrame:
    is_file = stream.getvalue().startswith(b"ARROW1")
    return pl.read_ipc(stream) if is_file else pl.read_ipc_stream(stream)
