"""External ids at the border, row numbers inside."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from recsys.errors import ArgumentError, UnknownIdError

WHOLE_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
"""A whole number as text, written the one way that leads back to the same text."""

_TOO_LARGE = 2**63

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
            raise ArgumentError(f"{kind} ids must be unique: {len(values) - len(unique)} repeat")
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
    def _pandas(self) -> Any:
        import pandas as pd

        return pd.Index(self.ids)

    def find(self, ids: Ids) -> npt.NDArray[np.int64]:
        """Row numbers of `ids`, −1 for an id that is not there."""
        try:
            wanted = as_id_array(ids, self.kind)
        except ValueError:
            # One of them is no id at all; the others may still be found.
            each = _one_by_one(ids)
            if len(each) == 1:
                return np.array([-1])
            return np.concatenate([self.find([one]) for one in each])
        if not len(self) or (len(wanted) and (wanted.dtype.kind == "i") != self.is_integer):
            return np.full(len(wanted), -1, np.int64)
        if len(wanted) <= 16:  # a hash table of all ids would cost more than a few bisections
            rows = np.searchsorted(self.ids, wanted)
            rows[rows == len(self)] = 0
            return np.where(self.ids[rows] == wanted, rows, -1)
        return np.asarray(self._pandas.get_indexer(wanted), dtype=np.int64)

    def rows(self, ids: Ids) -> npt.NDArray[np.int64]:
        """Row numbers of `ids`; an id that is not there raises UnknownIdError."""
        rows = self.find(ids)
        missing = np.flatnonzero(rows < 0)
        if len(missing):
            raise self.unknown(_one_by_one(ids)[missing[0]])
        return rows

    def row(self, one_id: object) -> int:
        """Row number of one id; an id that is not there raises UnknownIdError."""
        return int(self.rows([one_id])[0])

    def parse(self, text: str) -> int | str:
        """The id that `text` from a command line or a URL stands for, in this index's type."""
        if not self.is_integer:
            return text
        if not WHOLE_NUMBER.fullmatch(text):
            raise self.unknown(text)
        return int(text)

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


def several(ids: Any) -> Sequence[object]:
    """Ids as a sequence: one id alone is a sequence of one.

    >>> several(196), several("u1"), several([1, 2])
    ([196], ['u1'], [1, 2])
    """
    alone = isinstance(ids, str | bytes) or not hasattr(ids, "__len__")
    alone = alone or getattr(ids, "ndim", 1) == 0
    return [ids] if alone else ids


def as_id_array(ids: Ids, kind: str = "item") -> IdArray:
    """Ids as one flat array: int64 where all are whole numbers, else an object array of str.

    Whole floats (a column that once held NaN) are whole numbers. Booleans, fractions, missing
    values and anything that is neither a number nor text are no ids and raise ArgumentError.
    """
    try:
        values = np.asarray(ids)
    except ValueError:  # ragged
        values = np.asarray(ids, dtype=object)
    if values.ndim != 1:
        raise ArgumentError(f"{kind} ids must be a flat sequence, not {values.ndim}-dimensional")
    if values.dtype.kind in "iuf" or not len(values):
        return _whole(values, kind)
    if values.dtype.kind == "U":
        values = values.astype(object)
    if values.dtype.kind != "O":
        raise ArgumentError(f"{kind} id {shown(values[0])} is neither a whole number nor text")
    items = [v.item() if isinstance(v, np.generic) else v for v in values.tolist()]
    for v in items:
        if v is None or v != v or v == "":
            raise ArgumentError(f"{kind} id {v!r} is missing")
        if isinstance(v, bool) or not isinstance(v, str | int | float | Decimal):
            raise ArgumentError(f"{kind} id {v!r} is neither a whole number nor text")
        if isinstance(v, float | Decimal) and v != v // 1:
            raise ArgumentError(f"{kind} id {v} is not a whole number")
    if any(isinstance(v, str) for v in items):
        return np.array([v if isinstance(v, str) else str(int(v)) for v in items], dtype=object)
    numbers = [int(v) for v in items]
    largest = max(numbers, key=abs)
    if abs(largest) >= _TOO_LARGE:
        raise ArgumentError(f"{kind} id {largest} does not fit a 64-bit integer")
    return np.array(numbers, dtype=np.int64)


def _one_by_one(ids: Ids) -> list[object]:
    return list(cast("Sequence[object]", ids))


def numbers_in_text(texts: Sequence[str]) -> IdArray | None:
    """The whole numbers that all of these texts are ("7", "7.0"), or None where one is not.

    Digits behind a leading zero are text: "007" is not 7.

    >>> numbers_in_text(["7", "12.0"]), numbers_in_text(["7", "007"])
    (array([ 7, 12]), None)
    """
    found = [WHOLE_NUMBER.fullmatch(text.split(".")[0]) for text in texts]
    tails = [text.partition(".")[2] for text in texts]
    if not all(found) or any(tail.strip("0") for tail in tails):
        return None
    return np.array([int(text.split(".")[0]) for text in texts], dtype=np.int64)


def _whole(values: npt.NDArray[Any], kind: str) -> IdArray:
    if values.dtype.kind == "f":
        bad = ~np.isfinite(values) | (values != np.floor(values))
        if bad.any():
            raise ArgumentError(f"{kind} id {values[bad][0]} is not a whole number")
    if values.dtype.kind in "uf" and len(values) and float(np.abs(values).max()) >= _TOO_LARGE:
        raise ArgumentError(f"{kind} id {np.abs(values).max()} does not fit a 64-bit integer")
    return values.astype(np.int64, copy=False)
