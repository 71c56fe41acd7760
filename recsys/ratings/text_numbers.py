"""Text files of plain numbers, as most files of ratings are: read by the compiled code.

It reads every letter, and knows one way to write each number. Where it meets anything else, it
gives up, and the file is read again by the readers that know more.
"""

from __future__ import annotations

import codecs
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recsys.kernels import empty_numbers, n_lines, read_numbers
from recsys.large import joined
from recsys.ratings.compressed import opened, without_suffix
from recsys.ratings.text_format import TextFormat
from recsys.threads import default_threads

_BLOCK = 4 << 20  # bytes
_LONGEST = 1 << 16  # bytes of a line
_ROWS = 1 << 22  # of a piece of the columns, where it is not known how much text is left
_LINE_FEED = ord("\n")
_ASCII = {"utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252"}
"""Encodings in which a byte below 128 is always the same letter."""

_ODD = np.frombuffer(b"?", np.uint8)

Text = npt.NDArray[np.uint8]
Columns = dict[str, npt.NDArray[Any]]


def plain_columns(file: str, text_format: TextFormat) -> dict[str, Any] | None:
    """The columns by role, ids as Arrow columns; None where the file is not as plain as that.

    Raises:
        OSError: the file cannot be read.
    """
    if not _may_be_plain(text_format):
        return None
    read = partial(
        read_numbers,
        separator=text_format.separator,
        roles=text_format.roles,
        n_columns=len(text_format.columns),
    )
    columns = _Columns(text_format.roles, _size(file))
    n_threads = default_threads()
    with opened(file) as stream, ThreadPoolExecutor(n_threads) as pool:
        running: deque[Future[Columns | None]] = deque()
        for lines in _blocks(stream, text_format.skip, n_threads + 2):
            running.append(pool.submit(read, lines, out=columns.room(lines)))
            if len(running) > n_threads and running.popleft().result() is None:
                pool.shutdown(cancel_futures=True)
                return None
        if any(one.result() is None for one in running):
            return None
    return columns.whole()


def _may_be_plain(text_format: TextFormat) -> bool:
    return (
        text_format.integer_ids
        and text_format.number_ratings
        and text_format.number_times
        and text_format.date_format is None
        and text_format.decimal in (None, ".")
        and len(set(text_format.separator)) == 1
        and codecs.lookup(text_format.encoding).name in _ASCII
    )


class _Columns:
    """Numbers by role, written one block of text after another into large arrays."""

    def __init__(self, roles: Iterable[str], size: int) -> None:
        self._roles = list(roles)
        self._left = size  # bytes of text; less than there are, where that is not known
        self._pieces: list[Columns] = []
        self._begin, self._end = 0, 0  # of what is free in the last piece

    def room(self, text: Text) -> Columns:
        """Where the numbers of a text belong, which has as many lines."""
        n = n_lines(text)
        if not self._pieces or self._begin + n > self._end:
            self._close()
            # The lines to come may be shorter. Memory that is never written takes none.
            expected = 1.2 * n * self._left / len(text) if self._left > 0 else _ROWS
            self._end = max(n, int(expected))
            self._pieces.append(empty_numbers(self._roles, self._end))
        self._left -= len(text)
        own = slice(self._begin, self._begin + n)
        self._begin += n
        return {role: array[own] for role, array in self._pieces[-1].items()}

    def whole(self) -> dict[str, Any] | None:
        """The columns, ids as Arrow columns; None without rows. Can be asked for once."""
        self._close()
        columns: dict[str, Any] = {}
        for role in self._roles if self._pieces else ():
            parts = [piece.pop(role) for piece in self._pieces]
            if role in ("user", "item"):
                columns[role] = pa.chunked_array(map(pa.array, parts))
            else:
                columns[role] = joined(parts)
        return columns or None

    def _close(self) -> None:
        # Leaves what was not needed of the last piece.
        if self._pieces:
            last = self._pieces[-1]
            self._pieces[-1] = {role: array[: self._begin] for role, array in last.items()}
        self._begin = self._end = 0


def _size(file: str) -> int:
    # Bytes of the text; 0 where nobody knows before it is read.
    return os.stat(file).st_size if without_suffix(file) == file else 0


def _blocks(stream: BinaryIO, n_skipped: int, n_buffers: int) -> Iterator[Text]:
    # Whole lines after those to skip; `_ODD`, which the reader refuses, where a line is too long or
    # one to skip is not plain. A block is overwritten by the one `n_buffers` after it: memory that
    # is new takes longer to get than its text to read.
    buffers = deque(np.empty(_LONGEST + _BLOCK, np.uint8) for _ in range(n_buffers))
    rest = np.zeros(0, np.uint8)
    last = False
    while not last:
        buffers.rotate()
        block = buffers[0][: len(rest) + _BLOCK]
        block[: len(rest)] = rest
        end = len(rest) + _filled(stream, block[len(rest) :])
        last = end < len(block)
        block = _ended(block[:end]) if last else block
        if n_skipped:
            begin = _after(block, n_skipped)
            if begin is None:
                yield _ODD
                return
            block, n_skipped = block[begin:], 0
        at = _last_end(block)
        if at:
            yield block[:at]
        rest = block[at:]
        if len(rest) > _LONGEST:
            yield _ODD
            return


def _last_end(block: Text) -> int:
    # Where the last whole line ends.
    begin = max(0, len(block) - _LONGEST)
    ends = np.flatnonzero(block[begin:] == _LINE_FEED)
    return begin + int(ends[-1]) + 1 if len(ends) else 0


def _filled(stream: BinaryIO, block: Text) -> int:
    # Bytes that were read; fewer than asked for at the end of the file only.
    done = 0
    while done < len(block):
        n = stream.readinto(block[done:])  # type: ignore[attr-defined]
        if not n:
            break
        done += n
    return done


def _ended(block: Text) -> Text:
    # The last line may lack its line feed.
    if not len(block) or block[-1] == _LINE_FEED:
        return block
    return np.append(block, np.uint8(_LINE_FEED))


def _after(block: Text, n_skipped: int) -> int | None:
    # Where the rows begin; None where a line before them is not plain.
    head = block[:_LONGEST].tobytes()
    at = 0
    for _ in range(n_skipped):
        end = head.find(b"\n", at) + 1
        line = head[at:end].removesuffix(b"\n").removesuffix(b"\r")
        if not end or not line.isascii() or not line.decode().isprintable() or line.count(b'"') % 2:
            return None
        at = end
    return at
