"""What a run keeps of its work while it goes, so that it can go on after it was stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy.typing as npt

    from recsys.models.spec import Spec

_NONE: Mapping[str, Any] = MappingProxyType({})

EVERY = 60.0
"""Seconds from one save of a checkpoint to the next."""


RESULT = "result"
"""Name of the last step of a part; once it is there, the others of the part are not needed."""


class Entry(NamedTuple):
    """The result of one step of a run."""

    arrays: Mapping[str, npt.NDArray[Any]] = _NONE
    about: Mapping[str, Any] = _NONE
    """Ready for JSON."""


class Kept(Protocol):
    """What has been done so far, by name. Models and searches know no files."""

    def part(self, name: str) -> Kept:
        """The same for a part of the run, which has names of its own."""

    def remember(self, name: str, key: Mapping[str, Any], make: Callable[[], Entry]) -> Entry:
        """The result of a step: what was kept under its name and key, or else what `make` returns.

        Args:
            name: of the step, unique in its part; letters, digits and hyphens.
            key: what the result depends on, ready for JSON.
            make: takes the step. What it raises is not kept.
        """

    def fitting(self, name: str, spec: Spec) -> AbstractContextManager[Mapping[str, Any]]:
        """The arguments `start` and `on_state` with which `spec.fit` keeps its states and goes on
        from the last one; none for a model that has no states.
        """


class _Nothing:
    def part(self, name: str) -> Kept:
        return self

    def remember(self, name: str, key: Mapping[str, Any], make: Callable[[], Entry]) -> Entry:
        return make()

    def fitting(self, name: str, spec: Spec) -> AbstractContextManager[Mapping[str, Any]]:
        return nullcontext({})


NOTHING: Kept = _Nothing()
"""Keeps nothing."""
