"""`Table`: an answer, ready for a terminal, for JSON, and, when asked for, as a DataFrame."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recsys import notebook
from recsys.ids import in_json
from recsys.recommend.items import ItemTable

if TYPE_CHECKING:
    import pandas as pd

_FIRST = ("title", "year", "genres")  # what people want to know of items, in this order
_WORDS = {"shortfall": "Only {}.", "remark": "Note: {}.", "interval": "Note: {}."}
DECIMALS = 6
"""Of fractions in JSON."""


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of equal length: those of the answer, then those of the item table."""

    answer: Mapping[str, npt.NDArray[Any]]
    """The columns that the question computed: rank, item, score, ..."""
    items: ItemTable | None = None
    rows: npt.NDArray[Any] | None = None
    """(n,) rows of `items`."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """`shortfall`: why there are fewer rows than asked for; `remark`: what else to know."""

    def __len__(self) -> int:
        return len(next(iter(self.answer.values())))

    @property
    def columns(self) -> list[str]:
        """Names of the columns, those of the answer first."""
        known = [] if self.items is None else self.items.columns
        return [*self.answer, *(name for name in known if name not in self.answer)]

    def column(self, name: str) -> list[Any]:
        """One column as Python objects, None where a value is missing."""
        if name in self.answer:
            return [_plain(value) for value in self.answer[name].tolist()]
        if self.items is None or self.rows is None or name not in self.items.columns:
            raise KeyError(name)
        return [_plain(value) for value in self.items.take(name, self.rows)]

    @property
    def shown(self) -> list[str]:
        """The columns that people want to see: the answer's own, then title, year and genres."""
        known = [name for name in _FIRST if name in self.columns and any(self.column(name))]
        return list(dict.fromkeys([*self.answer, *known]))

    def _repr_html_(self) -> str:
        columns = {name: self.column(name) for name in self.shown}
        return notebook.block("", notebook.table(columns), notes=self.remarks)

    @property
    def remarks(self) -> list[str]:
        """The notes as sentences: why the table is short, and what its scores do not say."""
        return [_WORDS[name].format(text) for name, text in self.notes.items()]

    def records(self) -> Iterator[dict[str, Any]]:
        """Rows by column name."""
        names = self.columns
        for values in zip(*(self.column(name) for name in names), strict=True):
            yield dict(zip(names, values, strict=True))

    def frame(self) -> pd.DataFrame:
        """The table in pandas; the notes are its `attrs`."""
        import pandas as pd

        columns = dict(self.answer)
        if self.items is not None and self.rows is not None:
            known = self.items.frame
            columns |= {
                str(name): column.array.take(self.rows)
                for name, column in known.items()
                if name not in self.answer
            }
        table = pd.DataFrame(columns)
        table.attrs |= dict(self.notes)
        return table

    def to_dict(self) -> dict[str, Any]:
        """Rows and notes, ready for JSON; fractions have six decimals, ids beyond 2⁵³ are text."""
        names = self.columns
        columns = [
            json_column(self.answer[name]) if name in self.answer else
            [_json(value) for value in self.column(name)] for name in names
        ]  # fmt: skip
        rows = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
        return {"rows": rows} | dict(self.notes)

    def noting(self, **notes: str) -> Table:
        """The same table with more notes; empty ones are left out."""
        more = {name: text for name, text in notes.items() if text}
        return replace(self, notes={**self.notes, **more}) if more else self


def json_column(values: npt.NDArray[Any]) -> list[Any]:
    """A column of an answer, ready for JSON, as `Table.to_dict` has it.

    >>> json_column(np.array([0.12345678, np.nan]))
    [0.123457, None]
    """
    if values.dtype.kind == "f":
        return [None if one != one else round(one, DECIMALS) for one in values.tolist()]
    if values.dtype.kind in "iu":
        return list(map(in_json, values.tolist()))
    return [_json(_plain(one)) for one in values.tolist()]


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return None if missing else value


def _json(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DECIMALS)
    if value is None or isinstance(value, str | int | bool):
        return in_json(value)
    return json.loads(json.dumps(value, default=str))
