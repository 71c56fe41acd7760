"""Random damage to bytes: to lines of text, and to binary files."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence

PIECES: Sequence[bytes] = (
    b"", b" ", b"\t", b",", b";", b"|", b":", b"::", b'"', b"'", b'""', b"\n", b"\r", b"\r\n",
    b"\n\n", b"\0", b"\xff", b"\xc3\x28", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\xed\xa0\x80",
    b"\x1b[2J",
    b"0", b"-1", b"00", b"1e309", b"-0.0", b"nan", b"inf", b"NULL", b"9" * 19, b"9" * 400, b"0x10",
    b"1_0", b"1,5", b"3.5", b"{", b"}", b"[", b"]", b"%", b"#", b"\\", b"true", b"null",
    b"x" * 5000,
    "é".encode(), "𝟙".encode(), "٣".encode(), "\xa0".encode(),
)  # fmt: skip
"""What is put in."""

Mutation = Callable[[random.Random, bytes], bytes]

_WILD = [0, 1, -1, 2**31 - 1, -(2**31), 2**32 - 1, 2**63 - 1, -(2**63)]


def text(rng: random.Random, data: bytes) -> bytes:
    """The data with one to four pieces put in, taken out or exchanged, or lines moved."""
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        data = rng.choice(_IN_TEXT)(rng, data)
    return data


def binary(rng: random.Random, data: bytes) -> bytes:
    """The data with one to four bits, bytes, numbers or ranges changed."""
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        data = rng.choice(_IN_BYTES)(rng, data)
    return data


def _piece(rng: random.Random, data: bytes) -> bytes:
    at = rng.randint(0, len(data))
    return data[:at] + rng.choice(PIECES) + data[at + rng.choice([0, 0, 1, 2, 8]) :]


def _cell(rng: random.Random, data: bytes) -> bytes:
    # A field of a line, whatever separates them.
    import re

    cells = [one.span() for one in re.finditer(rb"[^,;|\t\n\r: ]+", data)]
    if not cells:
        return _piece(rng, data)
    start, end = rng.choice(cells)
    return data[:start] + rng.choice(PIECES) + data[end:]


def _lines(rng: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    how = rng.randrange(4)
    if how == 0:
        lines[a], lines[b] = lines[b], lines[a]
    elif how == 1:
        lines.insert(a, lines[b])
    elif how == 2:
        del lines[a]
    else:
        lines[a] += lines[b]
    return b"\n".join(lines)


def _bit(rng: random.Random, data: bytes) -> bytes:
    if not data:
        return b"\0"
    changed = bytearray(data)
    changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randint(0, len(data))]


def _range(rng: random.Random, data: bytes) -> bytes:
    # A range is removed, set to zero, repeated or written elsewhere.
    start = rng.randint(0, len(data))
    end = min(len(data), start + rng.choice([1, 2, 4, 8, 64, 512]))
    what = [b"", bytes(end - start), data[start:end] * 2, rng.randbytes(end - start)]
    return data[:start] + rng.choice(what) + data[end:]


def _number(rng: random.Random, data: bytes) -> bytes:
    form = rng.choice(["<i", "<q", "<h", "<b"])
    size = struct.calcsize(form)
    if len(data) < size:
        return _piece(rng, data)
    at = rng.randint(0, len(data) - size)
    value = rng.choice(_WILD) % (1 << 8 * size)
    return data[:at] + value.to_bytes(size, "little") + data[at + size :]


_IN_TEXT: Sequence[Mutation] = (_piece, _piece, _cell, _cell, _cell, _lines, _lines, _bit, _cut)
_IN_BYTES: Sequence[Mutation] = (_bit, _bit, _bit, _number, _number, _range, _cut, _piece)
