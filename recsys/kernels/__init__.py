"""The two compiled kernels: `solve_rows` and `top_k`. Arrays in, arrays out.

Both give the same bits at any number of threads. The code is compiled once per instruction set
and the best one for this CPU is chosen at import; `RECSYS_ISA` overrides the choice.
"""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.errors import ArgumentError
from recsys.kernels.dense import (
    FloatArray,
    aligned,
    diagonalized,
    gramian,
    gramian_memory,
    is_diagonal,
    sums_of_squares,
    turn,
)
from recsys.threads import default_threads

try:
    from . import _kernels  # type: ignore[attr-defined]
except ImportError as error:
    raise ImportError(
        "recsys was imported from a checkout whose kernels are not compiled; run "
        "'pip install -e .' there, or start Python in another folder"
    ) from error

_ISAS = {name: (number, *rest) for number, (name, *rest) in enumerate(_kernels.instruction_sets())}
INSTRUCTION_SETS: tuple[str, ...] = tuple(_ISAS)
"""What this CPU can run, best first: avx512, avx2, baseline."""

__all__ = [
    "INSTRUCTION_SETS",
    "FloatArray",
    "PackedItems",
    "aligned",
    "diagonalized",
    "gramian",
    "gramian_memory",
    "is_diagonal",
    "packed_items",
    "solve_rows",
    "sums_of_squares",
    "top_k",
    "turn",
]

_NEAR_FLOATS = 64 * 1024  # a row whose factors are no more is still in cache at its next pass
_BLOCK_FLOATS = 256 * 1024  # factors of a block of columns that long rows use together
_GROUP_FLOATS = 32 * 1024  # one vector each of the long rows that do
_ENTRIES_PER_BLOCK = 16  # fewer in a block would not pay for visiting it
_ROWS_AT_HAND = 16  # short rows that a thread takes at a time


def _isa() -> tuple[int, int, int]:
    # Its number, of how many floats a row of factors is a multiple, the items of a panel.
    name = os.environ.get("RECSYS_ISA", INSTRUCTION_SETS[0])
    if name not in INSTRUCTION_SETS:
        raise ArgumentError(
            f"RECSYS_ISA must be one of {', '.join(INSTRUCTION_SETS)}, not {name!r}"
        )
    number, row_unit, panel_width = _ISAS[name]
    return number, row_unit, panel_width


def _threads(n_threads: int | None) -> int:
    if n_threads is not None and n_threads < 1:
        raise ArgumentError(f"n_threads must be at least 1, not {n_threads}")
    return n_threads or default_threads()


def _float32(array: npt.ArrayLike) -> FloatArray:
    return np.ascontiguousarray(array, dtype=np.float32)


def _check_csr(
    indptr: npt.NDArray[np.integer], columns: npt.NDArray[np.integer], n_rows: int, n_columns: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    # The kernels index without asking: a bad index here would read foreign memory there.
    indptr, columns = np.ascontiguousarray(indptr, dtype=np.int64), np.asarray(columns)
    if len(indptr) != n_rows + 1 or indptr[0] != 0 or indptr[-1] != len(columns):
        raise ArgumentError(f"indptr does not describe {n_rows} rows of {len(columns)} entries")
    if np.any(indptr[1:] < indptr[:-1]):
        raise ArgumentError("indptr must not decrease")
    # As unsigned numbers the negative ones are the largest.
    unsigned = columns.view(np.dtype(f"u{columns.itemsize}"))
    if len(columns) and unsigned.max() >= n_columns:
        raise ArgumentError(f"a column number lies outside 0 .. {n_columns - 1}")
    return indptr, np.ascontiguousarray(columns, dtype=np.int32)


def _check_shape(name: str, given: npt.ArrayLike | None, *allowed: tuple[int, ...]) -> None:
    if given is not None and np.shape(given) not in allowed:
        raise ArgumentError(f"{name} must be {allowed[-1]}, not {np.shape(given)}")


def solve_rows(
    indptr: npt.NDArray[np.integer],
    columns: npt.NDArray[np.integer],
    factors: FloatArray,
    ridge: FloatArray,
    *,
    weights: FloatArray | None = None,
    targets: FloatArray | float = 0,
    base: npt.ArrayLike | None = None,
    base_rhs: npt.ArrayLike | None = None,
    start: FloatArray | None = None,
    overwrite_start: bool = False,
    cg_steps: int = 0,
    relaxation: float = 1.0,
    n_threads: int | None = None,
) -> tuple[FloatArray, npt.NDArray[np.float64]]:
    """Solutions of `(base + Σ w·y·yᵀ + ridge·I) x = base_rhs + Σ t·y`, one per CSR row.

    A row without entries gets zeros (unless there is a `base_rhs`). A row whose solution is not
    finite, or whose matrix an exact solution finds not positive definite, comes back as NaN, in `x`
    and in `energy`.

    Args:
        indptr: (n_rows + 1,) CSR row starts.
        columns: (nnz,) CSR column numbers: rows of `factors`.
        factors: (n_columns, f) float32, the other side's factors y.
        ridge: (n_rows,) float32.
        weights: (nnz,) w >= 0, or None for all 1.
        targets: (nnz,) t, or the one that all have.
        base: (f, f) symmetric, or (f,) its diagonal where it has no more, or None for zeros.
        base_rhs: (f,) or None for zeros.
        start: (n_rows, f), where to begin, best near the solution: what is rounding is told by the
            energy there. None for zeros.
        overwrite_start: return the solution in the memory of `start` (float32, C order).
        cg_steps: conjugate-gradient steps a row; 0 solves until only rounding is left, by as many
            steps as it takes or by Cholesky, whichever is sooner done.
        relaxation: how far to go from the start: 1 to the solution, between 1 and 2 beyond it,
            where the energy is still no higher than at the start (successive over-relaxation).
        n_threads: worker threads; None for `default_threads()`.

    Returns:
        `x` (n_rows, f) float32 and `energy` (n_rows,) float64, `xᵀAx − 2xᵀb` at x.
    """
    n_rows, (n_columns, width) = len(ridge), factors.shape
    indptr, columns = _check_csr(indptr, columns, n_rows, n_columns)
    _check_shape("start", start, (n_rows, width))
    _check_shape("weights", weights, (len(columns),))
    _check_shape("targets", targets, (), (len(columns),))
    _check_shape("base", base, (width,), (width, width))
    _check_shape("base_rhs", base_rhs, (width,))
    if overwrite_start and not (
        start is not None and start.dtype == np.float32 and start.flags.c_contiguous
    ):
        raise ArgumentError("overwrite_start needs a start of float32 in C order")
    if cg_steps < 0:
        raise ArgumentError(f"cg_steps must be at least 0, not {cg_steps}")
    n_threads = _threads(n_threads)
    x = start if overwrite_start and start is not None else aligned((n_rows, width))
    if start is None:
        x[:] = 0
    elif x is not start:
        x[:] = start
    axes = None
    if base is not None and np.ndim(base) == 2:
        base, axes = diagonalized(base)
        factors = np.array(factors, np.float32)
        turn(factors, axes, n_threads)
        if start is not None:
            turn(x, axes, n_threads)
        base_rhs = None if base_rhs is None else np.asarray(base_rhs) @ axes
    energy = np.zeros(n_rows, np.float64)
    if n_rows and width:
        isa, unit, _ = _isa()
        table = _padded(factors, unit)
        _kernels.solve_rows(
            isa,
            indptr,
            columns,
            None if weights is None else _float32(weights),
            _float32(targets) if np.ndim(targets) else None,
            0.0 if np.ndim(targets) else float(targets),
            table,
            None if base is None else _padded(base, unit).reshape(-1),
            None if base_rhs is None else _padded(base_rhs, unit)[0],
            _padded(_typical_square(factors, columns if cg_steps else None), unit)[0],
            _float32(ridge),
            x,
            energy,
            *_schedule(indptr, table.shape, n_threads),
            cg_steps,
            relaxation,
            n_threads,
        )
    if axes is not None:
        turn(x, axes.T, n_threads)
    return x, energy


def _padded(rows: npt.ArrayLike, unit: int) -> FloatArray:
    # Zeros up to a multiple of `unit` numbers a row; what is so already stays where it is.
    rows = np.atleast_2d(_float32(rows))
    n_rows, width = rows.shape
    if width % unit == 0:
        return rows
    table = aligned((n_rows, -(-width // unit) * unit))
    table[:, :width], table[:, width:] = rows, 0
    return table


def _schedule(
    indptr: npt.NDArray[Any], table: tuple[int, ...], n_threads: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int, int, int]:
    """Which rows are solved when, and which of them together.

    Conjugate gradients pass over a row again and again. Rows too long for the cache take their
    passes together, block of columns by block; they come first, dealt out so that every group has
    about as many entries. Then come the short ones, a few at a time.

    Returns:
        The rows in order; where each piece of work begins in it, and the end; the number of pieces
        whose rows go together; the most rows of one; the columns of a block.
    """
    n_columns, stride = table
    block_columns = max(1, _BLOCK_FLOATS // stride)
    most = max(16, _GROUP_FLOATS // stride)
    worth_it = _ENTRIES_PER_BLOCK * (n_columns // block_columns + 1)
    lengths = np.diff(indptr)
    is_long = lengths >= max(_NEAR_FLOATS // stride, worth_it)
    long_rows = np.flatnonzero(is_long)
    long_rows = long_rows[np.argsort(-lengths[long_rows], kind="stable")]
    n_groups = min(-(-len(long_rows) // (most * n_threads)) * n_threads, len(long_rows))
    groups = [long_rows[first::n_groups] for first in range(n_groups)]
    order = np.concatenate([*groups, np.flatnonzero(~is_long)])
    starts = np.cumsum([0, *map(len, groups)])
    pieces = np.arange(starts[-1], len(lengths), _ROWS_AT_HAND)
    pieces = np.concatenate([starts[:-1], pieces, [len(lengths)]])
    return order, pieces, n_groups, max(map(len, groups), default=1), block_columns


def _typical_square(factors: FloatArray, columns: npt.NDArray[Any] | None) -> FloatArray:
    # Of an entry's factors, coordinate by coordinate: a thousand entries spread over the matrix are
    # enough for a preconditioner. Without entries, rows of the table: an exact solution must not
    # depend on which other rows are solved with it.
    n = len(factors if columns is None else columns)
    every = slice(None, None, max(1, n // 1024))
    sample: FloatArray = factors[every if columns is None else columns[every]]
    return _float32(np.einsum("nf,nf->f", sample, sample) / max(1, len(sample)))


@dataclass(frozen=True)
class PackedItems:
    """Items to choose from in the order in which `top_k` reads them: a copy of their factors."""

    n_items: int
    width: int
    candidates: npt.NDArray[np.int32]
    factors: FloatArray
    """Panels of items, coordinate by coordinate: (n_panels, f, items of a panel), flat."""
    bias: FloatArray
    """(n_panels times the items of a panel,)"""
    most_norm: FloatArray
    """(n_panels,) longest factors of the items of a panel and all after it, rounded up."""
    most_bias: FloatArray
    """(n_panels,) and their largest bias."""
    isa: int
    """The instruction set that has panels of this size."""


def packed_items(
    item_factors: FloatArray,
    *,
    item_bias: FloatArray | None = None,
    candidates: npt.NDArray[np.integer] | None = None,
) -> PackedItems:
    """The items for `top_k`, worth keeping where one asks again.

    Args:
        item_factors: (n_items, f) float32.
        item_bias: (n_items,) float32 or None.
        candidates: increasing item numbers to choose from; None for all.
    """
    n_items, width = item_factors.shape
    columns = np.arange(n_items) if candidates is None else np.asarray(candidates)
    if len(columns) and (columns[0] < 0 or columns[-1] >= n_items or np.any(np.diff(columns) <= 0)):
        raise ArgumentError(f"candidates must increase within 0 .. {n_items - 1}")
    isa, _, panel = _isa()
    bias = np.zeros(n_items, np.float32) if item_bias is None else _float32(item_bias)
    # In double: float knows no squares of small numbers.
    norms = np.sqrt(np.einsum("if,if->i", item_factors, item_factors, dtype=np.float64))
    columns = columns[np.argsort(-(norms + bias)[columns], kind="stable")]
    n_columns = -(-len(columns) // panel) * panel
    spare = n_columns - len(columns)
    rounding = (width + 8) * float(np.finfo(np.float32).eps)

    def most(numbers: FloatArray) -> FloatArray:
        padded = np.pad(numbers[columns], (0, spare), constant_values=-np.inf)
        of_panels = padded.reshape(-1, panel).max(1)
        return _float32(np.maximum.accumulate(of_panels[::-1])[::-1])

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
        isa,
    )


def top_k(
    queries: FloatArray,
    item_factors: FloatArray | PackedItems,
    k: int,
    *,
    item_bias: FloatArray | None = None,
    candidates: npt.NDArray[np.integer] | None = None,
    excluded: tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]] | None = None,
    n_threads: int | None = None,
) -> tuple[npt.NDArray[np.int32], FloatArray]:
    """The k best items of `queries @ item_factors.T + item_bias`, best first, ties by item order.

    An excluded item is never returned: where fewer than k items are left, the row ends in items -1
    with score NaN.

    Args:
        queries: (n, f) float32.
        item_factors: (n_items, f) float32; or all about the items, packed before.
        k: how many, at least 1. Meant for up to some hundreds: each find moves those behind it.
        item_bias: (n_items,) float32 or None.
        candidates: increasing item numbers to choose from; None for all.
        excluded: CSR (indptr, columns sorted within a row) of items not to return, a row a query.
        n_threads: worker threads; None for `default_threads()`.

    Returns:
        Items (n, k) int32 and scores (n, k) float32.
    """
    n_queries = len(queries)
    if k < 1:
        raise ArgumentError(f"k must be at least 1, not {k}")
    if isinstance(item_factors, PackedItems):
        if item_bias is not None or candidates is not None:
            raise ArgumentError(
                "item_bias and candidates belong to packed_items, not to packed items"
            )
        items = item_factors
    else:
        items = packed_items(item_factors, item_bias=item_bias, candidates=candidates)
    if queries.shape[1] != items.width:
        raise ArgumentError(f"queries are {queries.shape[1]} wide, the item factors {items.width}")
    indptr = columns = None
    if excluded is not None:
        indptr, columns = _check_csr(*excluded, n_queries, items.n_items)
    found = np.full((n_queries, k), -1, np.int32)
    scores = np.full((n_queries, k), np.nan, np.float32)
    if n_queries and len(items.candidates):
        _kernels.top_k(
            items.isa,
            _float32(queries),
            items.factors,
            items.bias,
            items.most_norm,
            items.most_bias,
            items.candidates,
            indptr,
            columns,
            found,
            scores,
            _threads(n_threads),
        )
    return found, scores
