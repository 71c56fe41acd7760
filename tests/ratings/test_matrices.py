"""`Ratings.from_matrix`."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import recsys
from recsys.errors import ArgumentError, DataError

CELLS = np.array([[0, 5, 0], [0, 0, 0], [3, 0, 4.5]])


@pytest.mark.parametrize(
    "kind", [sp.csr_matrix, sp.csc_array, sp.coo_matrix, sp.lil_matrix, sp.dok_matrix, np.asarray]
)
def test_every_kind_of_matrix(kind: Any) -> None:
    ratings = recsys.Ratings.from_matrix(kind(CELLS))
    assert ratings.matrix.toarray().tolist() == CELLS.tolist()
    assert ratings.users.ids.tolist() == [0, 1, 2]  # also the one without a rating
    assert ratings.items.ids.tolist() == [0, 1, 2]
    assert ratings.n_ratings == 3
    assert ratings.account is not None
    assert ratings.account.layout == "matrix"


def test_stored_zeros_are_ratings_and_the_matrix_stays_as_it_is() -> None:
    matrix = sp.csr_matrix((np.array([0.0, 2, 1]), [2, 1, 1], [0, 3]), shape=(1, 3))
    before = matrix.data.copy()
    ratings = recsys.Ratings.from_matrix(matrix)
    assert ratings.n_ratings == 2
    assert ratings.matrix.toarray().tolist() == [[0, 3, 0]]  # repeated entries are summed
    assert (ratings.matrix.data == 0).sum() == 1
    assert matrix.data.tolist() == before.tolist()
    dense = np.array([[np.nan, 0.0, 2.0]])
    assert recsys.Ratings.from_matrix(dense).n_ratings == 2


def test_ids_and_titles() -> None:
    table = pd.DataFrame({"item": ["c", "a", "b"], "title": ["C", "A", "B"]})
    ratings = recsys.Ratings.from_matrix(CELLS, [30, 10, 20], ["b", "c", "a"], item_table=table)
    assert ratings.users.ids.tolist() == [10, 20, 30]
    assert ratings.items.ids.tolist() == ["a", "b", "c"]
    assert ratings.matrix.toarray().tolist() == [[0, 0, 0], [4.5, 3, 0], [0, 0, 5]]
    assert ratings.item_table["title"].tolist() == ["A", "B", "C"]
    model = recsys.train(recsys.Popularity(), ratings)
    assert len(model.recommend(10, 2)) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1, 2]], [1, 2]), r"users must be \(1,\), one id each"),
        (([[1, 2]], None, [7, 7]), "items must be different ids"),
        (([1, 2],), "matrix must have rows and columns"),
        (([["a", "b"]],), "matrix must hold numbers"),
    ],
)
def test_misuse_is_named(arguments: tuple[Any, ...], message: str) -> None:
    matrix, *ids = arguments
    with pytest.raises(ArgumentError, match=message):
        recsys.Ratings.from_matrix(np.array(matrix), *ids)


def test_values_that_are_not_finite_and_empty_matrices() -> None:
    with pytest.raises(DataError, match="row 0, column 1: inf is not a finite number"):
        recsys.Ratings.from_matrix(sp.csr_matrix([[1, np.inf]]))
    with pytest.raises(DataError, match="holds no ratings"):
        recsys.Ratings.from_matrix(np.zeros((2, 2)))


@settings(max_examples=80, deadline=None)
@given(cells=arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 6)),
                    elements=st.sampled_from([0, 1, 2.5, -3])))  # fmt: skip
def test_dense_and_sparse_are_the_same(cells: Any) -> None:
    if cells.any():
        dense = recsys.Ratings.from_matrix(cells)
        assert dense.matrix.toarray().tolist() == cells.tolist()
        assert recsys.Ratings.from_matrix(sp.coo_matrix(cells)).fingerprint == dense.fingerprint


def test_an_array_that_python_2_wrote_is_read_without_a_warning(tmp_path: Path) -> None:
    np.save(tmp_path / "new.npy", CELLS)
    raw = (tmp_path / "new.npy").read_bytes()
    assert b"(3, 3), }  " in raw
    (tmp_path / "old.npy").write_bytes(raw.replace(b"(3, 3), }  ", b"(3L, 3L), }"))
    new, old = (recsys.read_ratings(tmp_path / name) for name in ("new.npy", "old.npy"))
    assert old.fingerprint == new.fingerprint
