"""Text files that may be compressed: opened, named and looked into."""

from __future__ import annotations

import lzma
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".lz4")
"""Endings of compressed files that are read."""

_HEAD, _LARGEST_HEAD = 1 << 16, 1 << 24


def opened(file: str) -> Any:
    """The bytes of a file, decompressed if its name ends in one of `SUFFIXES`."""
    return _Xz(file) if file.endswith(".xz") else pa.input_stream(file, compression="detect")


def without_suffix(name: str) -> str:
    """The name of a file without the ending of its compression.

    >>> without_suffix("ratings.csv.gz"), without_suffix("ratings.csv")
    ('ratings.csv', 'ratings.csv')
    """
    return next((name.removesuffix(end) for end in SUFFIXES if name.endswith(end)), name)


def first_lines(file: str) -> list[str]:
    """The first lines that are not blank, up to 64 KiB of text, or three lines if those are longer.

    Bytes are read as ISO-8859-1, a byte order mark and line ends are left out. Empty for binary
    and unreadable files, and for pipes, which can be read only once.
    """
    if not os.path.isfile(file):
        return []
    try:
        with opened(file) as stream:
            head = stream.read(_HEAD)
            while 0 < len(head) < _LARGEST_HEAD and head.count(b"\n") < 3:
                more = stream.read(_HEAD)
                if not more:
                    break
                head += more
            whole = not stream.read(1)
    except (pa.ArrowException, OSError):
        return []
    if b"\0" in head:
        return []
    lines = head.decode("ISO-8859-1").removeprefix("ï»¿").splitlines()
    return [line for line in (lines if whole else lines[:-1]) if line.strip()]


class _Xz(lzma.LZMAFile):
    """An .xz file whose damage is an OSError, as that of the other kinds is."""

    def read(self, size: int | None = -1) -> bytes:
        """The next `size` bytes; all that are left where it is negative."""
        with _as_os_error():
            return super().read(size)

    def read1(self, size: int = -1) -> bytes:
        """Up to `size` of the next bytes."""
        with _as_os_error():
            return super().read1(size)


@contextmanager
def _as_os_error() -> Iterator[None]:
    try:
        yield
    except (lzma.LZMAError, EOFError) as error:
        raise OSError(str(error)) from None
