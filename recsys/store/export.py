"""Factors as files for other systems."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from recsys.errors import ArgumentError, ModelError
from recsys.files import expanded, output_file, replacing

if TYPE_CHECKING:
    from recsys.ids import IdIndex
    from recsys.models.common import FloatArray
    from recsys.recommend.recommender import Recommender

FORMATS = ("parquet", "npz")


def export(model: Recommender, folder: str | Path, to: str = "parquet") -> list[Path]:
    """Writes the factors of a model with their ids, and returns the files.

    "parquet" writes `users.parquet` and `items.parquet` with the columns id, bias and factors (a
    list of float32), the items with their table, too; "npz" writes `factors.npz` with the arrays
    user_ids, user_factors, user_bias, item_ids, item_factors, item_bias and mean. A score is mean +
    user bias + item bias + the dot product.

    Raises:
        ArgumentError: there is no such format, or the folder cannot be written to.
        ModelError: the model has no factors.
    """
    if to not in FORMATS:
        raise ArgumentError(f"to must be one of {', '.join(FORMATS)}, not {to!r}")
    if model.fitted.item_vectors is None:
        raise ModelError(
            f"{model.fitted.spec.name} has no factors to export; train a factorization"
        )
    base = expanded(folder)
    f = model.factors
    if to == "npz":
        with _file(base / "factors.npz") as stream:
            _npz(model, stream)
        return [base / "factors.npz"]
    more = {name: model.items.values(name) for name in model.items.columns}
    with _file(base / "users.parquet") as stream:
        _parquet(stream, f.users, f.user_bias, f.user_factors, {})
    with _file(base / "items.parquet") as stream:
        _parquet(stream, f.items, f.item_bias, f.item_factors, more)
    return [base / "users.parquet", base / "items.parquet"]


def _file(path: Path) -> AbstractContextManager[BinaryIO]:
    return replacing(output_file(path, "out"))


def _parquet(
    stream: BinaryIO,
    index: IdIndex,
    bias: FloatArray,
    factors: FloatArray,
    more: Mapping[str, list[Any]],
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    flat = pa.array(np.ascontiguousarray(factors).ravel())
    width = max(1, factors.shape[1])
    lists: Any = pa.FixedSizeListArray.from_arrays(flat, width) if factors.shape[1] else None
    columns = {"id": pa.array(index.ids), "bias": pa.array(bias)}
    columns |= {"factors": lists} if lists is not None else {}
    columns |= {name: pa.array(values) for name, values in more.items() if name not in columns}
    pq.write_table(pa.table(columns), stream)


def _npz(model: Recommender, stream: BinaryIO) -> None:
    f = model.factors
    # Texts as fixed-width ones: object arrays would be pickled.
    ids = {
        f"{side}_ids": index.ids if index.is_integer else index.ids.astype(str)
        for side, index in (("user", f.users), ("item", f.items))
    }
    np.savez(
        stream, **ids, user_factors=f.user_factors, user_bias=f.user_bias,
        item_factors=f.item_factors, item_bias=f.item_bias, mean=np.float64(f.mean),
    )  # fmt: skip
