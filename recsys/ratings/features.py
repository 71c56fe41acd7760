"""What is known of items or users, as a sparse matrix of features.

A table has one row per item or user. Each of its columns becomes a block of features: a value or a
set of values one 0/1 feature each, a number the weights of the two knots it lies between. Products
of two features that occur together often enough are features, too: a comedy of the eighties is
more than a comedy and a movie of the eighties. What was learned of a table (values, knots, pairs)
codes other tables the same way, so that an item can be described after the training.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from recsys.csr import with_ones
from recsys.errors import ArgumentError, DataError
from recsys.lazy import sp
from recsys.ratings.columns import plain
from recsys.settings import near

if TYPE_CHECKING:
    # A model that only answers questions need not import pandas.
    import pandas as pd

Kind = Literal["set", "category", "number"]
"""How a column is coded."""

LEAST = 5
"""Rows that a value must have; fewer say next to nothing."""
MOST = 200
"""Values of one column that become features, the most frequent first."""
MOST_PAIRS = 1000
"""Products of two features, the most frequent first."""
_COVERED = 0.5  # share of the rows with one of these values, below which text is no category
_QUANTILES = np.linspace(0, 1, 6)
_FEW = 10  # different numbers up to which each is a knot
_DECADE = 10
_NOTHING = ("", "(no genres listed)")
_FROM_RATINGS = (
    "rating", "itemrating", "itemscore", "score", "averagerating", "avgrating", "meanrating",
    "nratings", "numratings", "ratingcount", "ratingscount", "votes", "votecount", "voteaverage",
    "popularity", "members", "favorites", "rank", "itemrank",
)  # fmt: skip
"""Columns that count or average opinions. They may hold those that a test holds out, so they are
used only where they are named."""


@dataclass(frozen=True)
class Column:
    """How one column of a table becomes features."""

    name: str
    kind: Kind
    values: tuple[str, ...] | tuple[float, ...]
    """Texts, or increasing knots of numbers. Each has one feature."""
    separator: str = ""
    """Between the values of a set in one text."""

    @property
    def features(self) -> list[str]:
        """Names of the features: the values, and for numbers that the value is missing."""
        if self.kind != "number":
            return [f"{self.name}={value}" for value in self.values]
        return [*(f"{self.name}~{value:g}" for value in self.values), f"{self.name} unknown"]

    def coded(self, cells: pd.Series[Any]) -> sp.csr_matrix:
        """(n, d) the features of some cells; 0 for values that were not there to learn from."""
        return self._numbers(cells) if self.kind == "number" else self._texts(cells)

    def _texts(self, cells: pd.Series[Any]) -> sp.csr_matrix:
        at = {value: column for column, value in enumerate(self.values)}
        found = [
            sorted({at[part] for part in parts if part in at})
            for parts in _parted(cells, self.kind, self.separator)
        ]
        starts = np.cumsum([0, *map(len, found)])
        columns = np.array([column for row in found for column in row], np.int32)
        ones = np.ones(len(columns), np.float32)
        return sp.csr_matrix((ones, columns, starts), shape=(len(found), len(at)))

    def _numbers(self, cells: pd.Series[Any]) -> sp.csr_matrix:
        # Linear interpolation: the weights of the knots on both sides, which add up to 1.
        knots = np.array(self.values, np.float64)
        numbers = _as_numbers(cells)
        known = np.flatnonzero(np.isfinite(numbers))
        coded = np.zeros((len(numbers), len(knots) + 1), np.float32)
        coded[~np.isfinite(numbers), -1] = 1
        inside = numbers[known].clip(knots[0], knots[-1])
        left = np.searchsorted(knots, inside, side="right").clip(1, len(knots) - 1) - 1
        share = (inside - knots[left]) / (knots[left + 1] - knots[left])
        coded[known, left], coded[known, left + 1] = 1 - share, share
        return sp.csr_matrix(coded)


@dataclass(frozen=True)
class Coding:
    """How a table becomes features."""

    columns: tuple[Column, ...]
    left_out: Mapping[str, str]
    """Column → why it has no features."""
    pairs: tuple[tuple[int, int], ...] = ()
    """Numbers of the features whose products are features."""

    @classmethod
    def of(cls, table: pd.DataFrame, names: Iterable[str] | None = None) -> Coding:
        """What there is to learn from a table.

        Args:
            table: a row per item or user.
            names: the columns to use; None for all that are not titles, ids, or counts and averages
                of opinions.

        Raises:
            ArgumentError: there is no such column.
            DataError: a column that was named has no value often enough.
        """
        named = None if names is None else list(dict.fromkeys(names))
        for name in named or []:
            if name not in table.columns:
                have = list(map(str, table.columns))
                raise ArgumentError(
                    f"features: no column {name!r}{near(name, have)}; there are "
                    f"{', '.join(have) or 'none'}"
                )
        columns: list[Column] = []
        left_out: dict[str, str] = {}
        for name in table.columns if named is None else named:
            why = _unfit(str(name)) if named is None else ""
            found = why or _learned(str(name), table[name])
            if isinstance(found, Column):
                columns.append(found)
                continue
            if named is not None:
                raise DataError(f"features: the column {name!r} cannot be used: {found}")
            left_out[str(name)] = found
        alone = cls(tuple(columns), left_out)
        return cls(tuple(columns), left_out, _pairs(alone.coded(table)))

    @property
    def features(self) -> list[str]:
        """Names of the features."""
        names = [name for column in self.columns for name in column.features]
        return names + [f"{names[a]} & {names[b]}" for a, b in self.pairs]

    def coded(self, table: pd.DataFrame) -> sp.csr_matrix:
        """(n, d) float32 the features of a table.

        A column that the table lacks is unknown in every row.
        """
        import pandas as pd

        unknown = pd.Series([None] * len(table), dtype=object)
        blocks = [column.coded(table.get(column.name, unknown)) for column in self.columns]
        if not blocks:
            return sp.csr_matrix(np.zeros((len(table), 0), np.float32))
        alone = sp.hstack(blocks, format="csc", dtype=np.float32)
        if not self.pairs:
            return sp.csr_matrix(alone)
        first, second = np.array(self.pairs).T
        products = alone[:, first].multiply(alone[:, second])
        return sp.csr_matrix(sp.hstack([alone, products], format="csr", dtype=np.float32))

    def described(self) -> dict[str, str]:
        """What was made of each column, in words."""
        words = {"set": "{} values, several in a row", "category": "{} values",
                 "number": "a number, by {} knots"}  # fmt: skip
        used = {one.name: words[one.kind].format(len(one.values)) for one in self.columns}
        return used | {name: f"left out: {why}" for name, why in self.left_out.items()}

    def __str__(self) -> str:
        used = {column.name for column in self.columns}
        words = self.described().items()
        parts = [f"{name} ({how})" for name, how in words if name in used]
        parts += [f"{name} {how}" for name, how in words if name not in used]
        return ", ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        columns = [vars(column) | {"values": list(column.values)} for column in self.columns]
        pairs = [list(pair) for pair in self.pairs]
        return {"columns": columns, "left_out": dict(self.left_out), "pairs": pairs}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Coding:
        """The coding that `to_dict` described.

        Raises:
            ValueError: it is damaged.
        """
        columns, pairs = saved.get("columns"), saved.get("pairs")
        if not isinstance(columns, list) or not isinstance(pairs, list):
            raise ValueError("features must have columns and pairs")
        alone = cls(tuple(map(_column, columns)), dict(saved.get("left_out", {})))
        n = len(alone.features)
        for pair in pairs:
            fits = isinstance(pair, list) and len(pair) == 2 and all(type(x) is int for x in pair)
            if not fits or not 0 <= min(pair) <= max(pair) < n:
                raise ValueError(f"a pair of features must be two of {n}, not {pair!r}")
        return cls(alone.columns, alone.left_out, tuple((a, b) for a, b in pairs))


def _pairs(alone: sp.csr_matrix) -> tuple[tuple[int, int], ...]:
    # The pairs of features that are in at least `LEAST` rows together, most frequent first.
    there = with_ones(alone, np.int64)
    together = sp.coo_matrix(sp.triu(there.T @ there, k=1))
    often = np.flatnonzero(together.data >= LEAST)
    order = np.lexsort((together.col[often], together.row[often], -together.data[often]))
    kept = np.sort(often[order[:MOST_PAIRS]])
    return tuple(zip(together.row[kept].tolist(), together.col[kept].tolist(), strict=True))


def _column(saved: Any) -> Column:
    if not isinstance(saved, Mapping) or set(saved) != set(Column.__dataclass_fields__):
        raise ValueError("a column of features must have name, kind, values and separator")
    name, kind, values = saved["name"], saved["kind"], saved["values"]
    number = kind == "number"
    fits = isinstance(values, list) and all(
        isinstance(value, int | float) if number else isinstance(value, str) for value in values
    )
    if not (fits and isinstance(name, str) and kind in get_args(Kind)):
        raise ValueError(f"the column of features {name!r} is not one")
    increase = number and len(values) > 1 and np.all(np.diff(values) > 0)
    if number and not (increase and np.isfinite(values).all()):
        raise ValueError(f"the knots of {name!r} must increase")
    return Column(name, kind, tuple(values), str(saved["separator"]))


def _unfit(name: str) -> str:
    # Why a column is not used unless it is named; "" if nothing speaks against it.
    if plain(name) in ("title", "name", "originaltitle"):
        return "a title"
    if plain(name).endswith("id"):
        return "an id"
    counts = plain(name) in _FROM_RATINGS
    return "it counts or averages opinions; name it to use it" if counts else ""


def _learned(name: str, cells: pd.Series[Any]) -> Column | str:
    # The column, or why it has no features.
    if name != "genres" and _is_number(cells):
        return _learned_number(name, cells)
    import pandas as pd

    separator = _separator(cells)
    tried: list[tuple[Kind, str]] = [("category", ""), ("set", separator)]
    if name == "genres" or any(isinstance(cell, list | tuple | np.ndarray) for cell in cells):
        tried = [("set", separator)]
    why = "no values"
    for kind, between in tried:
        if kind == "set" and not between:
            continue
        parts = _parted(cells, kind, between)
        counts = pd.Series([part for row in parts for part in row], dtype=object).value_counts()
        kept = counts[counts >= LEAST][:MOST]
        often = set(kept.index)
        n_known = sum(bool(row) for row in parts)
        covered = sum(any(part in often for part in row) for row in parts)
        if not n_known:
            return why
        if covered < _COVERED * n_known:
            why = f"{len(counts):,} different values, most of them rare"
        elif len(kept) == 1 and covered == len(parts):
            why = "always the same"
        else:
            return Column(name, kind, tuple(sorted(map(str, kept.index))), between)
    return why


def _learned_number(name: str, cells: pd.Series[Any]) -> Column | str:
    numbers = _as_numbers(cells)
    numbers = numbers[np.isfinite(numbers)]
    different = np.unique(numbers)
    if len(different) < 2:
        return "always the same" if len(different) else "no values"
    if len(different) <= _FEW:
        knots = different
    elif plain(name) == "year":
        low, high = (np.quantile(numbers, [0.01, 0.99]) // _DECADE).astype(int)
        knots = np.arange(low, high + 2, dtype=np.float64) * _DECADE
    else:
        knots = np.unique(np.quantile(numbers, _QUANTILES))
    if len(knots) < 2:
        return "almost always the same"
    return Column(name, "number", tuple(knots.tolist()))


def _is_number(cells: pd.Series[Any]) -> bool:
    import pandas as pd

    return pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells)


def _as_numbers(cells: pd.Series[Any]) -> npt.NDArray[np.float64]:
    from recsys.ratings.numeric import numbers_in  # which imports pandas

    numbers = numbers_in(cells)
    return np.asarray(numbers.to_numpy(dtype=np.float64, na_value=np.nan))


def _separator(cells: pd.Series[Any]) -> str:
    # Between the values of a set in one text; "" where texts are single values.
    texts = [cell for cell in cells if isinstance(cell, str)]
    return next((one for one in "|,;" if any(one in text for text in texts)), "|")


def _parted(cells: Iterable[Any], kind: Kind, separator: str) -> list[list[str]]:
    # The values of each row.
    import pandas as pd

    def values(cell: Any) -> list[str]:
        if isinstance(cell, list | tuple | np.ndarray):
            found: Sequence[str] = [str(part) for part in cell if part is not None]
        elif cell is None or pd.isna(cell):
            return []
        else:
            found = str(cell).split(separator) if kind == "set" else [str(cell)]
        return [part for part in map(str.strip, found) if part not in _NOTHING]

    return [values(cell) for cell in cells]
