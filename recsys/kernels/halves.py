"""`halved`: factors in 16 bits a number, half of the memory that a solver reads."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recsys.errors import ArgumentError
from recsys.kernels.dense import aligned
from recsys.kernels.native import FloatArray, check_shape, native, thread_count, variant_for

Halves = npt.NDArray[np.uint16]

_SUMMED = 256  # rows whose changes the kernel sums together


def halved(
    table: FloatArray,
    weights: FloatArray | None = None,
    *,
    out: Halves | None = None,
    n_threads: int | None = None,
) -> tuple[Halves, npt.NDArray[np.float64]]:
    """A table in 16 bits a number, for `solve_rows`, and how much sums of squares grow by that.

    Rounds the table itself to the numbers that the halves hold, so that whatever is computed from
    it later is about the same numbers: 8 significant bits, or 2⁻⁶⁰ where one is nearer to 0.

    Args:
        table: (n, f) float32 in C order.
        weights: (n,) float32 weights of the rows, or None for all 1.
        out: `empty_halves` of at least n rows, where they go; None allocates them.
        n_threads: worker threads; None for `default_threads()`.

    Returns:
        The halves, and (f,) `Σ weights · (rounded² − exact²)` of each column.

    Raises:
        ArgumentError: the arrays do not fit together.
    """
    if table.dtype != np.float32 or not table.flags.c_contiguous:
        raise ArgumentError("a table to halve must be float32 in C order")
    n, width = table.shape
    check_shape("weights", weights, (n,))
    halves = empty_halves(n, width) if out is None else out[:n]
    check_shape("out", halves, halves_shape(n, width))
    changes = np.zeros((-(-n // _SUMMED), width), np.float32)
    if table.size:
        isa, threads = variant_for(width).number, thread_count(n_threads)
        native.halve(isa, table, weights, halves, changes, _SUMMED, threads)
    return halves, changes.sum(0, dtype=np.float64)


def empty_halves(n: int, width: int) -> Halves:
    """Memory for the halves of a table (n, width), with rows that start at a cache line."""
    rows, stride = halves_shape(n, width)
    return aligned((rows, stride // 2)).view(np.uint16)


def halves_shape(n: int, width: int) -> tuple[int, int]:
    """That of the halves of a table (n, width): rows are padded as the solver needs them."""
    unit = variant_for(width).row_unit
    return n, -(-width // unit) * unit


def halves_memory(n: int, width: int) -> int:
    """Bytes of the halves of a table (n, width)."""
    return 2 * n * halves_shape(n, width)[1]
