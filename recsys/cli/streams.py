"""Standard output and error whose reader may go away."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any


class Unbroken:
    """A stream that drops what cannot be written, from the first error of one class on."""

    def __init__(self, stream: Any, dropped: type[OSError]) -> None:
        self._stream = stream
        self._dropped = dropped

    def write(self, text: str) -> int:
        """Writes a text; returns its length, also where it is dropped."""
        try:
            self._stream.write(text)
        except self._dropped:
            drop(self._stream)
        return len(text)

    def flush(self) -> None:
        """Writes what is buffered."""
        try:
            self._stream.flush()
        except self._dropped:
            drop(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def drop(stream: Any) -> None:
    """Discards what is written to a stream from now on, and what is in its buffer."""
    # The buffer would fail again when Python ends.
    with suppress(OSError, ValueError):  # it may have no file behind it
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
