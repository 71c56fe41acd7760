"""Text files that may be compressed: opened, named and looked into."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zlib
from typing import Any, BinaryIO, cast

import pyarrow as pa

SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".lz4")
"""Endings of compressed files that are read."""

_TAR, _TAR_AT = b"ustar", 257
_HEAD, _LARGEST_HEAD = 1 << 16, 1 << 24
_BEGINNINGS = (
    (b"\x1f\x8b", (".gz",), "compressed with gzip; rename it so that it ends in .gz"),
    (b"BZh91AY&SY", (".bz2",), "compressed with bzip2; rename it so that it ends in .bz2"),
    (b"\xfd7zXZ\0", (".xz",), "compressed with xz; rename it so that it ends in .xz"),
    (b"\x28\xb5\x2f\xfd", (".zst",), "compressed with zstd; rename it so that it ends in .zst"),
    (b"\x04\x22\x4d\x18", (".lz4",), "compressed with lz4; rename it so that it ends in .lz4"),
    (b"PAR1\x15", (".parquet", ".pq"), "a Parquet file; rename it so that it ends in .parquet"),
    (b"ARROW1\0", (".arrow", ".arrows", ".feather", ".ipc"), "an Arrow file; rename it so that it "
     "ends in .arrow"),
    (b"\xd0\xcf\x11\xe0", (), "an Excel workbook; save the sheet as CSV"),
    (b"%%MatrixMarket", (".mtx",), "a Matrix Market file; rename it so that it ends in .mtx"),
    (b"\x89HDF", (), "an HDF5 file; write its ratings as CSV or Parquet"),
    (b"7z\xbc\xaf", (), "a 7z archive; unpack it first"),
    *((bytes([0x80, n]), (), "a pickle, which could run any code; write CSV or Parquet")
      for n in (2, 3, 4, 5)),
    *((start, (), "an HTML page; the download may have failed")
      for start in (b"<!DOCTYPE html", b"<!doctype html", b"<html")),
    (b"version https://git-lfs", (), "a pointer of Git LFS; fetch the file with git lfs pull"),
    (b"PK\x03\x04", (".zip", ".npz"), "a zip archive or an Excel workbook; rename the archive so "
     "that it ends in .zip, or save the sheet as CSV"),
)  # fmt: skip
"""How files begin, the endings that such files have, and what to say of one with another ending."""


def opened(file: str) -> BinaryIO:
    """The bytes of a file, decompressed if its name ends in one of `SUFFIXES`.

    Raises:
        OSError: the file cannot be opened; also on reading, where it is damaged or cut off.
    """
    # pyarrow's own gzip stream accepts a file that is cut off.
    for end, library in ((".gz", gzip), (".bz2", bz2), (".xz", lzma)):
        if file.lower().endswith(end):
            stream = cast("Any", library).open(file, "rb")
            return io.BufferedReader(_Checked(stream), _HEAD)
    by_name = {".zst": "zstd", ".lz4": "lz4"}  # Arrow knows them in lower case only
    compression = by_name.get(os.path.splitext(file)[1].lower(), "detect")
    return cast("BinaryIO", pa.input_stream(file, compression=compression))


def without_suffix(name: str) -> str:
    """The name of a file without the ending of its compression.

    >>> without_suffix("ratings.csv.gz"), without_suffix("ratings.csv")
    ('ratings.csv', 'ratings.csv')
    """
    end = next((end for end in SUFFIXES if name.lower().endswith(end)), "")
    return name[: len(name) - len(end)]


def misnamed(file: str) -> str:
    """What a file is by its first bytes where its name says otherwise, and what to do; or ""."""
    if not os.path.isfile(file):  # a pipe can be read only once
        return ""
    with open(file, "rb") as stream:
        head = stream.read(32)
    for beginning, endings, what in _BEGINNINGS:
        if head.startswith(beginning):
            if not file.lower().endswith(endings):
                return what
            break
    try:
        with opened(file) as unpacked:
            head = unpacked.read(_TAR_AT + len(_TAR))
    except (OSError, pa.ArrowException):
        return ""
    end = file[len(without_suffix(file)) :].lower()
    is_tar = head.endswith(_TAR) and b"\0" in head
    return f"a tar archive; rename it so that it ends in .tar{end}" if is_tar else ""


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


class _Checked(io.RawIOBase):
    """A stream whose damage is an OSError, whatever its kind of compression."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        """That it is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fills the buffer with the next bytes, and returns their number."""
        try:
            return cast("Any", self._stream).readinto(buffer)  # type: ignore[no-any-return]
        except (EOFError, lzma.LZMAError, zlib.error) as error:
            raise OSError(str(error)) from None

    def close(self) -> None:
        """Closes the file, too."""
        self._stream.close()
        super().close()
