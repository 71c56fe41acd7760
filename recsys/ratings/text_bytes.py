"""The bytes of a text file: decompressed, in UTF-8, and watched while they are read.

Arrow reads files fast, but some of what it accepts is not what the file says ("007" as 7, an open
quote up to the end). `Watched` notices on the way what needs a closer look.
"""

from __future__ import annotations

import codecs
import re
import threading
from typing import Any

import numpy as np

from recsys.errors import ArgumentError, DataError
from recsys.kernels import TextSign, text_signs
from recsys.ratings.columns import first_line
from recsys.ratings.compressed import opened

BOM = "\ufeff"
_BOM = BOM.encode()
_BLOCK = 1 << 20
_QUOTE = ord('"')
_SEAM = 8  # letters on each side of the border between two chunks
_NO_PLAIN_NUMBER = TextSign.X | TextSign.MINUS_ZERO | TextSign.LEADING_ZERO


class Watched:
    """A file in UTF-8 for `pyarrow.PythonFile`, which notices what Arrow would not."""

    def __init__(self, file: str, encoding: str, separator: str, quoted: bool) -> None:
        self._stream = opened(file)
        self._file, self._encoding, self._quoted = file, encoding, quoted
        self._decoder = decoder_of(file, encoding)
        self._recode = codecs.lookup(encoding).name != "utf-8"
        # What may be outside a quoted field, or a second quote, which stands for one.
        self._edges = np.zeros(256, bool)
        self._edges[[_QUOTE, *b"\r\n", separator.encode()[0]]] = True
        self._tail = self._pending = b""
        self._open_quote = self._in_letter = False
        self._reading, self._stopped = threading.Lock(), False
        self.closed = False
        self.invalid = False
        """Whether a byte is not UTF-8."""
        self.odd = False
        """Whether something only the slow reader understands: NUL, a byte-order mark between lines,
        a carriage return alone, a line break in quotes, a quote inside a field or never closed."""
        self.quotes = False
        """Whether there is a quote after the first line."""
        self.zeros = False
        """Whether digits may begin with 0, or there is an x or −0: "007", "0x10"."""

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size`."""
        with self._reading:
            return b"" if self._stopped else self._read(size)

    def stop(self) -> None:
        """Ends the file for a reader that has returned or failed.

        Arrow reads ahead in a thread of its own. If that is still at work when the interpreter
        ends, the process is aborted.
        """
        with self._reading:
            self._stopped = True

    def _read(self, size: int) -> bytes:
        chunk = self._recoded(size) if self._recode else self._stream.read(size)
        signs = text_signs(chunk)
        if not self._recode and (TextSign.NOT_ASCII in signs or self._in_letter or not chunk):
            self._validate(chunk)
        if chunk:
            self._look(chunk, signs)
        else:
            self.odd |= self._open_quote
        return chunk

    def _recoded(self, size: int) -> bytes:
        while not self._pending:
            block = self._stream.read(_BLOCK)
            try:
                self._pending = self._decoder.decode(block, not block).encode()
            except UnicodeError as error:
                raise not_in(self._file, self._encoding, error) from None
            if not block:
                break
        end = size if size >= 0 else len(self._pending)
        chunk, self._pending = self._pending[:end], self._pending[end:]
        return chunk

    def _validate(self, chunk: bytes) -> None:
        try:
            if not self.invalid:
                self._decoder.decode(chunk, not chunk)
                self._in_letter = bool(self._decoder.getstate()[0])
        except UnicodeDecodeError:
            self.invalid = True

    def _look(self, chunk: bytes, signs: TextSign) -> None:
        seam = self._tail + chunk[:_SEAM]  # what lies across two chunks
        signs |= text_signs(seam if self._tail else b"\n" + seam)
        self.odd |= bool(signs & (TextSign.NUL | TextSign.LONE_RETURN))
        if TextSign.NOT_ASCII in signs:
            self.odd |= _BOM in seam[1:] or chunk.find(_BOM, 1) > 0
        quotes = TextSign.QUOTE in signs
        self.quotes |= quotes
        if self._quoted and not self.odd:
            self.odd = self._broken_quotes(chunk) if quotes else self._open_quote
        self.zeros |= bool(signs & _NO_PLAIN_NUMBER)
        self._tail = chunk[-_SEAM:]

    def _broken_quotes(self, chunk: bytes) -> bool:
        # Whether a quote is inside a field or text follows a closing one, which Arrow and Python
        # take differently, or a line ends within quotes.
        data = np.frombuffer((self._tail[-1:] or b"\n") + chunk, np.uint8)
        closing = data[0] == _QUOTE and not self._open_quote
        # Modulo 256, which is as odd or even.
        n_quotes = np.cumsum(data[1:] == _QUOTE, dtype=np.uint8) + np.uint8(self._open_quote)
        within = np.concatenate([[False], n_quotes & 1 > 0])  # after each byte
        self._open_quote = bool(within[-1])
        if within[data == ord("\n")].any():
            return True
        at = np.flatnonzero(data[1:] == _QUOTE) + 1
        opens, closes = at[within[at]], at[~within[at]]
        closes = np.append([0] if closing else [], closes[closes < len(data) - 1]).astype(np.intp)
        return not (self._edges[data[opens - 1]].all() and self._edges[data[closes + 1]].all())

    def readable(self) -> bool:
        """For `pyarrow.PythonFile`."""
        return True

    def writable(self) -> bool:
        """For `pyarrow.PythonFile`."""
        return False

    def seekable(self) -> bool:
        """For `pyarrow.PythonFile`."""
        return False

    def close(self) -> None:
        """For `pyarrow.PythonFile`."""
        self.closed = True
        self._stream.close()


def decoder_of(file: str, encoding: str) -> codecs.IncrementalDecoder:
    """A decoder of this encoding.

    Raises:
        ArgumentError: it is unknown.
    """
    try:
        "".encode(encoding)  # some codecs are not of text
        return codecs.getincrementaldecoder(encoding)()
    except (LookupError, ValueError):
        raise ArgumentError(f"{file}: encoding {encoding!r} is unknown") from None


def not_in(file: str, encoding: str, error: UnicodeError) -> DataError:
    """The error for a file that is not in the encoding that was given, with the first bad line."""
    if not isinstance(error, UnicodeDecodeError):  # as where UTF-16 has to begin with a mark
        return DataError(f"{file}: not {encoding} text ({first_line(error)})")
    where = file
    wide = "16" in error.encoding or "32" in error.encoding  # lines are no lines of bytes there
    for number, line in enumerate([] if wide else _lines(file), start=1):
        try:
            line.decode(error.encoding)
        except UnicodeDecodeError:
            where = f"{file}, line {number}"
            break
    return DataError(f"{where}: not {error.encoding} text ({error.reason})")


def encoding_of(file: str) -> tuple[str, str]:
    """The encoding of a file that is not UTF-8, decided from all of it, and a remark.

    A file whose lines mostly are UTF-8 is damaged; otherwise it is ISO-8859-1, in which every
    byte is a letter.

    Raises:
        DataError: the file is damaged UTF-8; names the first bad line.
    """
    good = bad = first = 0
    for number, line in enumerate(_lines(file), start=1):
        if line.isascii():
            continue
        try:
            line.decode()
            good += 1
        except UnicodeDecodeError:
            bad += 1
            first = first or number
    if good >= max(bad, 1):
        raise DataError(
            f"{file}, line {first}: not UTF-8, as {good:,} other lines are; correct this line, or "
            "name the encoding with --encoding"
        )
    return "ISO-8859-1", f"line {first} is not UTF-8: the file is read as ISO-8859-1"


def _lines(file: str) -> Any:
    rest = b""
    with opened(file) as stream:
        while block := stream.read(_BLOCK):
            lines = re.split(rb"\r\n?|\n", rest + block)
            rest = lines.pop()
            yield from lines
    yield rest
