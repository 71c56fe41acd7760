"""`RowSums`: sums of the rows of a table that the rows of a CSR matrix name."""

from __future__ import annotations

from recsys.kernels.dense import aligned
from recsys.kernels.native import (
    FloatArray,
    Integers,
    check_shape,
    checked_csr,
    native,
    thread_count,
    variant_for,
)
from recsys.kernels.row_solver import padded


class RowSums:
    """Sums over the rows of a CSR matrix, whose entries are checked once.

    >>> import numpy as np
    >>> sums = RowSums(np.array([0, 2, 2]), np.array([1, 0], np.int32), 2)
    >>> sums(np.array([[1.0], [2.0]], np.float32))
    array([[3.],
           [0.]], dtype=float32)

    Args:
        indptr: (n_rows + 1,) CSR row starts.
        columns: (nnz,) CSR column numbers: rows of the tables.
        n_columns: rows of a table.
        n_threads: worker threads; None for `default_threads()`.

    Raises:
        ArgumentError: the arrays do not fit together.
    """

    def __init__(
        self, indptr: Integers, columns: Integers, n_columns: int, n_threads: int | None = None
    ) -> None:
        self._n_rows, self._n_columns = len(indptr) - 1, n_columns
        self._entries = checked_csr(indptr, columns, self._n_rows, n_columns)
        self._threads = thread_count(n_threads)

    def __call__(self, table: FloatArray) -> FloatArray:
        """Σ `table[columns[j]]` over the entries j of each row, from (n_columns, f): (n_rows, f).

        Raises:
            ArgumentError: the table has another number of rows.
        """
        width = table.shape[1]
        check_shape("table", table, (self._n_columns, width))
        isa = variant_for(width)
        rows = padded(table, isa.row_unit)
        out = aligned((self._n_rows, rows.shape[1]))
        if out.size:
            native.sum_rows(isa.number, *self._entries, rows, out, self._threads)
        return out[:, :width]
