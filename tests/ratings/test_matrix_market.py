"""Matrix Market files are read as SciPy reads good ones, and bad ones are refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp

import recsys
from recsys.errors import DataError
from recsys.ratings.matrix_market import read_matrix

HEAD = "%%MatrixMarket matrix coordinate real general\n"


def dense(matrix: Any) -> np.ndarray:
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix)


@pytest.mark.parametrize("symmetry", ["general", "symmetric", "skew-symmetric"])
@pytest.mark.parametrize("kind", ["real", "integer", "pattern", "array"])
def test_it_is_read_as_by_scipy(kind: str, symmetry: str) -> None:
    if kind == "pattern" and symmetry == "skew-symmetric":
        pytest.skip("there are no negative patterns")
    rng = np.random.default_rng(0)
    matrix = rng.integers(1, 6, (5, 5)) * (rng.random((5, 5)) < 0.6)
    if symmetry != "general":
        upper = np.triu(matrix, 1)
        matrix = upper + (upper.T if symmetry == "symmetric" else -upper.T)
    file = io.BytesIO()
    field = "real" if kind == "array" else kind
    given = matrix.astype(float) if kind == "array" else sp.coo_matrix(matrix)
    scipy.io.mmwrite(file, given, "made up", field, symmetry=symmetry)  # type: ignore[arg-type]
    expected = dense(scipy.io.mmread(io.BytesIO(file.getvalue())))
    assert np.array_equal(dense(read_matrix(io.BytesIO(file.getvalue()))), expected)


@pytest.mark.parametrize(
    "text",
    [
        "", "user,item\n1,2\n", "%%MatrixMarket matrix\n", HEAD, HEAD + "3 3\n",
        HEAD + "3 3 1\n", HEAD + "3 3 1\n1 1 1.#5\n", HEAD + "3 3 1\n1 1 0x10\n",
        HEAD + "3 3 1\n1 1\n", HEAD + "3 3 1\n4 1 2\n", HEAD + "3 3 1\n0 1 2\n",
        HEAD + "3 3 1\n1.5 1 2\n", HEAD + "3 3 1\n1 1 2\n2 2 2\n", HEAD + "3 3 1\n1 1 nan\n",
        HEAD + "3 3 1\nnan 1 1\n", HEAD + "3 3 -1\n", HEAD + "3 3 1\n\xff 1 1\n",
        HEAD.replace("real", "complex") + "3 3 1\n1 1 1 1\n",
        "%%MatrixMarket matrix array real symmetric\n2 3\n1\n2\n3\n4\n5\n6\n",
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "ratings.mtx"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=r"ratings\.mtx") as refused:
        recsys.read_ratings(file)
    assert "\n" not in str(refused.value)
