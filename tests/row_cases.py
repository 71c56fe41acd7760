"""Row problems for the tests of the solver."""

import numpy as np
import scipy.sparse as sp

WIDTHS = (1, 2, 7, 8, 16, 33, 64, 100, 130)


def problem(seed, n_rows=12, n_columns=40, width=8, density=0.4):
    rng = np.random.default_rng(seed)
    matrix = sp.random(n_rows, n_columns, density, "csr", np.float32, rng=rng)
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


def assert_close(ours, theirs, tolerance=2e-5):
    scale = max(1.0, float(np.abs(theirs).max(initial=0)))
    assert np.abs(ours - theirs).max(initial=0) <= tolerance * scale
