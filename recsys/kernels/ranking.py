"""`top_k`: the best items for many queries, without ever storing the scores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.errors import ArgumentError
from recsys.kernels.native import (
    FloatArray,
    Integers,
    checked_csr,
    float32,
    instruction_set,
    native,
    thread_count,
    variant,
)


@dataclass(frozen=True)
class Screen:
    """Packed items in 8 bits: a question alone reads these, and few items as they are."""

    panels: npt.NDArray[np.int32]
    """(n_panels, ⌈f / 4⌉ + 3, items of a panel), flat. A word has four factors in steps of their
    item, the first in its lowest bits. The last three lines of a panel are floats: the bias,
    rounded up; the step, which is the largest factor over 127; the length of what the levels leave
    out, and of what rounding can make of it."""
    rows: FloatArray
    """(n_items, f) the items as they are."""


@dataclass(frozen=True, eq=False)
class PackedItems:
    """A copy of the factors of the items to choose from, in the order in which `top_k` reads it."""

    n_items: int
    width: int
    candidates: npt.NDArray[np.int32]
    """Item numbers, longest factors first."""
    factors: FloatArray
    """Panels of items, coordinate by coordinate: (n_panels, f, items of a panel), flat."""
    bias: FloatArray
    """(n_panels × items of a panel,)"""
    most_norm: FloatArray
    """(n_panels,) longest factors among the items of a panel and all after it, rounded up."""
    most_bias: FloatArray
    """(n_panels,) their largest bias, rounded up."""
    isa: str
    """The instruction set that reads panels of this size."""
    screen: Screen | None = None
    """Used by a question alone, with the same answer; see `screened`."""

    @cached_property
    def native(self) -> Any:
        """The same for the compiled code, which points into these arrays."""
        own = self.factors, self.bias, self.most_norm, self.most_bias, self.candidates
        screen = (None, None) if self.screen is None else (self.screen.panels, self.screen.rows)
        return native.packed_items(variant(self.isa).number, *own, self.width, *screen)

    def __getstate__(self) -> dict[str, Any]:
        # What points into memory goes to no other process.
        return {name: value for name, value in vars(self).items() if name != "native"}


def packed_items(
    item_factors: FloatArray,
    *,
    item_bias: FloatArray | None = None,
    candidates: Integers | None = None,
) -> PackedItems:
    """The items for `top_k`; worth keeping where several questions are asked.

    Args:
        item_factors: (n_items, f) float32.
        item_bias: (n_items,) float32 or None.
        candidates: increasing item numbers to choose from; None for all.

    Raises:
        ArgumentError: the candidates do not increase or are out of range.
    """
    n_items, width = item_factors.shape
    columns = np.arange(n_items) if candidates is None else np.asarray(candidates)
    if len(columns) and (columns[0] < 0 or columns[-1] >= n_items or np.any(np.diff(columns) <= 0)):
        raise ArgumentError(f"candidates must increase within 0 .. {n_items - 1}")
    name = instruction_set()
    panel = variant(name).panel_width
    bias = np.zeros(n_items, np.float32) if item_bias is None else float32(item_bias)
    # In double precision: squares of small numbers are zero in float32.
    norms = np.sqrt(np.einsum("if,if->i", item_factors, item_factors, dtype=np.float64))
    columns = columns[np.argsort(-(norms + bias)[columns], kind="stable")]
    n_columns = -(-len(columns) // panel) * panel
    spare = n_columns - len(columns)
    rounding = (width + 8) * float(np.finfo(np.float32).eps)

    def most(numbers: FloatArray) -> FloatArray:
        padded = np.pad(numbers[columns], (0, spare), constant_values=-np.inf)
        of_panels = padded.reshape(-1, panel).max(1)
        return float32(np.maximum.accumulate(of_panels[::-1])[::-1])

    factors = np.zeros((n_columns, width), np.float32)
    factors[: len(columns)] = item_factors[columns]
    return PackedItems(
        n_items,
        width,
        columns.astype(np.int32),
        factors.reshape(-1, panel, width).transpose(0, 2, 1).ravel(),
        np.pad(bias[columns], (0, spare)),
        most(norms) * np.float32(1 + rounding),
        most(bias) + np.float32(rounding * np.abs(bias).max(initial=0)),
        name,
    )


def screened(items: PackedItems, item_factors: FloatArray) -> PackedItems:
    """The same packed items with a screen, unless they are so long that a bound could overflow.

    It takes a quarter of their memory, and as long to make as they. Worth it where several
    questions are asked one at a time.

    Args:
        items: packed items.
        item_factors: (n_items, f) float32 from which they were packed, which are kept.
    """
    if items.most_norm.max(initial=0) > _LONGEST:
        return items
    n_panels, panel = len(items.most_norm), variant(items.isa).panel_width
    panels = items.factors.reshape(n_panels, items.width, panel)
    n_words = -(-items.width // 4)
    lines = np.zeros((n_panels, n_words + 3, panel), np.int32)
    reach, steps, errors = (lines[:, n_words + i].view(np.float32) for i in range(3))
    rounding = (items.width + 8) * float(np.finfo(np.float32).eps)
    at_once = max(1, _NUMBERS // (items.width * panel))
    for start in range(0, n_panels, at_once):
        part = slice(start, start + at_once)
        exact = panels[part].astype(np.float64)
        step = (np.abs(exact).max(axis=1, keepdims=True) / 127).astype(np.float32)
        levels = np.rint(np.divide(exact, step, where=step > 0, out=np.zeros_like(exact)))
        levels = levels.clip(-127, 127)  # steps that underflow are too coarse
        for k in range(items.width):
            lines[part, k // 4] |= (levels[:, k].astype(np.int32) & 255) << 8 * (k % 4)
        left = exact - levels * step.astype(np.float64)
        norms, lost = (np.sqrt(np.einsum("pki,pki->pi", one, one)) for one in (exact, left))
        steps[part], errors[part] = step[:, 0], lost * (1 + rounding) + 2 * rounding * norms
    bias = items.bias.reshape(n_panels, panel)
    reach[:] = bias + rounding * np.abs(bias)
    screen = Screen(lines.ravel(), float32(item_factors))
    return replace(items, screen=screen)


_LONGEST = 1e15
_NUMBERS = 1 << 20  # factors turned into levels together


def top_k(
    queries: FloatArray,
    item_factors: FloatArray | PackedItems,
    k: int,
    *,
    item_bias: FloatArray | None = None,
    candidates: Integers | None = None,
    excluded: tuple[Integers, Integers] | None = None,
    n_threads: int | None = None,
) -> tuple[npt.NDArray[np.int32], FloatArray]:
    """The k best items of `queries @ item_factors.T + item_bias`, best first, ties by item order.

    An excluded item is never returned: where fewer than k items are left, the row ends in items -1
    with score NaN.

    Args:
        queries: (n, f) float32.
        item_factors: (n_items, f) float32, or `packed_items`.
        k: length of the lists, at least 1. Meant for up to some hundreds: each item that enters a
            list moves those behind it.
        item_bias: (n_items,) float32 or None.
        candidates: increasing item numbers to choose from; None for all.
        excluded: CSR (indptr, columns) of items not to return, one row per query; sorted here
            where a row's columns are not.
        n_threads: worker threads; None for `default_threads()`.

    Returns:
        Items (n, k) int32 and scores (n, k) float32.

    Raises:
        ArgumentError: the arrays do not fit together, or k is less than 1.
    """
    n_queries = len(queries)
    if k < 1:
        raise ArgumentError(f"k must be at least 1, not {k}")
    items = item_factors
    if not isinstance(items, PackedItems):
        items = packed_items(items, item_bias=item_bias, candidates=candidates)
    elif item_bias is not None or candidates is not None:
        raise ArgumentError("item_bias and candidates belong to packed_items, not to packed items")
    if queries.shape[1] != items.width:
        raise ArgumentError(f"queries are {queries.shape[1]} wide, the item factors {items.width}")
    indptr = columns = None
    if excluded is not None:
        indptr, columns = _excluded(*excluded, n_queries, items.n_items)
    found, scores = np.empty((n_queries, k), np.int32), np.empty((n_queries, k), np.float32)
    threads = 1 if n_queries == 1 else thread_count(n_threads)
    native.top_k(items.native, float32(queries), indptr, columns, found, scores, threads)
    return found, scores


def _excluded(
    indptr: Integers, columns: Integers, n_queries: int, n_items: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    # A single row that increases, which is what services ask with, needs no more than one look.
    if n_queries == 1 and columns.dtype == np.int32 and columns.flags.c_contiguous:
        whole = len(indptr) == 2 and indptr[0] == 0 and indptr[1] == len(columns)
        if whole and native.increases(columns, n_items):
            return np.asarray(indptr, np.int64), columns.view(np.int32)
    return _sorted_rows(*checked_csr(indptr, columns, n_queries, n_items))


def _sorted_rows(
    indptr: npt.NDArray[np.int64], columns: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    # The kernel searches each row by bisection and would miss what is out of order.
    fall = columns[1:] < columns[:-1]
    if fall.any():
        falls = np.flatnonzero(fall) + 1
        starts = np.zeros(len(columns) + 1, bool)
        starts[indptr] = True
        if not starts[falls].all():
            rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
            columns = columns[np.lexsort((columns, rows))]
    return indptr, columns
