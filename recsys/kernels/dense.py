"""Products with whole tables of factors: BLAS on blocks of rows, each block on one thread.

The same bits at any number of threads: parts are added up in the order of the rows.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.threads import default_threads, one_blas_thread

FloatArray = npt.NDArray[np.float32]

_ROWS = 2048  # rows that one thread multiplies at a time
_PARTS = 16  # most parts of a Gram matrix; they are all held until the last is done
_FEW_BLOCKS = 4  # below, starting threads takes longer than the work


def diagonalized(base: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues (f,) and eigenvectors (f, f) of a symmetric matrix: `base = Q diag(d) Qᵀ`.

    In the coordinates y → Qᵀy, x → Qᵀx the row problem is the same with a diagonal base. That
    saves a product with a full matrix for every row and step, and the diagonal of the whole matrix
    is a good preconditioner for conjugate gradients. A matrix that has none, as numbers in it have
    overflowed, gives NaN, and so do the rows that are solved with it.
    """
    base = np.asarray(base, np.float64)
    try:
        with one_blas_thread():
            values, vectors = np.linalg.eigh(base)
    except np.linalg.LinAlgError:
        values, vectors = np.full(len(base), np.nan), np.eye(len(base))
    return values.astype(np.float32), vectors.astype(np.float32)


def is_diagonal(base: npt.NDArray[np.floating]) -> bool:
    """Whether all off-diagonal entries are within float32 rounding of the largest entry."""
    others = base - np.diag(np.diagonal(base))
    rounding = 4 * np.finfo(np.float32).eps
    return bool(np.abs(others).max(initial=0) <= rounding * np.abs(base).max(initial=0))


def turn(table: FloatArray, axes: FloatArray, n_threads: int | None = None) -> None:
    """Replaces `table` (n, f) by `table @ axes`, in place.

    Training rotates its largest arrays twice per epoch; a copy would double its memory.
    """
    axes = np.ascontiguousarray(axes)

    def block(start: int) -> None:
        table[start : start + _ROWS] = table[start : start + _ROWS] @ axes

    in_blocks(block, range(0, len(table), _ROWS), n_threads)


def aligned(shape: tuple[int, int]) -> FloatArray:
    """An uninitialized table that starts at a cache line, as do its rows where the width allows."""
    numbers = np.empty(shape[0] * shape[1] + 16, np.float32)
    first = -numbers.__array_interface__["data"][0] % 64 // 4
    return numbers[first : first + shape[0] * shape[1]].reshape(shape)


def copied(table: npt.NDArray[Any], n_threads: int | None = None) -> npt.NDArray[Any]:
    """A copy that several threads write: new memory costs more time than what goes into it."""
    copy = np.empty_like(table)

    def block(start: int) -> None:
        copy[start : start + _ROWS] = table[start : start + _ROWS]

    in_blocks(block, range(0, len(table), _ROWS), n_threads)
    return copy


def gramian_memory(n_rows: int, width: int) -> int:
    """Bytes that `gramian` allocates for a table (n_rows, width)."""
    return -(-n_rows // _rows_of_a_part(n_rows)) * 4 * width**2


def _rows_of_a_part(n_rows: int) -> int:
    return max(_ROWS, -(-n_rows // _PARTS))


def gramian(table: FloatArray, n_threads: int | None = None) -> npt.NDArray[np.float64]:
    """`tableᵀ table` (f, f) float64, summed block by block in the order of the rows."""
    parts: dict[int, FloatArray] = {}
    n_rows = _rows_of_a_part(len(table))

    def block(start: int) -> None:
        rows = table[start : start + n_rows]
        parts[start] = rows.T @ rows

    in_blocks(block, range(0, len(table), n_rows), n_threads)
    total = np.zeros((table.shape[1], table.shape[1]))
    for start in sorted(parts):
        total += parts[start]
    return total


def sums_of_squares(
    table: FloatArray, weights: FloatArray, n_threads: int | None = None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """`Σ_i weights_i table_i²` and `Σ_i table_i²` per coordinate, two arrays (f,)."""
    parts: dict[int, npt.NDArray[np.float64]] = {}

    def block(start: int) -> None:
        rows = np.square(table[start : start + _ROWS])
        both = np.stack([weights[start : start + _ROWS], np.ones(len(rows), np.float32)])
        parts[start] = (both @ rows).astype(np.float64)

    in_blocks(block, range(0, len(table), _ROWS), n_threads)
    weighted, plain = sum(parts[start] for start in sorted(parts)) + np.zeros((2, table.shape[1]))
    return weighted, plain


def in_blocks(
    work: Callable[[int], None], starts: Sequence[int], n_threads: int | None = None
) -> None:
    """Calls `work` with each start, in threads; one thread does a whole block."""
    # One thread does a whole block, so that the number of threads does not change the result.
    with one_blas_thread():
        if len(starts) < _FEW_BLOCKS:
            for start in starts:
                work(start)
            return
        from concurrent.futures import ThreadPoolExecutor  # a question needs none

        with ThreadPoolExecutor(n_threads or default_threads()) as pool:
            list(pool.map(work, starts))
