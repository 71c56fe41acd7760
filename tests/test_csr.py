"""Helpers for CSR matrices against dense arrays."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recsys.csr import entry_rows, frozen, frozen_csr, with_ones, with_values

DENSE = hnp.arrays(
    np.float32, st.tuples(st.integers(0, 6), st.integers(1, 6)), elements=st.integers(0, 2)
)


@settings(max_examples=100, deadline=None)
@given(DENSE)
def test_rows_of_the_entries_are_those_of_the_dense_matrix(dense: np.ndarray) -> None:
    assert entry_rows(sp.csr_matrix(dense)).tolist() == np.nonzero(dense)[0].tolist()


@settings(max_examples=100, deadline=None)
@given(DENSE)
def test_ones_are_where_the_dense_matrix_has_entries(dense: np.ndarray) -> None:
    ones = with_ones(sp.csr_matrix(dense))
    assert ones.dtype == np.float32
    assert np.array_equal(ones.toarray(), dense != 0)


@settings(max_examples=100, deadline=None)
@given(DENSE, st.integers(0, 1000))
def test_values_are_replaced_in_row_order_and_positions_are_shared(
    dense: np.ndarray, seed: int
) -> None:
    matrix = sp.csr_matrix(dense)
    values = np.random.default_rng(seed).normal(size=matrix.nnz)
    expected = np.zeros(dense.shape)
    expected[np.nonzero(dense)] = values
    replaced = with_values(matrix, values)
    assert np.array_equal(replaced.toarray(), expected)
    assert np.shares_memory(replaced.indptr, matrix.indptr)
    assert np.array_equal(matrix.toarray(), dense)


def test_frozen_objects_are_the_same_and_read_only() -> None:
    array = np.zeros(3)
    assert frozen(array) is array
    assert frozen(None) is None
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1
    matrix = sp.csr_matrix(np.eye(3))
    assert frozen_csr(matrix) is matrix
    assert matrix.has_canonical_format
    for part in (matrix.data, matrix.indices, matrix.indptr):
        with pytest.raises(ValueError, match="read-only"):
            part[0] = 1
