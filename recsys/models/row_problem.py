"""The row problem that every least-squares model poses, as a value to solve or to examine.

(base + Σ w·y·yᵀ + ridge·I) x = base_rhs + Σ t·y        sums over the entries of a row
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from recsys import kernels
from recsys.csr import entry_rows, with_values
from recsys.lazy import sp
from recsys.models.common import FloatArray
from recsys.threads import one_blas_thread

FloatMatrix = npt.NDArray[np.float64]

_NUMBERS = 1 << 22  # numbers of normal matrices formed together: 32 MB
_GATHERED = 1 << 16  # numbers of the table gathered at once for the gradients: they stay in a cache


@dataclass(frozen=True)
class RowProblem:
    """The linear systems of all rows of a matrix, the other side's factors fixed."""

    matrix: sp.csr_matrix
    """(n, n_other); only the positions of its entries are used."""
    table: FloatArray
    """(n_other, f) y."""
    ridge: npt.ArrayLike
    """(n,), or one number for all rows."""
    weights: FloatArray | None = None
    """(nnz,) w; None for all 1."""
    targets: FloatArray | float = 0.0
    """(nnz,) t, or one number for all entries."""
    base: FloatArray | None = None
    """(f, f), or (f,) the diagonal of a diagonal one; None for zeros."""
    base_rhs: FloatArray | None = None
    """(n, f), or (f,) for all rows; None for zeros."""
    typical: FloatArray | None = None
    """`kernels.typical_square` of the table, where it is known; see `kernels.solve_rows`."""
    halves: kernels.Halves | None = None
    """`kernels.halved` of the table, to solve with a number of steps; the base is diagonal."""

    def solve(
        self,
        start: FloatArray | None = None,
        cg_steps: int = 0,
        *,
        overwrite_start: bool = False,
        relaxation: float = 1.0,
        spread: FloatArray | None = None,
    ) -> tuple[FloatArray, npt.NDArray[np.float64]]:
        """Solutions (n, f) and energies xᵀAx − 2xᵀb; see `kernels.solve_rows`."""
        return kernels.solve_rows(
            self.matrix.indptr,
            self.matrix.indices,
            self.table,
            self._of_rows(np.float32),
            weights=self.weights,
            targets=self.targets,
            base=self.base,
            base_rhs=self.base_rhs,
            start=start,
            overwrite_start=overwrite_start,
            cg_steps=cg_steps,
            relaxation=relaxation,
            typical=None if cg_steps else self.typical,
            spread=spread,
            halves=self.halves,
        )

    def normal_matrices(
        self, rows: npt.NDArray[np.int64] | None = None
    ) -> Iterator[tuple[int, FloatMatrix]]:
        """Blocks (first position in `rows`, (b, f, f) float64) of the matrices on the left.

        Args:
            rows: which, in that order; None for all.
        """
        rows = np.arange(self.matrix.shape[0]) if rows is None else rows
        width = self.table.shape[1]
        table = self.table.astype(np.float64)
        common = np.zeros((width, width)) if self.base is None else self._base
        indptr, columns = self.matrix.indptr, self.matrix.indices
        diagonal = np.arange(width)
        step = max(1, _NUMBERS // max(1, width * width))
        for first in range(0, len(rows), step):
            part = rows[first : first + step]
            block = np.repeat(common[None], len(part), axis=0)
            for i, row in enumerate(part):
                begin, end = indptr[row], indptr[row + 1]
                y = table[columns[begin:end]]
                w = 1.0 if self.weights is None else self.weights[begin:end, None]
                block[i] += (y * w).T @ y
            block[:, diagonal, diagonal] += self._ridges[part, None]
            yield first, block

    def contributions(self) -> FloatMatrix:
        """(nnz, f) float64 of a single row: A⁻¹ t y, what each entry adds to the solution.

        With the share of `base_rhs`, A⁻¹ base_rhs, they sum to the solution.
        """
        # Only the rows of the table that have entries: the whole may be large.
        used = self.matrix.indices
        positions = sp.csr_matrix(
            (self.matrix.data, np.arange(len(used)), [0, len(used)]), shape=(1, len(used))
        )
        own = replace(self, matrix=positions, table=self.table[used])
        _, (normal,) = next(own.normal_matrices())
        targets = np.broadcast_to(np.asarray(self.targets, np.float64), (len(used),))
        right = (own.table.astype(np.float64) * targets[:, None]).T
        with one_blas_thread():
            try:
                return np.asarray(np.linalg.solve(normal, right).T)
            except np.linalg.LinAlgError:  # without a ridge there may be many solutions
                return np.asarray(np.linalg.lstsq(normal, right, rcond=None)[0].T)

    def gradients(self, x: FloatArray) -> FloatMatrix:
        """(n, f) float64 `A x − b`: half the gradient of the loss at x, zero at the solution."""
        table = self.table.astype(np.float64)
        rows = entry_rows(self.matrix)
        own = x.astype(np.float64)
        scores = np.empty(self.matrix.nnz)
        step = max(1, _GATHERED // max(1, table.shape[1]))
        for start in range(0, len(scores), step):
            part = slice(start, start + step)
            entries = table[self.matrix.indices[part]]
            scores[part] = np.einsum("nf,nf->n", own[rows[part]], entries)
        if self.weights is not None:
            scores *= self.weights
        scores -= self.targets
        gradient = with_values(self.matrix, scores) @ table + own * self._ridges[:, None]
        if self.base is not None:
            gradient += own @ self._base
        if self.base_rhs is not None:
            gradient -= self.base_rhs
        return np.asarray(gradient)

    @property
    def right_sides(self) -> FloatMatrix:
        """(n, f) float64 `b`."""
        targets = np.broadcast_to(np.asarray(self.targets, np.float64), (self.matrix.nnz,))
        right = np.asarray(with_values(self.matrix, targets) @ self.table.astype(np.float64))
        return right if self.base_rhs is None else right + self.base_rhs

    @property
    def _base(self) -> FloatMatrix:
        base = np.asarray(self.base, np.float64)
        return np.diag(base) if base.ndim == 1 else base

    @property
    def _ridges(self) -> npt.NDArray[np.float64]:
        return self._of_rows(np.float64)

    def _of_rows(self, dtype: type[np.floating[Any]]) -> npt.NDArray[Any]:
        # (n,) the ridge of each row.
        ridge = np.asarray(self.ridge, dtype)
        return ridge if ridge.ndim else np.broadcast_to(ridge, self.matrix.shape[:1])
