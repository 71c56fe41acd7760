"""`Kept`: what was computed from a model and is asked for again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

MOST_BYTES = 32 * 1024 * 1024
_LARGEST = 16 * 1024  # bytes of one that is kept


class Sized(Protocol):
    """Something that knows how many bytes it takes."""

    @property
    def size(self) -> int:
        """In bytes."""


T = TypeVar("T", bound=Sized)


class MadeList(NamedTuple):
    """A list of items."""

    items: list[Any]
    """Their ids, best first."""
    parts: dict[str, Any]
    """Of the answer: remarks, rows and why, as JSON already."""
    size: int
    """In bytes."""


class Kept(Generic[T]):
    """Values by name, up to so many bytes; the oldest go first.

    A value is kept with a stamp, which stands for all that it depends on and that may change. So
    what is kept is never out of date, and what is out of date takes no memory.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._values: dict[Hashable, tuple[Hashable, T]] = {}
        self._most, self._size, self._lock = most_bytes, 0, threading.Lock()

    @property
    def keeps(self) -> bool:
        """Whether anything is kept at all."""
        return self._most > 0

    def get(self, name: Hashable, stamp: Hashable, make: Callable[[], T]) -> T:
        """What is kept under a name with this stamp; made, if nothing is."""
        found = self._values.get(name)
        if found is not None and found[0] == stamp:
            return found[1]
        made = make()
        with self._lock:
            self._forget(name)
            if made.size <= min(_LARGEST, self._most):
                self._values[name] = stamp, made
                self._size += made.size
                while self._size > self._most:
                    self._forget(next(iter(self._values)))
        return made

    def _forget(self, name: Hashable) -> None:
        gone = self._values.pop(name, None)
        self._size -= 0 if gone is None else gone[1].size
