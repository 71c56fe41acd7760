"""`ItemTable`: what is known of the items, as an Arrow table or as a DataFrame, whichever exists.

A model that is loaded to answer a question never needs pandas: columns are read from Arrow, and the
DataFrame is made when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recsys.errors import ArgumentError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class ItemTable:
    """One row per item, in the order of the model's items. Immutable."""

    def __init__(
        self, n: int, *, arrow: pa.Table | None = None, frame: pd.DataFrame | None = None
    ) -> None:
        self._n = n
        # Set under the names of the properties, which then never compute them.
        if arrow is not None:
            self.__dict__["arrow"] = arrow
        if frame is not None:
            self.__dict__["frame"] = frame

    @classmethod
    def of(cls, table: Any) -> ItemTable:
        """From a DataFrame; an `ItemTable` is returned as it is."""
        return table if isinstance(table, ItemTable) else cls(len(table), frame=table)

    @classmethod
    def without_columns(cls, n: int) -> ItemTable:
        """A table of n rows that says nothing."""
        import pyarrow as pa

        return cls(n, arrow=pa.table({}))

    def __len__(self) -> int:
        return self._n

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        if "arrow" in self.__dict__:
            return list(self.arrow.column_names)
        return [str(name) for name in self.frame.columns]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The table in pandas."""
        import pandas as pd

        if not self.arrow.num_columns:
            return pd.DataFrame(index=pd.RangeIndex(self._n))
        frame: pd.DataFrame = self.arrow.to_pandas()
        return frame

    @cached_property
    def arrow(self) -> pa.Table:
        """The table in Arrow."""
        import pyarrow as pa

        return pa.Table.from_pandas(self.frame, preserve_index=False)

    def values(self, column: str) -> list[Any]:
        """All values of a column, as Python objects; None where one is missing."""
        if "arrow" in self.__dict__:
            found: list[Any] = self.arrow.column(column).to_pylist()
            return found
        return self.take(column, np.arange(self._n))

    def only(self, names: Sequence[str]) -> ItemTable:
        """The same items with these columns.

        Raises:
            ArgumentError: there is no such column; says which there are.
        """
        for name in names:
            if name not in self.columns:
                have = ", ".join(self.columns) or "none"
                raise ArgumentError(f"show must be a column of the items ({have}), not {name!r}")
        return ItemTable(self._n, arrow=self.arrow.select(list(names)))

    def take(self, column: str, rows: npt.NDArray[Any]) -> list[Any]:
        """The values of a column in some rows, as Python objects; None where one is missing."""
        if "arrow" in self.__dict__:
            # One by one: giving Arrow an array of rows makes it import pandas.
            values = self.arrow.column(column)
            return [values[row].as_py() for row in rows.tolist()]
        import pandas as pd

        taken = self.frame[column].array.take(rows)
        return [
            None if missing else one for one, missing in zip(taken, pd.isna(taken), strict=True)
        ]

    @cached_property
    def titles(self) -> list[str | None] | None:
        """Title by row, None where one is missing; None where there are no titles."""
        if "title" not in self.columns or not self._n:
            return None
        if "arrow" in self.__dict__:
            found = self.arrow.column("title").to_pylist()
        else:
            found = self.frame["title"].tolist()
        return [one if isinstance(one, str) else None for one in found]
