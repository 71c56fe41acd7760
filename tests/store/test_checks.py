from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.store import checks

NAMES = "starts", "columns", "values"


def parts(matrix: sp.csr_matrix) -> dict[str, np.ndarray]:
    return {
        "starts": matrix.indptr.astype(np.int64),
        "columns": matrix.indices.astype(np.int32),
        "values": matrix.data.astype(np.float32),
    }


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    return parts(sp.csr_matrix([[1, 0, 2, 3], [0, 0, 0, 0], [0, 4, 5, 0]]))


def test_a_good_matrix_is_shared_and_frozen(arrays: dict[str, np.ndarray]) -> None:
    found = checks.csr(arrays, NAMES, (3, 4))
    assert found is not None
    matrix = found.matrix()
    assert matrix.toarray().tolist() == [[1, 0, 2, 3], [0, 0, 0, 0], [0, 4, 5, 0]]
    assert np.shares_memory(matrix.data, arrays["values"])
    assert np.shares_memory(matrix.indices, arrays["columns"])
    for array in (matrix.data, matrix.indices, matrix.indptr):
        assert not array.flags.writeable
    assert matrix.has_canonical_format


def test_without_any_of_the_arrays_there_is_no_matrix(arrays: dict[str, np.ndarray]) -> None:
    assert checks.csr({}, NAMES, (3, 4)) is None
    del arrays["columns"]
    with pytest.raises(ValueError, match="starts, columns, values belong together"):
        checks.csr(arrays, NAMES, (3, 4))


@pytest.mark.parametrize(
    ("name", "at", "value", "why"),
    [
        ("starts", 1, 10**12, "starts must increase from 0 to 5"),
        ("starts", 1, -1, "starts must increase from 0 to 5"),
        ("starts", 0, 1, "starts must increase from 0 to 5"),
        ("starts", 3, 4, "starts must increase from 0 to 5"),
        ("starts", 2, 2, "starts must increase from 0 to 5"),
        ("columns", 0, 2_000_000_000, "columns must lie in 0 .. 3"),
        ("columns", 4, 4, "columns must lie in 0 .. 3"),
        ("columns", 0, -1, "columns must lie in 0 .. 3"),
        ("columns", 1, 0, "columns must increase within each row"),
        ("columns", 0, 3, "columns must increase within each row"),
        ("columns", 4, 0, "columns must increase within each row"),
        ("values", 2, np.nan, "values must be finite"),
        ("values", 2, np.inf, "values must be finite"),
    ],
)
def test_matrices_that_would_crash_kernels_are_refused(
    name: str, at: int, value: float, why: str, arrays: dict[str, np.ndarray]
) -> None:
    arrays[name][at] = value
    with pytest.raises(ValueError, match=why):
        checks.csr(arrays, NAMES, (3, 4))


@pytest.mark.parametrize("name", NAMES)
def test_other_types_and_shapes_are_refused(name: str, arrays: dict[str, np.ndarray]) -> None:
    for other in (arrays[name].astype(np.int16), arrays[name][:-1], arrays[name][None]):
        with pytest.raises(ValueError, match="must be .* not"):
            checks.csr(arrays | {name: other}, NAMES, (3, 4))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.lists(st.integers(-1, 6), max_size=7), min_size=1, max_size=6),
    block=st.integers(1, 4),
)
def test_accepts_exactly_the_matrices_with_sorted_rows(rows: list[list[int]], block: int) -> None:
    """For any size of the blocks, also where a row or a fault is at the border of two."""
    arrays = {
        "starts": np.cumsum([0, *map(len, rows)]),
        "columns": np.array([column for row in rows for column in row], np.int32),
        "values": np.ones(sum(map(len, rows)), np.float32),
    }
    good = all(row == sorted(set(row)) and all(0 <= c < 6 for c in row) for row in rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "_BLOCK", block)
        if good:
            found = checks.csr(arrays, NAMES, (len(rows), 6))
            assert found is not None
            matrix = found.matrix()
            assert [matrix[u].indices.tolist() for u in range(len(rows))] == rows
        else:
            with pytest.raises(ValueError, match="columns must"):
                checks.csr(arrays, NAMES, (len(rows), 6))
