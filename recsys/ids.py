"""`IdIndex` maps external ids, which people use, to row numbers, which arrays use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from recsys.errors import ArgumentError, UnknownIdError
from recsys.immutable import Immutable
from recsys.visible import brief, writable

WHOLE_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}")
"""A whole number in the only spelling that survives a round trip through int."""

_WHOLE_FLOAT = re.compile(r"(0|-?[1-9][0-9]{0,18})(?:\.0+)?")
_TOO_LARGE = 2**63
LARGEST_EXACT = 2**53
"""The whole number up to which a double, and so JSON, has every one."""
_SEARCHED = 200_000  # ids that are compared with an unknown one, for a hint
_COMPARED = 200  # characters of that one that are compared

IdArray = npt.NDArray[Any]
Ids = npt.ArrayLike | Sequence[object]


class IdIndex(Immutable):
    """An immutable map between external ids and row numbers 0 .. n−1, in increasing order of ids.

    Integer ids are int64, all others are strings (integers beyond int64, too). The row numbers
    depend on the ids alone, so the same data in another order have the same rows.

    >>> index = IdIndex([30, 10, 20])
    >>> index.ids
    array([10, 20, 30])
    >>> index.rows([20, 30])
    array([1, 2])
    """

    def __init__(self, ids: npt.ArrayLike, kind: str = "item") -> None:
        values = as_id_array(ids, kind)
        # np.unique takes a hundred times as long where numbers are nearly in order, and imports
        # numpy.ma, which takes 20 ms. Ids from a file are in order.
        ordered = bool((values[:-1] < values[1:]).all())
        unique = values.copy() if ordered else np.sort(values)
        n_repeats = 0 if ordered else int((unique[1:] == unique[:-1]).sum())
        if n_repeats:
            raise ArgumentError(f"{kind} ids must be unique: {n_repeats} repeat")
        unique.flags.writeable = False
        self.ids: IdArray = unique
        """(n,) int64 or object array of str, increasing."""
        self.kind = kind
        """What a row stands for ("user", "item"), for messages."""

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"IdIndex({len(self)} {self.kind}s)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IdIndex) and np.array_equal(self.ids, other.ids)

    __hash__ = None  # type: ignore[assignment]  # it is compared by value

    @property
    def is_integer(self) -> bool:
        """Whether the ids are integers (otherwise strings)."""
        return self.ids.dtype.kind == "i"

    @cached_property
    def _pandas(self) -> Any:
        import pandas as pd

        return pd.Index(self.ids)

    def find(self, ids: Ids) -> npt.NDArray[np.int64]:
        """Row numbers (int64) of `ids`; −1 for an id that is not in the index.

        The number 7 and the text "7" are the same id; "007" and "7.0" are others.
        """
        try:
            wanted = as_id_array(ids, self.kind)
        except ValueError:
            # A value that cannot be an id must not hide the others.
            each = _one_by_one(ids)
            if len(each) < 2:
                return np.full(len(each), -1, np.int64)
            return np.concatenate([self.find([one]) for one in each])
        if not len(self) or not len(wanted):
            return np.full(len(wanted), -1, np.int64)
        if (wanted.dtype.kind == "i") != self.is_integer:
            return self._find_other_kind(wanted)
        # Building a hash table would cost more than a few bisections, of numbers than many.
        if len(wanted) <= (1024 if self.is_integer else 16):
            rows = np.searchsorted(self.ids, wanted)
            rows[rows == len(self)] = 0
            return np.where(self.ids[rows] == wanted, rows, -1)
        return np.asarray(self._pandas.get_indexer(wanted), dtype=np.int64)

    def _find_other_kind(self, wanted: IdArray) -> npt.NDArray[np.int64]:
        # Numbers as text, or text that spells numbers: equal spellings are equal ids.
        if not self.is_integer:
            return self.find(np.array([str(number) for number in wanted.tolist()], dtype=object))
        numbers = [_canonical(text) for text in wanted.tolist()]
        rows = np.full(len(wanted), -1, np.int64)
        at = [i for i, number in enumerate(numbers) if number is not None]
        rows[at] = self.find(np.array([numbers[i] for i in at], dtype=np.int64))
        return rows

    def rows(self, ids: Ids) -> npt.NDArray[np.int64]:
        """Row numbers (int64) of `ids`.

        Raises:
            UnknownIdError: an id is not in the index.
        """
        rows = self.find(ids)
        missing = np.flatnonzero(rows < 0)
        if len(missing):
            raise self.unknown(_one_by_one(ids)[missing[0]])
        return rows

    def row(self, one_id: object) -> int:
        """Row number of one id.

        Raises:
            UnknownIdError: it is not in the index.
        """
        if type(one_id) is int and self.is_integer and _fits(one_id):
            ids = self.ids
            at = int(ids.searchsorted(one_id))  # without the checks of an array
            if at < ids.size and ids[at] == one_id:
                return at
        return int(self.rows([one_id])[0])

    def parse(self, text: str) -> int | str:
        """The id that a text from a command line or URL stands for, in the type of this index.

        Raises:
            UnknownIdError: the ids are integers, and the text is not a whole number.
        """
        if not self.is_integer:
            return text
        number = _canonical(text)
        if number is None:
            raise self.unknown(text)
        return number

    def name(self, row: int) -> str:
        """The id of a row as messages show it: 196, 'u196'."""
        return shown(self.ids[row])

    def unknown(self, one_id: object) -> UnknownIdError:
        """The error for an id that is not in the index, with the most similar ids."""
        said = f"{self.kind} {shown(one_id)} is not in the data"
        if not len(self):
            return UnknownIdError(f"{said}, which holds no {self.kind}s")
        if self.is_integer:
            kinds = "" if isinstance(one_id, int | np.integer) else " whole numbers"
            return UnknownIdError(
                f"{said}: {len(self)} {self.kind} ids,{kinds} from {self.ids[0]} to {self.ids[-1]}"
            )
        from rapidfuzz import fuzz, process  # only for this message

        word, known = str(one_id)[:_COMPARED], self.ids[:_SEARCHED]
        close = process.extract(word, known, scorer=fuzz.ratio, score_cutoff=60, limit=3)
        hint = f"ids look like {self.ids[0]!r}"
        if close:
            hint = f"did you mean {', '.join(repr(found) for found, *_ in close)}?"
        return UnknownIdError(f"{said}; {hint}")


def shown(value: object, most: int = 100) -> str:
    """A value as messages show it: without its NumPy type, and of a long one the beginning.

    >>> shown(np.int64(196)), shown("u196"), shown("a" * 1000, most=5)
    ('196', "'u196'", "'aaaaa...'")
    """
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, str) and len(plain) > most:
        plain = f"{plain[:most]}..."
    return repr(plain) if isinstance(plain, str) else brief(plain)


def in_json(value: Any) -> Any:
    """The value as JSON holds it: whole numbers beyond 2⁵³ become text.

    Most readers of JSON keep numbers as doubles, and would round such an id to another one.

    >>> in_json(9007199254740993), in_json(7), in_json("u1")
    ('9007199254740993', 7, 'u1')
    """
    large = type(value) is int and abs(value) > LARGEST_EXACT
    return str(value) if large else value


def several(ids: Any) -> Sequence[object]:
    """Ids as a sequence; a single id becomes a sequence of one.

    >>> several(196), several("u1"), several([1, 2])
    ([196], ['u1'], [1, 2])
    """
    alone = isinstance(ids, str | bytes) or not hasattr(ids, "__len__")
    alone = alone or getattr(ids, "ndim", 1) == 0
    return [ids] if alone else ids


def as_id_array(ids: Ids, kind: str = "item") -> IdArray:
    """Ids as a flat array: int64 if all are whole numbers, otherwise an object array of str.

    Whole floats (from a column that once contained NaN) are whole numbers. Integers that do not
    fit int64 make all ids text.

    Raises:
        ArgumentError: a value is a boolean, a fraction, missing, or neither a number nor text.
    """
    # NumPy's own strings lose a trailing NUL.
    texts = isinstance(ids, list | tuple) and any(isinstance(one, str) for one in ids)
    try:
        values = np.asarray(ids, dtype=object if texts else None)
    except ValueError:  # ragged
        values = np.asarray(ids, dtype=object)
    if values.ndim != 1:
        raise ArgumentError(f"{kind} ids must be a flat sequence, not {values.ndim}-dimensional")
    if values.dtype.kind in "iuf" or not len(values):
        if values.dtype.kind == "u" and len(values) and int(values.max()) >= _TOO_LARGE:
            return np.array([str(number) for number in values.tolist()], dtype=object)
        return _whole(values, kind)
    if values.dtype.kind == "U":
        values = values.astype(object)
    if values.dtype.kind != "O":
        raise ArgumentError(f"{kind} id {shown(values[0])} is neither a whole number nor text")
    items = [v.item() if isinstance(v, np.generic) else v for v in values.tolist()]
    for v in items:
        _check_id(v, kind)
    if any(isinstance(v, str) for v in items):
        return np.array([v if isinstance(v, str) else str(int(v)) for v in items], dtype=object)
    numbers = [int(v) for v in items]
    if not all(map(_fits, numbers)):
        inexact = [v for v in items if isinstance(v, float) and not _fits(int(v))]
        if inexact:
            raise ArgumentError(f"{kind} id {inexact[0]} does not fit a 64-bit integer")
        return np.array([str(number) for number in numbers], dtype=object)
    return np.array(numbers, dtype=np.int64)


def _fits(number: int) -> bool:
    return -_TOO_LARGE <= number < _TOO_LARGE


def _canonical(text: str) -> int | None:
    # The int64 that a text spells in the only way that counts; None if it spells none.
    if text.isascii() and text.isdigit() and text[0] != "0" and len(text) < 19:
        return int(text)  # what most ids look like, which all fit
    if "." in text or not _WHOLE_FLOAT.fullmatch(text):
        return None
    return int(text) if _fits(int(text)) else None


def _check_id(value: Any, kind: str) -> None:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        # pandas has missing values that compare with nothing.
        missing = value is None or type(value).__name__ in ("NAType", "NaTType")
        what = "missing" if missing else "neither a whole number nor text"
        raise ArgumentError(f"{kind} id {shown(value)} is {what}")
    if value != value or value == "":
        raise ArgumentError(f"{kind} id {shown(value)} is missing")
    if isinstance(value, str) and writable(value) != value:
        raise ArgumentError(
            f"{kind} id {shown(value)} has half of a surrogate pair, so it is not valid text"
        )
    if isinstance(value, float | Decimal) and value != value // 1:
        raise ArgumentError(f"{kind} id {value} is not a whole number")


def _one_by_one(ids: Ids) -> list[object]:
    return list(cast("Sequence[object]", ids))


def numbers_in_text(texts: Sequence[str]) -> IdArray | None:
    """The whole numbers in these texts ("7", "7.0"); None if one is not a whole number.

    Digits with a leading zero are text: "007" is not 7. So are numbers beyond int64, and "-0".

    >>> numbers_in_text(["7", "12.0"]), numbers_in_text(["7", "007"])
    (array([ 7, 12]), None)
    """
    numbers = np.empty(len(texts), dtype=np.int64)
    for i, text in enumerate(texts):
        found = _WHOLE_FLOAT.fullmatch(text)
        if not found or not _fits(number := int(found[1])):
            return None
        numbers[i] = number
    return numbers


def _whole(values: npt.NDArray[Any], kind: str) -> IdArray:
    if values.dtype.kind == "f":
        bad = ~np.isfinite(values) | (values != np.floor(values))
        if bad.any():
            raise ArgumentError(f"{kind} id {values[bad][0]} is not a whole number")
        if len(values) and float(np.abs(values).max()) >= _TOO_LARGE:
            raise ArgumentError(f"{kind} id {np.abs(values).max()} does not fit a 64-bit integer")
    return values.astype(np.int64, copy=False)
