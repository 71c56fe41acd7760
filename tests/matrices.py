"""Random sparse matrices for tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp


def random_csr(
    n_rows: int, n_columns: int, density: float, rng: np.random.Generator
) -> sp.csr_matrix:
    """Sorted float32 CSR (n_rows, n_columns) with this share of entries, uniform in 0 to 1."""
    matrix: Any = sp.random(n_rows, n_columns, density, "csr", np.float32, rng)
    matrix.sort_indices()
    return sp.csr_matrix(matrix)
