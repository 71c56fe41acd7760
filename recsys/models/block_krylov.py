"""Leading singular vectors of a large sparse matrix, by a block Krylov method with restarts.

A method that starts from a single vector finds, in exact arithmetic, one vector per distinct
singular value, and waits for rounding errors to bring in the others. Ratings that fall into many
unconnected parts have the value 1 once per part (after normalization), and there such a method
stalls. Here the start is a random block of more columns than vectors are wanted, so that every copy
is in it from the beginning (Musco, Musco 2015, "Randomized Block Krylov Methods for Stronger and
Faster Approximate Singular Value Decomposition").

The products with A and Aᵀ and the orthogonalization are cut into blocks of rows that do not depend
on the number of threads, and parts are added up in the order of the rows: the same bits at any
number of threads.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.errors import FitError
from recsys.kernels.dense import in_blocks

Matrix = npt.NDArray[np.float64]

_TOLERANCE = 1e-5  # length of AᵀAv − σ²v, over σ²
_NOTHING = 1e-12  # the same over the largest σ², where σ is as good as zero
_RESTARTS = 200  # at most
_PIECES = 16  # of the rows of a table; what each sums up is held until the last is done
_ROWS = 256  # of a piece, at least
_PASSES = 6  # of orthogonalization, at most; two are the rule
_ORTHOGONAL = 1e-10  # largest product of two columns that are orthogonal
_DEPENDENT = 1e-4  # a column this close to those before it is not left to Cholesky


def sizes(rank: int) -> tuple[int, int]:
    """Columns of a block, and of the basis of whole blocks, for so many vectors.

    A wide basis means few restarts, and work and memory in proportion to its width.
    """
    block = rank + max(8, min(rank // 4, 32))
    return block, block * max(3, min(8, 1536 // block))


def leading_right_vectors(matrix: sp.csr_matrix, rank: int) -> tuple[Matrix, Matrix]:
    """The `rank` leading right singular vectors (n_columns, rank) and values, largest first.

    ‖AᵀA v − σ² v‖ is at most 1e-5 σ² for each, or 1e-12 of the largest σ² where σ is smaller. The
    matrix must have at least `sum(sizes(rank))` columns, and is best not wider than tall.

    Raises:
        FitError: no convergence.
    """
    gram = _Gram(sp.csr_matrix(matrix, dtype=np.float64))
    vectors, squares = _leading_eigenvectors(gram, rank)
    return vectors, np.sqrt(np.maximum(squares, 0))


class _Gram:
    # AᵀA as a product with A and one with Aᵀ, each in pieces of rows with about as many entries.

    def __init__(self, matrix: sp.csr_matrix) -> None:
        self.size = matrix.shape[1]
        self._sides = [_pieces(matrix), _pieces(sp.csr_matrix(matrix.T))]

    def __call__(self, table: Matrix) -> Matrix:
        return _product(self._sides[1], _product(self._sides[0], table))


def _pieces(matrix: sp.csr_matrix) -> list[tuple[slice, sp.csr_matrix]]:
    shares = np.linspace(0, matrix.nnz, _PIECES + 1)[1:-1]
    cuts = [0, *np.searchsorted(matrix.indptr, shares), matrix.shape[0]]
    return [(slice(a, b), _rows(matrix, a, b)) for a, b in pairwise(cuts) if a < b]


def _rows(matrix: sp.csr_matrix, start: int, stop: int) -> sp.csr_matrix:
    # matrix[start:stop], without copying the entries.
    entries = slice(matrix.indptr[start], matrix.indptr[stop])
    indptr = matrix.indptr[start : stop + 1] - matrix.indptr[start]
    shape = stop - start, matrix.shape[1]
    return sp.csr_matrix((matrix.data[entries], matrix.indices[entries], indptr), shape=shape)


def _product(pieces: list[tuple[slice, sp.csr_matrix]], table: Matrix) -> Matrix:
    out = np.empty((pieces[-1][0].stop, table.shape[1]))

    def piece(i: int) -> None:
        rows, part = pieces[i]
        out[rows] = part @ table

    in_blocks(piece, range(len(pieces)))
    return out


def _leading_eigenvectors(gram: _Gram, rank: int) -> tuple[Matrix, Matrix]:
    # Block Lanczos with full orthogonalization. When the basis is full, it starts again from the
    # best vectors in it and the block to come, which keeps what was found (thick restart: Wu, Simon
    # 2000). All of AᵀA inside the basis is computed, none of it assumed to be zero.
    block, width = sizes(rank)
    rng = np.random.default_rng(0)
    basis = np.empty((gram.size, width))
    inside = np.zeros((width, width))
    new, _ = _orthonormal_to(basis[:, :0], rng.standard_normal((gram.size, block)), rng)
    done = 0
    for _ in range(_RESTARTS):
        while done + block <= width:
            own = slice(done, done + block)
            basis[:, own], done = new, own.stop
            known = basis[:, :done]
            image = gram(new)
            onto = _cross(known, image)
            inside[:done, own], inside[own, :done] = onto, onto.T
            _subtract(image, known, onto)
            new, beyond = _orthonormal_to(known, image, rng)
        squares, turns = np.linalg.eigh(inside[:done, :done])
        squares, turns = squares[::-1][:block], turns[:, ::-1][:, :block]
        lengths = np.linalg.norm(beyond @ turns[own, :rank], axis=0)
        vectors = _times(known, turns)
        if (lengths <= np.maximum(_TOLERANCE * squares[:rank], _NOTHING * squares[0])).all():
            return vectors[:, :rank], squares[:rank]
        basis[:, :block], done = vectors, block
        inside[:] = 0
        inside[range(block), range(block)] = squares
    raise FitError(
        f"the decomposition did not converge after {_RESTARTS} restarts; lower n_factors"
    )


def _orthonormal_to(
    known: Matrix, table: Matrix, rng: np.random.Generator
) -> tuple[Matrix, Matrix]:
    # An orthonormal block, orthogonal to what is known, and R with table = block R but for what is
    # known. Where the table has fewer dimensions than columns, the block has other directions,
    # which are as good as new random ones.
    r = np.eye(table.shape[1])
    for i in range(_PASSES):
        empty = ~table.any(axis=0)
        table[:, empty] = rng.standard_normal((len(table), int(empty.sum())))
        r[empty] = 0
        table, turn = _qr(table)
        r = turn @ r
        onto = _cross(known, table)
        _subtract(table, known, onto)
        if i and np.abs(onto).max(initial=0) < _ORTHOGONAL:
            break
    return table, r


def _qr(table: Matrix) -> tuple[Matrix, Matrix]:
    # By Cholesky, which runs in pieces; twice is as good as Householder, and the caller repeats it.
    lengths = np.linalg.norm(table, axis=0)
    table = table / lengths
    try:
        lower = np.linalg.cholesky(_cross(table, table))
    except np.linalg.LinAlgError:
        lower = np.zeros((1, 1))
    if lower.diagonal().min() < _DEPENDENT:
        q, r = np.linalg.qr(table)
        return q, r * lengths
    return _times(table, np.linalg.inv(lower).T), lower.T * lengths


def _cross(left: Matrix, right: Matrix) -> Matrix:
    parts: dict[int, Matrix] = {}

    def piece(start: int) -> None:
        rows = slice(start, start + step)
        parts[start] = left[rows].T @ right[rows]

    step = _step(left)
    in_blocks(piece, range(0, len(left), step))
    total: Matrix = np.sum([parts[start] for start in sorted(parts)], axis=0)
    return total


def _times(table: Matrix, turn: Matrix) -> Matrix:
    out = np.empty((len(table), turn.shape[1]))

    def piece(start: int) -> None:
        rows = slice(start, start + step)
        out[rows] = table[rows] @ turn

    step = _step(table)
    in_blocks(piece, range(0, len(table), step))
    return out


def _subtract(table: Matrix, known: Matrix, onto: Matrix) -> None:
    def piece(start: int) -> None:
        rows = slice(start, start + step)
        table[rows] -= known[rows] @ onto

    step = _step(table)
    in_blocks(piece, range(0, len(table), step))


def _step(table: Matrix) -> int:
    return max(_ROWS, -(-len(table) // _PIECES))
