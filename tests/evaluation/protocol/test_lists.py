import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recsys.evaluation.protocol.lists import contains


@settings(max_examples=100, deadline=None)
@given(
    hnp.arrays(np.int8, (3, 5), elements=st.integers(0, 2)),
    hnp.arrays(np.int64, (3, 4), elements=st.integers(-1, 4)),
)
def test_contains_equals_a_lookup_in_the_dense_matrix(
    dense: npt.NDArray[np.int8], items: npt.NDArray[np.int64]
) -> None:
    found = contains(sp.csr_matrix(dense), items)
    for row, asked, answers in zip(dense, items, found, strict=True):
        assert answers.tolist() == [item >= 0 and row[item] != 0 for item in asked]


def test_contains_counts_stored_zeros_and_takes_rows_without_entries() -> None:
    matrix = sp.csr_matrix((np.zeros(1), np.array([2]), np.array([0, 0, 1])), (2, 3))
    assert contains(matrix, np.array([[0, 2], [2, -1]])).tolist() == [[False, False], [True, False]]
    assert contains(sp.csr_matrix((1, 4)), np.array([[0, 1]])).tolist() == [[False, False]]
