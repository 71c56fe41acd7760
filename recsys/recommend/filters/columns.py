"""`ItemColumns`: the columns of an item table, ready to be compared with values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.recommend.items import ItemTable

Flags = npt.NDArray[np.bool_]

_SEPARATORS = re.compile("[|;,]")


@dataclass(frozen=True, eq=False)
class Column:
    """A column: numbers, or different texts and which of them each item has."""

    numbers: npt.NDArray[np.float64] | None
    """(n,) NaN where one is missing; None for texts."""
    texts: list[str]
    """Different texts, case folded."""
    codes: npt.NDArray[np.int64]
    """(n,) number of the text of each item; −1 where one is missing."""

    @classmethod
    def of(cls, values: list[Any]) -> Column:
        """From Python objects, None or NaN where one is missing."""
        missing = [value is None or value != value for value in values]
        known = [value for value, none in zip(values, missing, strict=True) if not none]
        if known and all(isinstance(value, int | float | np.number | np.bool_) for value in known):
            numbers = [np.nan if n else float(v) for v, n in zip(values, missing, strict=True)]
            return cls(np.array(numbers, np.float64), [], np.zeros(0, np.int64))
        found: dict[str, int] = {}
        codes = [
            -1 if none else found.setdefault(_text(value), len(found))
            for value, none in zip(values, missing, strict=True)
        ]
        return cls(None, list(found), np.array(codes, np.int64))

    @property
    def missing(self) -> Flags:
        """(n,) where there is no value."""
        return self.codes < 0 if self.numbers is None else np.isnan(self.numbers)

    @cached_property
    def parts(self) -> list[frozenset[str]]:
        """The values that each of the texts lists: those between |, ; or commas."""
        return [
            frozenset(filter(None, map(str.strip, _SEPARATORS.split(text)))) for text in self.texts
        ]

    def where(self, matches: list[bool]) -> Flags:
        """(n,) whether the text of an item is one of those marked."""
        # The last entry is that of the missing ones.
        return np.asarray([*matches, False])[self.codes]


class ItemColumns:
    """The columns of an item table by name, read when they are first asked for."""

    def __init__(self, items: ItemTable, **more: npt.NDArray[Any]) -> None:
        self._items, self._more = items, more
        self._columns: dict[str, Column] = {}

    def __len__(self) -> int:
        return len(self._items)

    @property
    def names(self) -> list[str]:
        """Names of the columns, those of the model last."""
        return [*self._items.columns, *(n for n in self._more if n not in self._items.columns)]

    def __getitem__(self, name: str) -> Column:
        found = self._columns.get(name)
        if found is None:
            if name in self._items.columns:
                values = self._items.values(name)
            else:
                values = self._more[name].tolist()
            found = self._columns[name] = Column.of(values)
        return found


def _text(value: Any) -> str:
    # A list of values is written as a text of parts.
    if isinstance(value, list | tuple | set | np.ndarray):
        return "|".join(str(one) for one in value).casefold()
    return str(value).casefold()
