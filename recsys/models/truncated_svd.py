"""`truncated_svd`: the leading singular vectors of a sparse matrix, whatever its size."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.errors import ArgumentError, FitError
from recsys.models import block_krylov
from recsys.models.common import FloatArray
from recsys.threads import one_blas_thread

FloatMatrix = npt.NDArray[np.float64]

_LAPACK_BELOW = 1_000_000  # entries of a matrix, zeros included, that is decomposed as it is
_GRAM_BELOW = 8192  # columns up to which AᵀA is decomposed as a whole, if the rank is
_GRAM_SHARE = 20  # at least one in so many columns


def truncated_svd(matrix: sp.csr_matrix, rank: int) -> tuple[FloatArray, FloatMatrix]:
    """The `rank` leading right singular vectors (n_columns, rank) and values, largest first.

    Signs are fixed: the largest entry of each vector is positive. The same bits at any number of
    threads.

    Raises:
        ArgumentError: `rank` exceeds the smaller side.
        FitError: a value is not finite, or no convergence.
    """
    smaller = min(matrix.shape)
    if rank > smaller:
        raise ArgumentError(
            f"n_factors must be at most {smaller}, the smaller side of the {matrix.shape[0]} x "
            f"{matrix.shape[1]} matrix, not {rank}; lower it"
        )
    if not np.isfinite(matrix.data).all():
        raise FitError("the decomposition failed: a value is not finite; check the ratings")
    with one_blas_thread():
        v, values = _decomposed(matrix, rank)
    v[np.bincount(matrix.indices, minlength=matrix.shape[1]) == 0] = 0  # exactly, not nearly
    signs = np.sign(v[np.abs(v).argmax(axis=0), np.arange(rank)])
    return np.ascontiguousarray(v * np.where(signs == 0, 1, signs), np.float32), values


def method(shape: tuple[int, int], rank: int) -> str:
    """Which method suits: "lapack", "gram" or "krylov".

    >>> method((943, 1000), 50), method((6040, 3706), 512), method((6040, 3706), 64)
    ('lapack', 'gram', 'krylov')
    """
    smaller = min(shape)
    if shape[0] * shape[1] <= _LAPACK_BELOW:
        return "lapack"
    if smaller <= _GRAM_BELOW and smaller < _GRAM_SHARE * rank:
        return "gram"
    return "krylov" if sum(block_krylov.sizes(rank)) <= smaller else "gram"


def memory(shape: tuple[int, int], n_entries: int, rank: int) -> int:
    """Bytes that `truncated_svd` allocates at most."""
    smaller, larger = min(shape), max(shape)
    how = method(shape, rank)
    if how == "lapack":
        return 8 * (3 * smaller * larger + 2 * smaller**2)
    sides = (24 if how == "krylov" else 48) * n_entries + 24 * (smaller + larger)
    if how == "gram":
        return sides + 8 * (3 * smaller**2 + larger * rank)
    block, width = block_krylov.sizes(rank)
    return sides + 8 * (smaller * (width + 5 * block) + larger * 2 * block + 4 * width**2)


def _decomposed(matrix: sp.csr_matrix, rank: int) -> tuple[FloatMatrix, FloatMatrix]:
    how = method(matrix.shape, rank)
    if how == "lapack":
        _, values, vt = np.linalg.svd(matrix.toarray().astype(np.float64), full_matrices=False)
        return vt[:rank].T.copy(), values[:rank]
    # The smaller side has the same singular values, and costs less.
    wide = matrix.shape[0] < matrix.shape[1]
    tall = sp.csr_matrix(matrix.T if wide else matrix, dtype=np.float64)
    if how == "gram":
        squares, vectors = np.linalg.eigh((tall.T @ tall).toarray())
        values = np.sqrt(np.maximum(squares[::-1][:rank], 0))
        vectors = vectors[:, ::-1][:, :rank].copy()
    else:
        vectors, values = block_krylov.leading_right_vectors(tall, rank)
    if wide:
        lengths = np.maximum(values, np.finfo(np.float64).tiny)
        # Where a value is zero there is nothing to turn; QR fills up the basis.
        vectors, _ = np.linalg.qr(np.asarray(tall @ vectors) / lengths)
    return vectors, values
