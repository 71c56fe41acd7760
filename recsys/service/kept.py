"""`Kept`: what was computed from a model and is asked for again."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import suppress
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
    """Values by what they depend on, up to so many bytes; the oldest go first.

    The key of a value has all that it depends on: what is kept is never out of date, and nothing
    has to be removed because something changed.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._values: dict[Hashable, T] = {}
        self._most, self._size = most_bytes, 0

    @property
    def keeps(self) -> bool:
        """Whether anything is kept at all."""
        return self._most > 0

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is kept under a key; made, if nothing is."""
        found = self._values.get(key)
        if found is None:
            found = make()
            if found.size <= min(_LARGEST, self._most):
                self._values[key] = found
                self._size += found.size
                while self._size > self._most and self._values:
                    self._forget_oldest()
        return found

    def _forget_oldest(self) -> None:
        # Other threads may be doing the same.
        with suppress(StopIteration, RuntimeError):
            gone = self._values.pop(next(iter(self._values)), None)
            self._size -= 0 if gone is None else gone.size
