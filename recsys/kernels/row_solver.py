"""`solve_rows`: the linear systems of all rows of a CSR matrix, solved in parallel."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.errors import ArgumentError
from recsys.kernels.dense import aligned, diagonalized, turn
from recsys.kernels.halves import Halves, halves_shape
from recsys.kernels.native import (
    FloatArray,
    Integers,
    check_shape,
    checked_csr,
    float32,
    native,
    thread_count,
    variant_for,
)

_NEAR_FLOATS = 64 * 1024  # a row with at most these many floats of factors stays in the cache
_BLOCK_FLOATS = 256 * 1024  # factors of a block of columns that long rows use together
_GROUP_FLOATS = 32 * 1024  # floats of one vector of each long row that shares the blocks
_ENTRIES_PER_BLOCK = 16  # with fewer entries in a block, visiting it does not pay
_ROWS_AT_HAND = 16  # short rows that a thread takes at a time
_ONE_ROW, _ONE_PIECE = np.arange(1), np.arange(2)


def solve_rows(
    indptr: Integers,
    columns: Integers,
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
    typical: FloatArray | None = None,
    spread: FloatArray | None = None,
    halves: Halves | None = None,
    n_threads: int | None = None,
) -> tuple[FloatArray, npt.NDArray[np.float64]]:
    """Solutions of `(base + Σ w·y·yᵀ + ridge·I) x = base_rhs + Σ t·y`, one per CSR row.

    A row without entries gets zeros, unless there is a `base_rhs`. One without a finite solution or
    with a matrix found not positive definite is NaN, in `x` and in `energy`.

    Args:
        indptr: (n_rows + 1,) CSR row starts.
        columns: (nnz,) CSR column numbers: rows of `factors`.
        factors: (n_columns, f) float32, the other side's factors y.
        ridge: (n_rows,) float32.
        weights: (nnz,) w >= 0, or None for all 1.
        targets: (nnz,) t, or one number for all entries.
        base: (f, f) symmetric, or (f,) the diagonal of a diagonal one, or None for zeros.
        base_rhs: (n_rows, f), or (f,) for all rows, or None for zeros.
        start: (n_rows, f), where to begin; None for zeros. Rounding is judged by the energy there.
        overwrite_start: return the solution in the memory of `start` (float32, C order).
        cg_steps: conjugate-gradient steps per row; 0 solves to float32 rounding, also by Cholesky.
        relaxation: how far to go from the start, 1 to the solution; below 2 the energy falls.
        typical: `typical_square(factors)` where known, for exact solutions without a full base.
        spread: (n_rows, f) z, for exact solutions without a start: x = A⁻¹b + U⁻¹z with UᵀU = A in
            some axes, a draw from N(A⁻¹b, A⁻¹) where z is one from N(0, I).
        halves: `halved(factors)`, to read in their place, for cg_steps and no full base.
        n_threads: worker threads; None for `default_threads()`.

    Returns:
        `x` (n_rows, f) float32 and `energy` (n_rows,) float64, `xᵀAx − 2xᵀb` at x.

    Raises:
        ArgumentError: the arrays do not fit together, or a number is out of range.
    """
    entries = _checked(indptr, columns, factors, len(ridge), weights, targets)
    check_shape("halves", halves, halves_shape(*factors.shape))
    how = _How(cg_steps, relaxation, thread_count(n_threads))
    _check_sides(start, base, base_rhs, spread, (len(ridge), factors.shape[1]))
    _check_together(start, base, cg_steps, typical, spread, halves)
    x = _initial(start, overwrite_start, (len(ridge), factors.shape[1]))
    if base is None or np.ndim(base) == 1:
        sampled = entries.columns if cg_steps else None
        typical = typical_square(factors, sampled) if typical is None else typical
        return x, _solve(entries, factors, base, base_rhs, ridge, x, how, typical, spread, halves)
    return x, _solve_in_axes(entries, factors, base, base_rhs, ridge, x, how, spread)


class _How(NamedTuple):
    cg_steps: int
    relaxation: float
    n_threads: int


class _Entries(NamedTuple):
    indptr: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int32]
    weights: FloatArray | None
    targets: FloatArray | float


def _checked(
    indptr: Integers,
    columns: Integers,
    factors: FloatArray,
    n_rows: int,
    weights: FloatArray | None,
    targets: FloatArray | float,
) -> _Entries:
    checked = checked_csr(indptr, columns, n_rows, len(factors))
    check_shape("weights", weights, (len(columns),))
    check_shape("targets", targets, (), (len(columns),))
    return _Entries(*checked, weights, targets)


def _check_sides(
    start: FloatArray | None,
    base: npt.ArrayLike | None,
    base_rhs: npt.ArrayLike | None,
    spread: npt.ArrayLike | None,
    shape: tuple[int, int],
) -> None:
    width = shape[1]
    check_shape("start", start, shape)
    check_shape("base", base, (width,), (width, width))
    check_shape("base_rhs", base_rhs, (width,), shape)
    check_shape("spread", spread, shape)


def _check_together(
    start: FloatArray | None,
    base: npt.ArrayLike | None,
    cg_steps: int,
    typical: FloatArray | None,
    spread: npt.ArrayLike | None,
    halves: Halves | None,
) -> None:
    is_full = base is not None and np.ndim(base) == 2
    if cg_steps < 0:
        raise ArgumentError(f"cg_steps must be at least 0, not {cg_steps}")
    if spread is not None and (cg_steps or start is not None):
        raise ArgumentError("spread is for exact solutions without a start")
    if typical is not None and is_full:
        raise ArgumentError("typical squares are those of a diagonal base")
    if halves is not None and (is_full or not cg_steps):
        raise ArgumentError("halves are for a number of cg_steps, with a diagonal base or none")


def _initial(start: FloatArray | None, overwrite: bool, shape: tuple[int, int]) -> FloatArray:
    # The table that the solver reads its start from and writes the solution to.
    if overwrite:
        if start is None or start.dtype != np.float32 or not start.flags.c_contiguous:
            raise ArgumentError("overwrite_start needs a start of float32 in C order")
        return start
    if start is None and shape[0] == 1:  # one row gains nothing by its place in memory
        return np.zeros(shape, np.float32)
    x = aligned(shape)
    x[:] = 0 if start is None else start
    return x


def _solve_in_axes(
    entries: _Entries,
    factors: FloatArray,
    base: npt.ArrayLike,
    base_rhs: npt.ArrayLike | None,
    ridge: FloatArray,
    x: FloatArray,
    how: _How,
    spread: FloatArray | None,
) -> npt.NDArray[np.float64]:
    # In the axes in which the base is diagonal, and back.
    diagonal, axes = diagonalized(base)
    factors = np.array(factors, np.float32)
    for table in (factors, x) if x.any() else (factors,):
        turn(table, axes, how.n_threads)
    base_rhs = None if base_rhs is None else np.asarray(base_rhs) @ axes
    typical = typical_square(factors, entries.columns if how.cg_steps else None)
    energy = _solve(entries, factors, diagonal, base_rhs, ridge, x, how, typical, spread)
    turn(x, axes.T, how.n_threads)
    return energy


def _solve(
    entries: _Entries,
    factors: FloatArray,
    base: npt.ArrayLike | None,
    base_rhs: npt.ArrayLike | None,
    ridge: FloatArray,
    x: FloatArray,
    how: _How,
    typical: FloatArray,
    spread: FloatArray | None,
    halves: Halves | None = None,
) -> npt.NDArray[np.float64]:
    # With a diagonal base; overwrites x and returns the energies.
    energy = np.zeros(len(ridge), np.float64)
    if not x.size:
        return energy
    isa = variant_for(factors.shape[1])
    unit = isa.row_unit
    table = padded(factors, unit) if halves is None else factors
    read = table if halves is None else halves
    indptr, columns, weights, targets = entries
    native.solve_rows(
        isa.number,
        indptr,
        columns,
        None if weights is None else float32(weights),
        float32(targets) if np.ndim(targets) else None,
        0.0 if np.ndim(targets) else float(targets),
        table,
        halves,
        None if base is None else padded(base, unit).reshape(-1),
        None if base_rhs is None else padded(base_rhs, unit),
        padded(typical, unit)[0],
        float32(ridge),
        x,
        energy,
        None if spread is None else padded(spread, unit),
        *_schedule(indptr, len(read), read.strides[0] // 4, how.n_threads),
        *how,
    )
    return energy


def padded(rows: npt.ArrayLike, unit: int) -> FloatArray:
    """Rows filled with zeros up to a multiple of `unit`; copied only where that is needed."""
    rows = np.atleast_2d(float32(rows))
    n_rows, width = rows.shape
    if width % unit == 0:
        return rows
    table = aligned((n_rows, -(-width // unit) * unit))
    table[:, :width], table[:, width:] = rows, 0
    return table


def _schedule(
    indptr: npt.NDArray[Any], n_columns: int, stride: int, n_threads: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int, int, int]:
    """Which rows are solved when, and which of them together.

    Conjugate gradients pass over a row again and again. Rows too long for the cache make their
    passes together, block of columns by block; they come first, in groups of about as many entries
    each. Then come the short rows, a few at a time.

    Args:
        indptr: row starts.
        n_columns: rows of factors.
        stride: floats of one of them, or as many bytes.
        n_threads: threads that share the work.

    Returns:
        The rows in order; where each piece of work begins in it, and the end; the number of pieces
        whose rows go together; the most rows of one piece; the columns of a block.
    """
    block_columns = max(1, _BLOCK_FLOATS // stride)
    most = max(16, _GROUP_FLOATS // stride)
    worth_it = _ENTRIES_PER_BLOCK * (n_columns // block_columns + 1)
    is_long_from = max(_NEAR_FLOATS // stride, worth_it)
    if len(indptr) == 2 and indptr[1] < is_long_from:  # one question, in as few steps as it takes
        return _ONE_ROW, _ONE_PIECE, 0, 1, block_columns
    lengths = np.diff(indptr)
    is_long = lengths >= is_long_from
    if not is_long.any():
        n = len(lengths)
        return np.arange(n), np.append(np.arange(0, n, _ROWS_AT_HAND), n), 0, 1, block_columns
    long_rows = np.flatnonzero(is_long)
    long_rows = long_rows[np.argsort(-lengths[long_rows], kind="stable")]
    n_groups = min(-(-len(long_rows) // (most * n_threads)) * n_threads, len(long_rows))
    groups = [long_rows[first::n_groups] for first in range(n_groups)]
    order = np.concatenate([*groups, np.flatnonzero(~is_long)])
    starts = np.cumsum([0, *map(len, groups)])
    pieces = np.arange(starts[-1], len(lengths), _ROWS_AT_HAND)
    pieces = np.concatenate([starts[:-1], pieces, [len(lengths)]])
    return order, pieces, n_groups, max(map(len, groups), default=1), block_columns


def typical_square(factors: FloatArray, columns: npt.NDArray[Any] | None = None) -> FloatArray:
    """(f,) mean square of the factors of an entry, coordinate by coordinate.

    It is that of a thousand entries in these columns: enough for a preconditioner. Without entries
    it is that of rows of the table, because an exact solution must not depend on which other rows
    are solved with it.
    """
    n = len(factors if columns is None else columns)
    every = slice(None, None, max(1, n // 1024))
    sample: FloatArray = factors[every if columns is None else columns[every]]
    return float32(np.einsum("nf,nf->f", sample, sample) / max(1, len(sample)))
