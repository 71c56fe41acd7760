"""One model, one file: safetensors arrays, Arrow tables inside it, a JSON header.

docs/model-file.md describes the format for readers without this package.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import scipy.sparse as sp

from recsys.errors import ArgumentError, ModelFileError
from recsys.ids import IdIndex
from recsys.models.factors import Factorization, Factors
from recsys.models.registry import spec_from_dict
from recsys.models.spec import Progress
from recsys.provenance import versions
from recsys.ratings.feedback import Feedback
from recsys.recommend.items import ItemTable
from recsys.recommend.recommender import Recommender

SCHEMA_VERSION = 1
"""Raised when an older reader could no longer make sense of a file."""

_DTYPES = {"F32": np.float32, "F64": np.float64, "I64": np.int64, "I32": np.int32, "U8": np.uint8}
_NAMES = {np.dtype(dtype): name for name, dtype in _DTYPES.items()}
_MOST_HEADER = 100_000_000  # bytes: what safetensors itself allows

Array = npt.NDArray[Any]


def save(model: Recommender, path: str | os.PathLike[str], *, history: bool = True) -> Path:
    """Writes the model to `path` and returns it; the file appears whole or not at all.

    Args:
        model: what to save.
        path: where; a file that is there is replaced at the last moment.
        history: whether to include the ratings, for what is seen and for `liked`.

    Raises:
        ModelFileError: the folder is missing or not writable.
    """
    if not isinstance(model, Recommender) or not isinstance(path, str | os.PathLike):
        given = type(model).__name__, type(path).__name__
        raise ArgumentError(f"save takes a Recommender and a path, not {given[0]} and {given[1]}")
    factors = model.factors
    arrays: dict[str, Array] = {
        "user_factors": factors.user_factors,
        "item_factors": factors.item_factors,
        "user_bias": factors.user_bias,
        "item_bias": factors.item_bias,
        "users": _arrow_bytes(pd.DataFrame({"id": factors.users.ids})),
        "items": _arrow_bytes(
            pd.concat([pd.DataFrame({"id": factors.items.ids}), model.item_table], axis=1)
        ),
    }
    arrays |= dict(factors.state)
    if history and model.history is not None:
        arrays["history_indptr"] = model.history.indptr.astype(np.int64)
        arrays["history_items"] = model.history.indices.astype(np.int32)
        arrays["history_ratings"] = model.history.data
    about = {
        "schema_version": SCHEMA_VERSION,
        "spec": factors.spec.to_dict(),
        "mean": factors.mean,
        "feedback": {"ones": model.feedback.ones, "threshold": model.feedback.threshold},
        "data_fingerprint": model.fingerprint,
        "log": [[p.epoch, p.n_epochs, p.loss, p.seconds, dict(p.parts)] for p in factors.log],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
    }
    return _write(Path(path).expanduser(), arrays, about)


def load(path: str | os.PathLike[str]) -> Recommender:
    """The model in the file at `path`, its arrays mapped into memory, not read.

    Raises:
        ModelFileError: the file is missing, damaged, no model file or from a newer version.
    """
    file = Path(path).expanduser()
    arrays, about = _read(file)
    try:
        users = _table(arrays["users"])
        items = _table(arrays["items"])
        history = None
        shape = (len(users), len(items))
        if "history_indptr" in arrays:
            parts = arrays["history_ratings"], arrays["history_items"], arrays["history_indptr"]
            history = sp.csr_matrix(parts, shape=shape, copy=False)
            history.has_sorted_indices = history.has_canonical_format = True
        factors = Factors(
            users=IdIndex(users["id"].to_numpy(), "user"),
            items=IdIndex(items.pop("id").to_numpy(), "item"),
            mean=float(about["mean"]),
            user_bias=arrays["user_bias"],
            item_bias=arrays["item_bias"],
            user_factors=arrays["user_factors"],
            item_factors=arrays["item_factors"],
            spec=cast("Factorization", spec_from_dict(about["spec"])),
            log=tuple(Progress(*entry) for entry in about["log"]),
            state={n: arrays[n] for n in ("user_scale", "item_scale") if n in arrays},
        )
        feedback = Feedback(**about["feedback"])
        fingerprint = str(about["data_fingerprint"])
    except (KeyError, TypeError, ValueError, pa.ArrowInvalid) as error:
        raise ModelFileError(f"{file}: damaged model file ({error}); save it again") from None
    return Recommender(factors, ItemTable.of(items), history, feedback, fingerprint)


def read_about(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    """The JSON header of a model file: spec, fingerprint, versions, time, without the arrays."""
    return _header(Path(path).expanduser())[1]


def _arrow_bytes(table: pd.DataFrame) -> Array:
    sink = pa.BufferOutputStream()
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    with pa.ipc.new_file(sink, arrow.schema) as writer:
        writer.write_table(arrow)
    return np.frombuffer(sink.getvalue(), np.uint8)


def _table(raw: Array) -> pd.DataFrame:
    with pa.ipc.open_file(pa.py_buffer(raw)) as reader:
        table: pd.DataFrame = reader.read_all().to_pandas()
    return table


def _write(path: Path, arrays: dict[str, Array], about: dict[str, Any]) -> Path:
    # Widest types first, so that every array starts at a multiple of its own width.
    order = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    tensors, offset = {}, 0
    for name in order:
        array = arrays[name] = np.ascontiguousarray(arrays[name])
        tensors[name] = {
            "dtype": _NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    metadata = {"format": "recsys", "recsys": json.dumps(about, sort_keys=True)}
    digest = _digest(tensors, metadata, (arrays[name] for name in order))
    header = json.dumps({"__metadata__": metadata | {"sha256": digest}, **tensors}).encode()
    header += b" " * (-len(header) % 64)
    try:
        handle, temporary = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}.", suffix=".part"
        )
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be written ({error.strerror})") from None
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(struct.pack("<Q", len(header)))
            stream.write(header)
            for name in order:
                stream.write(arrays[name].data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    return path


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _digest(tensors: dict[str, Any], metadata: dict[str, str], arrays: Any) -> str:
    digest = hashlib.sha256(json.dumps([tensors, metadata], sort_keys=True).encode())
    for array in arrays:
        digest.update(array)
    return digest.hexdigest()


def _header(file: Path) -> tuple[dict[str, Any], dict[str, Any], int]:
    # Tensor table, our own header, and where the data begin.
    if not file.exists():
        raise ModelFileError(f"{file}: no such model file")
    if file.is_dir():
        raise ModelFileError(f"{file}: a folder, not a model file")
    foreign = f"{file}: not a recsys model file"
    try:
        with file.open("rb") as stream:
            start = stream.read(8)
            size = struct.unpack("<Q", start)[0] if len(start) == 8 else _MOST_HEADER + 1
            if size > _MOST_HEADER:
                raise ModelFileError(foreign)
            raw = stream.read(size)
    except OSError as error:
        raise ModelFileError(f"{file}: cannot be read ({error.strerror})") from None
    if len(raw) < size:
        if raw[:1] == b"{":
            raise ModelFileError(f"{file}: cut off within its header; copy or save it again")
        raise ModelFileError(foreign)
    try:
        tensors = json.loads(raw)
        metadata = tensors["__metadata__"]
        about = json.loads(metadata["recsys"])
        version = about["schema_version"]
    except (ValueError, KeyError, TypeError):
        raise ModelFileError(foreign) from None
    if version > SCHEMA_VERSION:
        written = about.get("versions", {}).get("recsys-mf", "a newer version")
        raise ModelFileError(
            f"{file}: written by recsys-mf {written} in format {version}, and this one reads up "
            f"to {SCHEMA_VERSION}; upgrade recsys-mf"
        )
    return tensors, about, 8 + size


def _read(file: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    tensors, about, start = _header(file)
    metadata = tensors.pop("__metadata__")
    try:
        order = sorted(tensors, key=lambda name: tensors[name]["data_offsets"][0])
        end = max((t["data_offsets"][1] for t in tensors.values()), default=0)
        size = file.stat().st_size - start
        if size < end:
            raise ModelFileError(
                f"{file}: cut off, {end - size:,} of {end:,} bytes are missing; "
                "copy or save it again"
            )
        data = np.memmap(file, np.uint8, "r", start, end) if end else np.empty(0, np.uint8)
        arrays = {}
        for name in order:
            tensor = tensors[name]
            begin, stop = tensor["data_offsets"]
            array = np.asarray(data[begin:stop]).view(_DTYPES[tensor["dtype"]])
            arrays[name] = array.reshape(tensor["shape"])
        signed = {k: v for k, v in metadata.items() if k != "sha256"}
        digest = _digest(tensors, signed, (arrays[name] for name in order))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelFileError(f"{file}: damaged model file ({error}); save it again") from None
    if digest != metadata.get("sha256") or size > end:
        raise ModelFileError(
            f"{file}: altered since it was saved (checksum); copy or save it again"
        )
    return arrays, about
