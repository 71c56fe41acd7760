"""Kernels over whole tables: sums of squares, diagonal matrices."""

import numpy as np

from recsys import kernels


def test_sums_of_squares_and_what_counts_as_diagonal() -> None:
    rng = np.random.default_rng(0)
    table, weights = rng.normal(size=(5000, 7)).astype(np.float32), rng.random(5000, np.float32)
    weighted, plain = kernels.sums_of_squares(table, weights)
    assert np.allclose(weighted, (weights[:, None] * table.astype(float) ** 2).sum(0), rtol=1e-5)
    assert np.allclose(plain, (table.astype(float) ** 2).sum(0), rtol=1e-5)
    again = kernels.sums_of_squares(table, weights, n_threads=1)
    assert np.array_equal([weighted, plain], again)
    gram = np.diag([3.0, 2.0, 1e-9])
    assert kernels.is_diagonal(gram)
    gram[0, 1] = gram[1, 0] = 1e-7
    assert kernels.is_diagonal(gram)
    gram[0, 1] = gram[1, 0] = 1e-5
    assert not kernels.is_diagonal(gram)
    assert kernels.is_diagonal(np.zeros((0, 0)))
