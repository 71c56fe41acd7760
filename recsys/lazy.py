"""Modules that are imported when something in them is first used.

`import scipy.sparse` takes as long as NumPy and loads half of it again, so that a question which
needs no sparse matrix does not wait for it. Write `from recsys.lazy import sp` where the module may
be loaded to answer a question; annotations never load it.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

__all__ = ["sp"]


class _Lazy(ModuleType):
    """Stands for a module; what is taken from it is kept, so that it is asked for only once."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what inspection tools look for is no use of the module
            raise AttributeError(name)
        found = getattr(importlib.import_module(self.__name__), name)
        setattr(self, name, found)
        return found


if TYPE_CHECKING:
    import scipy.sparse as sp
else:
    sp = _Lazy("scipy.sparse")
