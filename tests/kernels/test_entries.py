"""Entries of CSR matrices: where pairs are, and elements that come in between."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.errors import ArgumentError
from recsys.kernels import copied, find_entries, inserted


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_pairs_are_where_the_dense_matrix_has_them(seed: int, n_threads: int) -> None:
    rng = np.random.default_rng(seed)
    dense = rng.random((rng.integers(1, 9), rng.integers(1, 9))) < rng.random()
    matrix = sp.csr_matrix(dense)
    rows, columns = (rng.integers(0, n, 40) for n in dense.shape)
    found = find_entries(matrix.indptr, matrix.indices, rows, columns, n_threads)
    assert np.array_equal(found.there, dense[rows, columns])
    before = [
        dense[:row].sum() + dense[row, :column].sum()
        for row, column in zip(rows, columns, strict=True)
    ]
    assert found.at.tolist() == before


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([np.float32, np.int32, np.int64]))
def test_elements_are_inserted_as_by_numpy(seed: int, dtype: Any) -> None:
    rng = np.random.default_rng(seed)
    old: Any = rng.integers(0, 1000, rng.integers(0, 30)).astype(dtype)
    at = np.sort(rng.integers(0, len(old) + 1, rng.integers(0, 30)))
    more: Any = rng.integers(0, 1000, len(at)).astype(dtype)
    new = inserted(old, at, more)
    assert new.dtype == dtype
    assert np.array_equal(new, np.insert(old, at, more))
    assert not np.shares_memory(new, old)


def test_many_elements_at_any_number_of_threads() -> None:
    rng = np.random.default_rng(0)
    old, at = rng.random(100_000, np.float32), np.sort(rng.integers(0, 100_001, 20_000))
    more = rng.random(len(at), np.float32)
    for n_threads in (1, 2, 5):
        assert np.array_equal(inserted(old, at, more, n_threads), np.insert(old, at, more))
    table = rng.random((9_000, 7), np.float32)
    copy = copied(table, 3)
    assert np.array_equal(copy, table)
    assert not np.shares_memory(copy, table)


STARTS = np.array([0, 2, 3])
COLUMNS = np.array([1, 3, 0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((STARTS, COLUMNS, [0], [1, 2]), "1 rows do not go with 2 columns"),
        ((STARTS, COLUMNS, [2], [1]), r"outside 0 \.\. 1"),
        ((STARTS, COLUMNS, [-1], [1]), r"outside 0 \.\. 1"),
        ((STARTS, COLUMNS[:2], [0], [1]), "2 rows of 2 entries"),
        ((np.array([0, 4, 3]), COLUMNS, [0], [1]), "2 rows of 3 entries"),
    ],
)
def test_pairs_that_no_matrix_has(arguments: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        find_entries(*arguments)


OLD = np.array([5, 7], np.float32)


@pytest.mark.parametrize(
    ("at", "more", "message"),
    [
        ([3], np.array([1], np.float32), "between 0 and 2"),
        ([-1], np.array([1], np.float32), "between 0 and 2"),
        ([1, 0], np.array([1, 2], np.float32), "must not decrease"),
        ([1], np.array([1, 2], np.float32), "1 positions do not go with 2 elements"),
        ([1], np.array([1], np.float64), "of one type, not float32 and float64"),
    ],
)
def test_positions_that_are_none(at: list[int], more: np.ndarray, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        inserted(OLD, np.array(at), more)
