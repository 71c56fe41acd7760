"""Kernels over whole tables: sums of squares, diagonal matrices."""

from dataclasses import replace

import numpy as np
import pytest
from row_cases import problem

import recsys
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


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_a_matrix_that_has_overflowed_gives_rows_that_are_nan(value: float) -> None:
    case = problem(0) | {"base": np.full((8, 8), value)}
    x, energy = kernels.solve_rows(**case)
    assert np.isnan(x).all()
    assert np.isnan(energy).all()


def test_folding_in_to_factors_that_overflow_is_an_error_in_words(sample: recsys.Ratings) -> None:
    model = recsys.train(recsys.ImplicitALS(4, n_epochs=2), sample)
    factors = model.factors
    huge = np.full_like(factors.item_factors, 3e38)
    broken = replace(factors, item_factors=huge)
    overflow = np.errstate(over="ignore", invalid="ignore")
    with overflow, pytest.raises(recsys.errors.FitError, match="no finite solution"):
        broken.fold_in_users(sample.matrix[:1])
