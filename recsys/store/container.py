"""Safetensors files with a JSON header and checksums, whatever they hold.

docs/model-file.md describes the format for readers without this package.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
import struct
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.arguments import said
from recsys.csr import frozen
from recsys.errors import ArgumentError, ModelFileError
from recsys.files import NO_RESOURCE, expanded, replacing
from recsys.threads import default_threads
from recsys.visible import brief

SCHEMA_VERSION = 2
"""Raised when an older reader could no longer make sense of a file."""

Array = npt.NDArray[Any]

_DTYPES = {
    "U8": "<u1", "I8": "<i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4",
    "U64": "<u8", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip
_NAMES = {np.dtype(code): name for name, code in _DTYPES.items()}

_ALIGNMENT = 64  # of the first array: the width of a cache line and of the widest vector
_LONGEST_HEADER = 16 << 20  # bytes; a search of ten thousand trials takes about a third of it
_MOST_DIMENSIONS = 8

COPIED = 64 << 20
"""Bytes up to which a file is read into memory rather than mapped, unless the caller says."""


class Header(NamedTuple):
    """What a file says about itself before its arrays."""

    tensors: dict[str, dict[str, Any]]
    """Array name → dtype, shape and data_offsets, in file order."""
    metadata: dict[str, str]
    """format, recsys (the JSON of `about`) and sha256."""
    about: dict[str, Any]
    """What the writer said about the content."""
    start: int
    """Where the arrays begin, in bytes."""


def write(
    path: str | os.PathLike[str], arrays: Mapping[str, Array], about: Mapping[str, Any]
) -> None:
    """Writes arrays and header to `path`; the file appears whole or not at all.

    Arrays are written as they lie in memory, without a copy, unless they are big-endian or not
    contiguous. See `recsys.files.replacing` for modes, links and folders.

    Raises:
        ArgumentError: an array has a type that the format does not have, or a name that is not
            text, or `about` is too long.
        ModelFileError: the file cannot be written there.
        OSError: the disk is full or fails.
    """
    plain = {name: _plain(name, array) for name, array in arrays.items()}
    # Widest types first, so that every array starts at a multiple of its own width.
    order = sorted(plain, key=lambda name: (-plain[name].dtype.itemsize, name))
    parts = {name: plain[name] for name in order}
    checksums = {name: hashlib.sha256(_bytes(a)).hexdigest() for name, a in parts.items()}
    described = {"schema_version": SCHEMA_VERSION, "checksums": checksums, **about}
    metadata = {"format": "recsys", "recsys": json.dumps(described, sort_keys=True)}
    tensors = _layout({name: (_NAMES[a.dtype], a.shape) for name, a in parts.items()})
    metadata["sha256"] = _digest(tensors, metadata).hexdigest()
    header = json.dumps({"__metadata__": metadata, **tensors}).encode()
    header += b" " * (-(8 + len(header)) % _ALIGNMENT)
    if len(header) > _LONGEST_HEADER:
        raise ArgumentError(
            f"{len(header):,} bytes are too many for the header of a model file; shorten account, "
            "measured or the record of the search"
        )
    try:
        # safetensors' own serialize_file writes neither to a stream nor atomically.
        with replacing(path) as stream:
            stream.write(struct.pack("<Q", len(header)))
            stream.write(header)
            for array in parts.values():
                stream.write(_bytes(array))
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in NO_RESOURCE:
            raise
        raise ModelFileError(f"{path}: cannot be written ({reason(error)})") from None


def read(
    path: str | os.PathLike[str],
    *,
    verify: bool,
    mmap: bool | None = None,
    sha256: str | None = None,
) -> tuple[dict[str, Array], dict[str, Any]]:
    """The read-only arrays of a file, and what its header says.

    The file is opened once: header and arrays are of one file, whatever replaces it meanwhile.

    Args:
        path: the file.
        verify: whether to compare the arrays with their checksums, which reads all of them.
        mmap: whether the arrays are mapped into memory; None to map files larger than `COPIED`.
        sha256: of the whole file, as 64 hexadecimal digits; None not to compare it.

    Raises:
        ArgumentError: `path` is no path, or `sha256` no digest.
        ModelFileError: the file is missing, foreign, cut off, altered, another one than `sha256`
            says, or from a newer version.
    """
    wanted = None if sha256 is None else _digest_of(sha256)
    with _opened(path) as (file, stream):
        if wanted is not None and hashlib.file_digest(stream, "sha256").hexdigest() != wanted:
            raise ModelFileError(f"{file}: not the file with sha256={wanted[:12]}... names")
        stream.seek(0)
        header = _header(file, stream)
        if mmap is None:
            mmap = os.fstat(stream.fileno()).st_size > COPIED
        arrays = _arrays(file, stream, header, mmap)
        if verify:
            _verify(file, header, arrays)
    return arrays, header.about


def read_header(path: str | os.PathLike[str]) -> Header:
    """The header of a file, without its arrays.

    Raises:
        ModelFileError: the file is missing, foreign, cut off or from a newer version, or its header
            was altered.
    """
    with _opened(path) as (file, stream):
        return _header(file, stream)


def reason(error: Exception) -> str:
    """The first line of what an error says, short enough for a message of one line."""
    return one_line(getattr(error, "strerror", None) or str(error) or type(error).__name__)


def one_line(text: str) -> str:
    r"""The first line of a text, without control characters and at most 200 characters of it.

    >>> one_line("a\tb\nc")
    'a?b'
    """
    line = "".join(c if c.isprintable() else "?" for c in text.split("\n", 1)[0])
    return line if len(line) <= 200 else f"{line[:200]}..."


def _plain(name: str, array: Array) -> Array:
    # Little-endian and contiguous. ascontiguousarray would turn a scalar into a row.
    little = np.asarray(array, order="C")
    little = little.astype(little.dtype.newbyteorder("<"), copy=False)
    if little.dtype not in _NAMES:
        raise ArgumentError(f"a model file has no arrays of type {little.dtype}, such as {name!r}")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ArgumentError(f"{name!r} cannot name an array: it is not valid text") from None
    return little


def _bytes(array: Array) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _layout(shapes: Mapping[str, tuple[str, tuple[int, ...]]]) -> dict[str, dict[str, Any]]:
    # Arrays lie one after the other without gaps, which safetensors demands.
    tensors, offset = {}, 0
    for name, (dtype, shape) in shapes.items():
        end = offset + math.prod(shape) * np.dtype(_DTYPES[dtype]).itemsize
        tensors[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    return tensors


def _digest(tensors: Mapping[str, Any], metadata: Mapping[str, str]) -> hashlib._Hash:
    signed = {key: text for key, text in metadata.items() if key != "sha256"}
    return hashlib.sha256(json.dumps([tensors, signed], sort_keys=True).encode())


def _digest_of(given: object) -> str:
    text = given.strip().lower() if isinstance(given, str) else ""
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise ArgumentError(f"sha256 must be 64 hexadecimal digits, not {brief(given)}")
    return text


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[tuple[Path, BufferedReader]]:
    if not isinstance(path, str | os.PathLike):
        raise ArgumentError(f"path must be the name of a model file, not {said(path)}")
    file = expanded(path)
    # Without blocking, because opening a pipe would wait for its writer.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        if os.name != "posix" and file.is_dir():  # which cannot be opened there
            raise ModelFileError(f"{file}: a folder, not a model file")
        descriptor = os.open(file, flags)
        try:
            mode = os.fstat(descriptor).st_mode
            if stat.S_ISDIR(mode):
                raise ModelFileError(f"{file}: a folder, not a model file")
            if not stat.S_ISREG(mode):
                raise ModelFileError(f"{file}: a device or a pipe, not a model file")
            with open(descriptor, "rb", closefd=False) as stream:
                yield file, stream
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise ModelFileError(f"{file}: no such model file") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise ModelFileError(f"{file}: cannot be read ({reason(error)})") from None


def _header(file: Path, stream: BufferedReader) -> Header:
    size = os.fstat(stream.fileno()).st_size
    start = stream.read(9)
    if len(start) < 9 or start[8:] != b"{":
        raise ModelFileError(f"{file}: not a recsys model file")
    length = struct.unpack("<Q", start[:8])[0]
    if length > _LONGEST_HEADER:
        raise ModelFileError(f"{file}: not a recsys model file (a header of {length:,} bytes)")
    if size < 8 + length:
        raise ModelFileError(f"{file}: cut off within its header; copy or save it again")
    try:
        tensors = _parsed(start[8:] + stream.read(length - 1))
        metadata = tensors.pop("__metadata__", {})
        if metadata.get("format") != "recsys" or not isinstance(metadata.get("recsys"), str):
            raise ModelFileError(f"{file}: not a recsys model file")
        if not all(isinstance(text, str) for text in metadata.values()):
            raise ValueError("metadata that is not text")
        about = _about(file, metadata["recsys"])
        shapes = {name: _shape(file, one) for name, one in tensors.items()}
        laid = _layout(dict(sorted(shapes.items(), key=lambda one: _begin(tensors[one[0]]))))
        if laid != tensors:
            raise ValueError("arrays that overlap, or with gaps between them")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        said = reason(error) if str(error) else "an invalid header"
        raise ModelFileError(
            f"{file}: cut off or altered ({said}); copy or save it again"
        ) from None
    end = max((one["data_offsets"][1] for one in laid.values()), default=0)
    if size != 8 + length + end:
        said = f"{size:,} bytes instead of {8 + length + end:,}"
        raise ModelFileError(f"{file}: cut off or altered ({said}); copy or save it again")
    if about["schema_version"] > 1:
        _compare(file, "its header", _digest(laid, metadata), metadata.get("sha256"))
    return Header(laid, metadata, about, 8 + length)


def _parsed(text: str | bytes) -> dict[str, Any]:
    # JSON in which no object has a key twice: readers differ in which of the two they take.
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a duplicate key")
        return found

    parsed = json.loads(text, object_pairs_hook=once)
    if not isinstance(parsed, dict):
        raise ValueError("a header that is not an object")
    return parsed


def _shape(file: Path, tensor: Mapping[str, Any]) -> tuple[str, tuple[int, ...]]:
    dtype, shape = tensor["dtype"], tensor["shape"]
    if dtype not in _DTYPES:
        raise ModelFileError(f"{file}: has arrays of type {one_line(str(dtype))}; save it again")
    if len(shape) > _MOST_DIMENSIONS or any(type(n) is not int or n < 0 for n in shape):
        raise ValueError("an invalid shape")
    return dtype, tuple(shape)


def _begin(tensor: Mapping[str, Any]) -> tuple[int, int]:
    # An empty array comes before the one that begins where it does.
    begin, end = tensor["data_offsets"]
    return begin, end


def _about(file: Path, text: str) -> dict[str, Any]:
    try:
        about = _parsed(text)
        version: Any = about["schema_version"]
        if type(version) is not int or version < 1:
            raise ValueError(f"schema_version {version!r}")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelFileError(
            f"{file}: damaged header ({reason(error)}); copy or save it again"
        ) from None
    if version > SCHEMA_VERSION:
        versions: Any = about.get("versions")
        known = isinstance(versions, dict) and isinstance(versions.get("recsys-mf"), str)
        written = one_line(versions["recsys-mf"]) if known else "a newer version"
        raise ModelFileError(
            f"{file}: written by recsys-mf {written} in format {version}, and this version reads "
            f"formats up to {SCHEMA_VERSION}; upgrade recsys-mf"
        )
    return dict(about)


def _arrays(file: Path, stream: BufferedReader, header: Header, mmap: bool) -> dict[str, Array]:
    arrays = {}
    for name, tensor in header.tensors.items():
        dtype, shape = np.dtype(_DTYPES[tensor["dtype"]]), tuple(tensor["shape"])
        begin = header.start + tensor["data_offsets"][0]
        if begin % dtype.itemsize:
            raise ModelFileError(f"{file}: {name} is not aligned to its type; save it again")
        if mmap and math.prod(shape):
            # A map for each array: SciPy copies arrays that are small parts of a larger one.
            arrays[name] = np.asarray(np.memmap(stream, dtype, "r", begin, shape))
            continue
        arrays[name] = np.empty(shape, dtype)
        stream.seek(begin)
        if stream.readinto(_bytes(arrays[name])) < arrays[name].nbytes:
            raise ModelFileError(f"{file}: truncated while it was read; load it again")
        frozen(arrays[name])
    return arrays


def _verify(file: Path, header: Header, arrays: Mapping[str, Array]) -> None:
    if header.about["schema_version"] == 1:  # one checksum of everything
        digest = _digest(header.tensors, header.metadata)
        for array in arrays.values():
            digest.update(_bytes(array))
        _compare(file, "the file", digest, header.metadata.get("sha256"))
        return
    checksums = header.about.get("checksums")
    noted = checksums if isinstance(checksums, dict) else {}
    with ThreadPoolExecutor(default_threads()) as pool:  # hashing lets others run
        digests = pool.map(hashlib.sha256, map(_bytes, arrays.values()))
        for name, digest in zip(arrays, digests, strict=True):
            _compare(file, name, digest, noted.get(name))


def _compare(file: Path, what: str, digest: hashlib._Hash, noted: object) -> None:
    if digest.hexdigest() != noted:
        raise ModelFileError(
            f"{file}: altered since it was saved (checksum of {what}); copy or save it again"
        )
