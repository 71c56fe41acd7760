"""`Kept`: answers of one snapshot that are asked for again."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any, NamedTuple

MOST_BYTES = 32 * 1024 * 1024
"""Of the answers of one snapshot; the oldest go first."""
_LARGEST = 16 * 1024  # bytes of an answer that is kept


class MadeList(NamedTuple):
    """A list of items."""

    items: list[Any]
    """Their ids, best first."""
    parts: dict[str, Any]
    """Of the answer: remarks, rows and why, as JSON already."""
    size: int
    """In bytes."""


class Kept:
    """Lists by what they depend on.

    The key of a list has all that it depends on, the ratings of the person included: what is kept
    is never out of date, and nothing has to be removed because something changed.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._lists: dict[Hashable, MadeList] = {}
        self._most, self._size = most_bytes, 0

    def get(self, key: Hashable, make: Callable[[], MadeList]) -> MadeList:
        """What is kept under a key; made, if nothing is."""
        found = self._lists.get(key)
        if found is None:
            found = make()
            if found.size <= min(_LARGEST, self._most):
                self._lists[key] = found
                self._size += found.size
                while self._size > self._most and self._lists:
                    self._forget_oldest()
        return found

    def _forget_oldest(self) -> None:
        # Other threads may be doing the same.
        with suppress(StopIteration, RuntimeError):
            gone = self._lists.pop(next(iter(self._lists)), None)
            self._size -= 0 if gone is None else gone.size
