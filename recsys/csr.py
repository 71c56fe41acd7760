"""What several rooms need of CSR matrices."""

from __future__ import annotations

from copy import copy
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.lazy import sp


class CsrArrays(NamedTuple):
    """What a CSR matrix is made of: sorted rows without repeats."""

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    data: npt.NDArray[np.float32]
    shape: tuple[int, int]

    def matrix(self) -> sp.csr_matrix:
        """The read-only matrix, on the same memory."""
        parts = self.data, self.indices, self.indptr
        return frozen_csr(sp.csr_matrix(parts, shape=self.shape, copy=False))


def entry_rows(matrix: sp.csr_matrix) -> npt.NDArray[np.int64]:
    """Row number (nnz,) of each entry, in the order of `matrix.data`.

    >>> entry_rows(sp.csr_matrix([[1, 0, 1], [0, 0, 0], [0, 1, 0]]))
    array([0, 0, 2])
    """
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def with_values(matrix: sp.csr_matrix, values: npt.NDArray[Any]) -> sp.csr_matrix:
    """A matrix with the same entries and other values (nnz,); indices and row starts are shared."""
    found = copy(matrix)  # SciPy's constructor would check again what has not changed
    found.data = values
    return found


def one_row(
    columns: npt.NDArray[np.int32], values: npt.NDArray[Any], n_columns: int
) -> sp.csr_matrix:
    """The matrix (1, n_columns) with these entries, in increasing columns. The arrays are shared.

    >>> one_row(np.array([0, 2], np.int32), np.array([5.0, 3.0]), 3).toarray().tolist()
    [[5.0, 0.0, 3.0]]
    """
    # Without SciPy's checks, which take longer than a list of items.
    found = copy(_empty_row(n_columns))
    found.indptr = np.array([0, len(columns)], np.int32)
    found.indices, found.data = columns, values
    return found


@lru_cache(maxsize=16)
def _empty_row(n_columns: int) -> sp.csr_matrix:
    return sp.csr_matrix((1, n_columns))


def with_ones(matrix: sp.csr_matrix, dtype: npt.DTypeLike = np.float32) -> sp.csr_matrix:
    """A matrix with the same entries, each of value 1.

    >>> with_ones(sp.csr_matrix([[5.0, 0.0], [3.0, 4.0]])).toarray().tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    return with_values(matrix, np.ones(matrix.nnz, dtype))


def kept_entries(matrix: sp.csr_matrix, keep: npt.NDArray[np.bool_]) -> sp.csr_matrix:
    """The entries for which `keep` (nnz,) is true; the matrix itself where it is true for all.

    >>> matrix = sp.csr_matrix([[5.0, -1.0], [3.0, 4.0]])
    >>> kept_entries(matrix, matrix.data > 3).toarray().tolist()
    [[5.0, 0.0], [0.0, 4.0]]
    """
    if keep.all():
        return matrix
    before = np.concatenate([[0], np.cumsum(keep)])
    kept = matrix.data[keep], matrix.indices[keep], before[matrix.indptr]
    return sp.csr_matrix(kept, shape=matrix.shape)


def positive(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """The entries above zero: what is liked."""
    return kept_entries(matrix, matrix.data > 0)


def largest_of_rows(
    matrix: sp.csr_matrix, n: int, by: npt.NDArray[Any] | None = None
) -> sp.csr_matrix:
    """The `n` largest entries of each row, and those that are equal to the last of them.

    >>> matrix = sp.csr_matrix([[5.0, -7.0, 1.0], [3.0, 0.0, 4.0]])
    >>> largest_of_rows(matrix, 2).toarray().tolist()
    [[5.0, 0.0, 1.0], [3.0, 0.0, 4.0]]

    Args:
        matrix: entries that are not stored do not count as zeros.
        n: at least 1.
        by: (nnz,) what makes an entry large, instead of its value.
    """
    keys = matrix.data if by is None else by
    least = np.full(matrix.shape[0], -np.inf)
    for row, (begin, end) in enumerate(pairwise(matrix.indptr)):
        if end - begin > n:
            least[row] = np.partition(keys[begin:end], end - begin - n)[end - begin - n]
    return kept_entries(matrix, keys >= np.repeat(least, np.diff(matrix.indptr)))


def frozen(array: npt.NDArray[Any] | None) -> Any:
    """The array itself, made read-only."""
    if array is not None:
        array.flags.writeable = False
    return array


def frozen_csr(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """The matrix itself, which must be sorted and without duplicates: marked so, made read-only."""
    matrix.has_sorted_indices = True
    matrix.has_canonical_format = True
    for array in (matrix.data, matrix.indices, matrix.indptr):
        array.flags.writeable = False
    return matrix
