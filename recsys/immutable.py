"""Values that stay read-only when they are copied or sent to another process."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from recsys.csr import frozen, frozen_csr
from recsys.lazy import sp


class Immutable:
    """A value whose arrays are read-only, also after pickle and deepcopy.

    NumPy forgets on the way that an array is read-only. What a `cached_property` holds is left
    behind: it may be large, and it may suit this machine only.
    """

    def __getstate__(self) -> dict[str, Any]:
        kind = type(self)
        return {
            name: value
            for name, value in self.__dict__.items()
            if not isinstance(getattr(kind, name, None), cached_property)
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for value in state.values():
            _freeze(value)
        self.__dict__.update(state)


def _freeze(value: Any) -> None:
    if isinstance(value, np.ndarray):
        frozen(value)
    elif isinstance(value, sp.csr_matrix):
        frozen_csr(value)
    elif isinstance(value, Mapping):
        for one in value.values():
            _freeze(one)
    elif isinstance(value, tuple):
        for one in value:
            _freeze(one)
