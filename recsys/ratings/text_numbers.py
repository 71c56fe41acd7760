"""Text files of plain numbers, as most files of ratings are: read by the compiled code.

It reads every letter, and knows one way to write each number. Where it meets anything else, it
gives up, and the file is read again by the readers that know more.
"""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recsys.kernels import read_numbers
from recsys.memory import give_back
from recsys.ratings.compressed import opened
from recsys.ratings.text_format import TextFormat
from recsys.threads import default_threads

_BLOCK = 4 << 20  # bytes
_LONGEST = 1 << 16  # bytes of a line
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
    pieces: list[Columns] = []
    n_threads = default_threads()
    with opened(file) as stream, ThreadPoolExecutor(n_threads) as pool:
        running: deque[Future[Columns | None]] = deque()
        for lines in _blocks(stream, text_format.skip):
            running.append(pool.submit(read, lines))
            if len(running) > n_threads and not _taken(running, pieces):
                break
        while running and _taken(running, pieces):
            pass
        if running:
            pool.shutdown(cancel_futures=True)
            return None
    return _joined(pieces, text_format) if pieces else None


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


def _taken(running: deque[Future[Columns | None]], pieces: list[Columns]) -> bool:
    # Whether the first block was plain; it stays among those that run where it was not.
    found = running[0].result()
    if found is None:
        return False
    running.popleft()
    pieces.append(found)
    return True


def _joined(pieces: list[Columns], text_format: TextFormat) -> dict[str, Any]:
    # The pieces are emptied, so that no column is there twice.
    columns: dict[str, Any] = {}
    for role in text_format.roles:
        parts = [piece.pop(role) for piece in pieces]
        ids = role in ("user", "item")
        columns[role] = pa.chunked_array(map(pa.array, parts)) if ids else np.concatenate(parts)
        del parts
        give_back()  # small arrays lie between those of the other columns
    return columns


def _blocks(stream: BinaryIO, n_skipped: int) -> Iterator[Text]:
    # Whole lines after those to skip; `_ODD`, which the reader refuses, where a line is too long or
    # one to skip is not plain.
    rest = np.zeros(0, np.uint8)
    last = False
    while not last:
        block = np.empty(len(rest) + _BLOCK, np.uint8)
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
