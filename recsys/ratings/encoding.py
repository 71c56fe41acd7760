"""From columns of ids to an `IdIndex` and row numbers."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from recsys.errors import ArgumentError, DataError
from recsys.ids import IdIndex, as_id_array, numbers_in_text
from recsys.large import empty
from recsys.threads import default_threads

Rows = npt.NDArray[np.int32]

_BLOCK = 1 << 20  # ids


def encode(column: Any, kind: str, source: str) -> tuple[IdIndex, Rows]:
    """The index of the distinct ids, and the row number of each id in it (int32).

    Args:
        column: NumPy array of ids, or Arrow column of int64 or text. One rule for all: the ids are
            numbers if each spells an int64 in the usual way ("7", 7, 7.0), otherwise text.
        kind: what an id stands for ("user", "item"), for messages.
        source: name of the data, for messages.

    Raises:
        DataError: a value is not an id.
    """
    try:
        if isinstance(column, np.ndarray):
            return _encode_array(column, kind)
        if pa.types.is_integer(column.type):
            return encode_integers([chunk.to_numpy() for chunk in column.chunks], kind)
        return _encode_text(column, kind)
    except ArgumentError as error:
        raise DataError(f"{source}: {error}") from None


def encode_integers(
    chunks: Sequence[npt.NDArray[np.integer[Any]]], kind: str
) -> tuple[IdIndex, Rows]:
    """`encode` for the chunks of a column of int64 or int32, which are not concatenated."""
    n = sum(map(len, chunks))
    # In blocks, because differences of int64 take 8 bytes each.
    filled = [c[at : at + _BLOCK] for c in chunks for at in range(0, len(c), _BLOCK)]
    low, high = min(int(c.min()) for c in filled), max(int(c.max()) for c in filled)
    codes = empty(n, np.int32)
    ends = np.cumsum([len(c) for c in filled])
    pieces = [codes[end - len(c) : end] for c, end in zip(filled, ends, strict=True)]
    if high - low < 4 * n + 1_000_000:
        # In a narrow range a lookup table is many times faster than hashing.
        present = np.zeros(high - low + 1, bool)
        for chunk in filled:
            present[chunk - np.int64(low)] = True
        unique = np.flatnonzero(present) + low
        table = np.cumsum(present, dtype=np.int32) - np.int32(1)

        def look_up(chunk: npt.NDArray[np.integer[Any]], piece: Rows) -> None:
            np.take(
                table, chunk - np.int64(low), out=piece, mode="clip"
            )  # "raise" would buffer the output

        with ThreadPoolExecutor(default_threads()) as pool:
            list(pool.map(look_up, filled, pieces))
    else:
        unique = np.unique(np.concatenate([pd.unique(c) for c in filled])).astype(np.int64)
        lookup = pd.Index(unique)
        for chunk, piece in zip(filled, pieces, strict=True):
            piece[:] = lookup.get_indexer(pd.Index(chunk))
    return IdIndex(unique, kind), codes


def _encode_array(ids: npt.NDArray[Any], kind: str) -> tuple[IdIndex, Rows]:
    values = as_id_array(ids, kind)
    if values.dtype.kind == "i" and len(values):
        return encode_integers([values], kind)
    codes, distinct = pd.factorize(values)
    return _ranked(list(distinct), np.asarray(codes), kind)


def _encode_text(column: pa.ChunkedArray, kind: str) -> tuple[IdIndex, Rows]:
    # Arrow's dictionary is in order of appearance; an index is in increasing order.
    coded = column.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    return _ranked(coded.dictionary.to_pylist(), coded.indices.to_numpy(), kind)


def _ranked(
    texts: list[str], codes: npt.NDArray[np.integer[Any]], kind: str
) -> tuple[IdIndex, Rows]:
    numbers = numbers_in_text(texts)
    ids = np.array(texts, dtype=object) if numbers is None else numbers
    unique, rank = np.unique(ids, return_inverse=True)
    rows = empty(len(codes), np.int32)
    np.take(rank.astype(np.int32), codes, out=rows, mode="clip")
    return IdIndex(unique, kind), rows
