"""Row problems for the tests of the solver."""

from typing import Any

import numpy as np
from matrices import random_csr

Case = dict[str, Any]
"""Arguments of `kernels.solve_rows` by name."""

WIDTHS = (1, 2, 7, 8, 16, 33, 64, 100, 130)


def problem(
    seed: int, n_rows: int = 12, n_columns: int = 40, width: int = 8, density: float = 0.4
) -> Case:
    rng = np.random.default_rng(seed)
    matrix = random_csr(n_rows, n_columns, density, rng)
    factors = rng.normal(size=(n_columns, width)).astype(np.float32)
    return {
        "indptr": matrix.indptr,
        "columns": matrix.indices,
        "factors": factors,
        "ridge": rng.uniform(0.5, 2, n_rows).astype(np.float32),
        "weights": rng.uniform(0, 3, matrix.nnz).astype(np.float32),
        "targets": rng.normal(size=matrix.nnz).astype(np.float32),
        "base": 0.3 * factors.T @ factors,
        "base_rhs": rng.normal(size=width).astype(np.float32),
    }


def assert_close(ours: np.ndarray, theirs: np.ndarray, tolerance: float = 2e-5) -> None:
    scale = max(1.0, float(np.abs(theirs).max(initial=0)))
    assert np.abs(ours - theirs).max(initial=0) <= tolerance * scale
