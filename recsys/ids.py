"""External ids at the border, row numbers inside."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recsys.errors import UnknownIdError

if TYPE_CHECKING:
    import pandas as pd

IdArray = npt.NDArray[Any]
Ids = npt.ArrayLike | Sequence[object]


class IdIndex:
    """An immutable map between external ids and row numbers 0 .. n−1, in increasing id order.

    Integer ids are int64; everything else is a string. The order depends on the ids alone, so the
    same data in another file order gives the same rows.

    >>> index = IdIndex([30, 10, 20])
    >>> index.ids
    array([10, 20, 30])
    >>> index.rows([20, 30])
    array([1, 2])
    """

    def __init__(self, ids: npt.ArrayLike, kind: str = "item") -> None:
        values = as_id_array(ids, kind)
        unique = np.unique(values)
        if len(unique) != len(values):
            raise ValueError(f"{kind} ids must be unique: {len(values) - len(unique)} repeat")
        unique.flags.writeable = False
        self.ids: IdArray = unique
        """(n,) int64 or object array of str, increasing."""
        self.kind = kind
        """What a row is ("user", "item"): the word used in messages."""

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"IdIndex({len(self)} {self.kind}s)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IdIndex) and np.array_equal(self.ids, other.ids)

    __hash__ = None  # type: ignore[assignment]  # compared by value

    @property
    def is_integer(self) -> bool:
        """Whether the ids are integers (otherwise strings)."""
        return self.ids.dtype.kind == "i"

    @cached_property
    def _pandas(self) -> pd.Index:
        import pandas as pd

        return pd.Index(self.ids)

    def find(self, ids: Ids) -> npt.NDArray[np.int64]:
        """Row numbers of `ids`, −1 for an id that is not there."""
        try:
            wanted = as_id_array(ids, self.kind)
        except ValueError:
            wanted = np.asarray(ids, dtype=object)
        if len(wanted) and (wanted.dtype.kind == "i") != self.is_integer:
            return np.full(len(wanted), -1, np.int64)
        if len(wanted) <= 16:  # a hash table of all ids would cost more than a few bisections
            rows = np.searchsorted(self.ids, wanted)
            rows[rows == len(self)] = 0
            return np.where(self.ids[rows] == wanted, rows, -1) if len(self) else rows - 1
        return np.asarray(self._pandas.get_indexer(pd_index(wanted)), dtype=np.int64)

    def rows(self, ids: Ids) -> npt.NDArray[np.int64]:
        """Row numbers of `ids`; an id that is not there raises UnknownIdError."""
        rows = self.find(ids)
        missing = np.flatnonzero(rows < 0)
        if len(missing):
            raise self.unknown(np.atleast_1d(np.asarray(ids, dtype=object))[missing[0]])
        return rows

    def row(self, one_id: object) -> int:
        """Row number of one id; an id that is not there raises UnknownIdError."""
        return int(self.rows([one_id])[0])

    def parse(self, text: str) -> int | str:
        """The id that `text` from a command line or a URL stands for, in this index's type."""
        if not self.is_integer:
            return text
        try:
            return int(text)
        except ValueError:
            raise self.unknown(text) from None

    def name(self, row: int) -> str:
        """The row's id as messages show it: 196, 'u196'."""
        return shown(self.ids[row])

    def unknown(self, one_id: object) -> UnknownIdError:
        """The error for an id that is not there, with what might have been meant."""
        said = f"{self.kind} {shown(one_id)} is not in the data"
        if not len(self):
            return UnknownIdError(f"{said}, which holds no {self.kind}s")
        if self.is_integer:
            kinds = "" if isinstance(one_id, int | np.integer) else " whole numbers"
            return UnknownIdError(
                f"{said}: {len(self)} {self.kind} ids,{kinds} from {self.ids[0]} to {self.ids[-1]}"
            )
        close = difflib.get_close_matches(str(one_id), map(str, self.ids[:50_000]), n=3)
        hint = (
            f"did you mean {', '.join(map(repr, close))}?"
            if close
            else (f"ids look like {self.ids[0]!r}")
        )
        return UnknownIdError(f"{said}; {hint}")


def shown(value: object) -> str:
    """A value as messages show it, without NumPy's type around it.

    >>> shown(np.int64(196)), shown("u196")
    ('196', "'u196'")
    """
    return repr(value.item() if isinstance(value, np.generic) else value)


def pd_index(ids: IdArray) -> pd.Index:
    """A pandas index over an id array."""
    import pandas as pd

    return pd.Index(ids)


def as_id_array(ids: Ids, kind: str = "item") -> IdArray:
    """Ids as one flat array: int64 where all are integers, else an object array of str.

    Booleans, fractions and missing values are no ids and raise ValueError.
    """
    values = np.asarray(ids)
    if values.ndim != 1:
        raise ValueError(f"{kind} ids must be a flat sequence, not {values.ndim}-dimensional")
    if values.dtype.kind == "u" and values.size and values.max() > np.iinfo(np.int64).max:
        raise ValueError(f"{kind} id {values.max()} does not fit a 64-bit integer")
    if values.dtype.kind in "iu":
        return values.astype(np.int64, copy=False)
    if not len(values):
        return values.astype(np.int64)
    if values.dtype.kind == "f":
        if not np.all(np.isfinite(values)) or np.any(values != np.floor(values)):
            bad = values[~(np.isfinite(values) & (values == np.floor(values)))][0]
            raise ValueError(f"{kind} id {bad} is not a whole number")
        return values.astype(np.int64)
    if values.dtype.kind in "US":
        return values.astype(str).astype(object)
    items = values.tolist()
    if all(isinstance(v, int) and not isinstance(v, bool) for v in items):
        return np.array(items, dtype=np.int64)
    for v in items:
        if v is None or isinstance(v, bool) or (isinstance(v, float) and v != v):
            raise ValueError(f"{kind} id {v!r} is missing or not an id")
    return np.array([str(v) for v in items], dtype=object)
