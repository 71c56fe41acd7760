"""Sums of rows of a table, against SciPy's product with ones."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import random_csr

from recsys import kernels
from recsys.errors import ArgumentError


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("width", [1, 7, 16, 17, 32, 33, 100, 130])
def test_sums_equal_a_product_with_ones(width: int) -> None:
    rng = np.random.default_rng(width)
    matrix = random_csr(300, 90, 0.2, rng)
    matrix.data[:] = 1
    table = rng.normal(size=(90, width)).astype(np.float32)
    one, two = (kernels.RowSums(matrix.indptr, matrix.indices, 90, n)(table) for n in (1, 3))
    assert np.array_equal(one, two)
    np.testing.assert_allclose(one, matrix @ table, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(lengths=st.lists(st.integers(0, 40), max_size=9), n_columns=st.integers(1, 50))
def test_any_rows_are_summed(lengths: list[int], n_columns: int) -> None:
    rng = np.random.default_rng(len(lengths))
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    columns = rng.integers(0, n_columns, indptr[-1]).astype(np.int32)
    table = rng.normal(size=(n_columns, 5)).astype(np.float32)
    found = kernels.RowSums(indptr, columns, n_columns)(table)
    for row, (begin, end) in enumerate(pairwise(indptr)):
        exact = table[columns[begin:end]].sum(axis=0, dtype=np.float64)
        np.testing.assert_allclose(found[row], exact, atol=1e-4)


def test_what_does_not_fit_is_named() -> None:
    columns = np.array([0, 4], np.int32)
    with pytest.raises(ArgumentError, match="column"):
        kernels.RowSums(np.array([0, 2]), columns, 4)
    sums = kernels.RowSums(np.array([0, 2]), columns, 5)
    with pytest.raises(ArgumentError, match="table must be"):
        sums(np.ones((4, 2), np.float32))
