"""Arrays with a number or more for each rating: in memory, or in a file where they are too large.

Such a file lies in the folder for temporary files and has no name, so that nothing is left of it
when the process ends, however it ends. The system may write its pages to the disk and take their
memory for something else, which it cannot do with memory of its own.
"""

from __future__ import annotations

import errno
import mmap
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from recsys.memory import free_memory

SHARE = 0.25
"""Of the free memory, which an array may take before it is mapped, where no limit is given."""
_LEAST = 64 << 20  # bytes of an array that is mapped without being asked for
_BLOCK = 1 << 22  # numbers

_limit: ContextVar[float | None] = ContextVar("limit", default=None)


@contextmanager
def mapped_above(n_bytes: float | None) -> Iterator[None]:
    """Arrays of more bytes are kept in a file meanwhile; None for `SHARE` of the free memory.

    >>> with mapped_above(1000):
    ...     [is_mapped(empty(n, np.int32)) for n in (250, 251)]
    [False, True]
    """
    token = _limit.set(n_bytes)
    try:
        yield
    finally:
        _limit.reset(token)


def empty(n: int, kind: npt.DTypeLike) -> npt.NDArray[Any]:
    """An array (n,) of any content, in memory or in a file.

    Raises:
        MemoryError: a limit is given, and the disk has no room.
    """
    kind = np.dtype(kind)
    if not _too_large(n * kind.itemsize):
        return np.empty(n, kind)
    try:
        with _named_place():
            file = _reserved(n * kind.itemsize)
    except MemoryError:
        if _limit.get() is None:  # nobody asked for a file
            return np.empty(n, kind)
        raise
    return _mapped(file, kind)


def is_mapped(array: npt.NDArray[Any]) -> bool:
    """Whether the array lies in a file."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, memoryview) and isinstance(base.obj, mmap.mmap)


def kept(array: npt.NDArray[Any], keep: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """`array[keep]`, in memory or in a file.

    >>> kept(np.array([5, 6, 7]), np.array([True, False, True]))
    array([5, 7])
    """
    out, at = empty(int(np.count_nonzero(keep)), array.dtype), 0
    for begin in range(0, len(array), _BLOCK):
        found = array[begin : begin + _BLOCK][keep[begin : begin + _BLOCK]]
        out[at : at + len(found)] = found
        at += len(found)
    return out


def joined(parts: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Arrays of one type, one after the other; a single one is not copied."""
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts, out=empty(sum(map(len, parts)), parts[0].dtype))


class Growing:
    """An array to which rows are added, and of which there is never a second copy.

    In memory it grows in place. Once it is too large for that, what is added goes to a file.
    """

    def __init__(self, kind: npt.DTypeLike) -> None:
        self._rows = np.empty(0, kind)
        self._n = 0
        self._file: IO[bytes] | None = None

    def __del__(self) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, rows: npt.NDArray[Any]) -> None:
        """Adds rows, which are converted to its type.

        Raises:
            MemoryError: the disk has no room.
        """
        end = self._n + len(rows)
        if self._file is None and end > len(self._rows):
            self._enlarge(end)
        if self._file is None:
            self._rows[self._n : end] = rows
        else:
            with _named_place():
                self._file.write(np.ascontiguousarray(rows, self._rows.dtype).data)
        self._n = end

    def widen(self, kind: npt.DTypeLike) -> None:
        """Changes its type."""
        if self._rows.dtype == kind:
            return
        before = self.array()
        self._rows, self._n, self._file = np.empty(0, kind), 0, None
        for begin in range(0, len(before), _BLOCK):
            self.add(before[begin : begin + _BLOCK])

    def array(self) -> npt.NDArray[Any]:
        """All rows. Nothing can be added after that."""
        if self._file is not None:
            with _named_place():
                self._file.flush()
            return _mapped(self._file, self._rows.dtype)
        self._rows.resize(self._n, refcheck=False)
        return self._rows

    def _enlarge(self, n: int) -> None:
        n = max(n, int(1.2 * len(self._rows)))
        if not _too_large(n * self._rows.itemsize):
            self._rows.resize(n, refcheck=False)
            return
        with _named_place():
            self._file = _file()
            self._file.write(self._rows[: self._n].data)
        self._rows = self._rows[:0].copy()


def _too_large(n_bytes: int) -> bool:
    limit = _limit.get()
    if limit is not None:
        return n_bytes > limit
    if n_bytes < _LEAST:
        return False
    free = free_memory()
    return free is not None and n_bytes > SHARE * free


@contextmanager
def _named_place() -> Iterator[None]:
    # No OSError: whoever reads ratings would take it for one of their file.
    try:
        yield
    except OSError as error:
        raise MemoryError(
            f"{error.strerror} in the temporary folder, where arrays too large for memory are "
            "kept; set TMPDIR to a folder with more space, or raise map_above (--map-above)"
        ) from None


def _file() -> IO[bytes]:
    return tempfile.TemporaryFile(prefix="recsys-")


def _reserved(n_bytes: int) -> IO[bytes]:
    file = _file()
    try:
        _reserve(file, n_bytes)
    except OSError:
        file.close()
        raise
    return file


def _reserve(file: IO[bytes], n_bytes: int) -> None:
    # Room that a file only seems to have would end the process when it is written to.
    if hasattr(os, "posix_fallocate"):
        code = None
        try:
            os.posix_fallocate(file.fileno(), 0, n_bytes)
        except OSError as error:
            code = error.errno
            if code not in (errno.EINVAL, errno.EOPNOTSUPP):
                raise
        if code is None:
            return
    nothing = bytes(_BLOCK)
    for begin in range(0, n_bytes, _BLOCK):
        file.write(nothing[: n_bytes - begin])
    file.flush()


def _mapped(file: IO[bytes], kind: np.dtype[Any]) -> npt.NDArray[Any]:
    # The map keeps a descriptor of its own, and is gone with the last array on it.
    with file:
        return np.frombuffer(mmap.mmap(file.fileno(), 0), kind)
