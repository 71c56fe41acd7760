"""What several rooms need of CSR matrices."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

Combine = Callable[[npt.NDArray[Any], npt.NDArray[Any]], npt.NDArray[Any]]
"""From the values of entries in one matrix, and of the same in another, to what counts."""


def entry_rows(matrix: sp.csr_matrix) -> npt.NDArray[np.int64]:
    """Row number (nnz,) of each entry, in the order of `matrix.data`.

    >>> entry_rows(sp.csr_matrix([[1, 0, 1], [0, 0, 0], [0, 1, 0]]))
    array([0, 0, 2])
    """
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def with_values(matrix: sp.csr_matrix, values: npt.NDArray[Any]) -> sp.csr_matrix:
    """A matrix with the same entries and other values (nnz,); indices and row starts are shared."""
    return sp.csr_matrix((values, matrix.indices, matrix.indptr), shape=matrix.shape, copy=False)


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


def merged(matrix: sp.csr_matrix, more: sp.csr_matrix, combine: Combine) -> sp.csr_matrix:
    """The entries of two matrices of one shape, both sorted; one that is in both is combined.

    Only the rows that `more` has entries in are searched; the others are copied as they are.

    >>> old, new = sp.csr_matrix([[5.0, 0.0], [3.0, 4.0]]), sp.csr_matrix([[1.0, 2.0], [0.0, 0.0]])
    >>> merged(old, new, np.maximum).toarray().tolist()
    [[5.0, 2.0], [3.0, 4.0]]

    Args:
        matrix: the larger one.
        more: the smaller one.
        combine: from both values (n,) of the entries in both to theirs.
    """
    rows = np.flatnonzero(np.diff(more.indptr))
    own, new = matrix[rows], more[rows]
    of_row, width = entry_rows(new), matrix.shape[1]
    keys, wanted = entry_rows(own) * width + own.indices, of_row * width + new.indices
    at = np.searchsorted(keys, wanted)
    there = np.zeros(len(at), bool)
    inside = at < len(keys)
    there[inside] = keys[at[inside]] == wanted[inside]
    places = at + (matrix.indptr[rows] - own.indptr[:-1])[of_row]
    data = matrix.data.copy()
    old = places[there]
    data[old] = combine(data[old], new.data[there])
    added = np.bincount(rows[of_row[~there]], minlength=matrix.shape[0])
    return sp.csr_matrix(
        (
            np.insert(data, places[~there], new.data[~there]),
            np.insert(matrix.indices, places[~there], new.indices[~there]),
            matrix.indptr + np.concatenate([[0], np.cumsum(added)]),
        ),
        shape=matrix.shape,
    )


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
