"""The decomposition against LAPACK, and against matrices whose singular values are known."""

import numpy as np
import pytest
import scipy.sparse as sp
from matrices import random_csr

from recsys.errors import FitError
from recsys.models import block_krylov
from recsys.models.truncated_svd import method, truncated_svd

RANK = 6


@pytest.fixture(params=["lapack", "gram", "krylov"])
def how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """One of the methods, whatever the size of the matrix."""
    monkeypatch.setattr("recsys.models.truncated_svd.method", lambda *_: request.param)
    return str(request.param)


def check(matrix: sp.csr_matrix, rank: int, atol: float = 1e-5) -> np.ndarray:
    """Orthonormal vectors, the values of LAPACK, and AᵀAv = σ²v."""
    v, values = truncated_svd(matrix, rank)
    dense = matrix.toarray().astype(np.float64)
    expected = np.linalg.svd(dense, compute_uv=False)[:rank]
    scale = max(expected[0], 1e-30)
    assert np.allclose(values, expected, atol=1e-7 * scale)
    assert v.dtype == np.float32
    assert np.allclose(v.T @ v, np.eye(rank), atol=1e-5)
    assert np.allclose(dense.T @ (dense @ v), v * values**2, atol=atol * scale**2)
    return v


@pytest.mark.parametrize("shape", [(500, 300), (300, 500)])
def test_random_matrices(how: str, shape: tuple[int, int]) -> None:
    check(random_csr(*shape, 0.05, np.random.default_rng(0)), RANK)


@pytest.mark.parametrize("shape", [(400, 300), (300, 400)])
def test_values_that_repeat_more_often_than_there_are_columns_in_a_block(
    how: str, shape: tuple[int, int]
) -> None:
    """A diagonal of 40 times 3, 100 times 2 and ones: the leading 50 are 40 threes, 10 twos."""
    diagonal = np.concatenate([np.full(40, 3.0), np.full(100, 2.0), np.ones(160)])
    matrix = sp.csr_matrix(sp.diags(diagonal, shape=shape), dtype=np.float32)
    assert block_krylov.sizes(RANK)[0] < 40
    check(matrix, RANK)
    values = truncated_svd(matrix, 50)[1]
    assert values == pytest.approx([3] * 40 + [2] * 10)


def test_unconnected_parts_each_have_the_value_one(how: str) -> None:
    """The normalized matrix of 60 groups of users who share no item: σ = 1 sixty times."""
    group = np.ones((7, 5)) / np.sqrt(35)
    matrix = sp.csr_matrix(sp.block_diag([group] * 60), dtype=np.float32)
    v = check(matrix, 20)
    assert truncated_svd(matrix, 20)[1] == pytest.approx(np.ones(20))
    # All of a vector is constant within a group.
    assert np.abs(np.ptp(v.reshape(60, 5, 20), axis=1)).max() < 1e-5


@pytest.mark.parametrize("shape", [(400, 300), (300, 400)])
def test_a_rank_that_the_matrix_does_not_have(how: str, shape: tuple[int, int]) -> None:
    """Three directions, and an item and a user without any entry."""
    rng = np.random.default_rng(1)
    dense = rng.random((shape[0], 3)) @ rng.random((3, shape[1]))
    dense[5] = dense[:, 7] = 0
    matrix = sp.csr_matrix(dense, dtype=np.float32)
    v, values = truncated_svd(matrix, RANK)
    assert values[:3] == pytest.approx(np.linalg.svd(dense, compute_uv=False)[:3], rel=1e-5)
    assert values[3:].max() < 1e-4 * values[0]
    assert not v[7].any()
    assert np.allclose(dense @ v @ v.T, dense, atol=1e-4)


def test_values_of_very_different_size(how: str) -> None:
    diagonal = np.concatenate([10.0 ** -np.arange(0, 5), np.full(295, 1e-6)])
    matrix = sp.csr_matrix(sp.diags(diagonal, shape=(400, 300)), dtype=np.float32)
    assert truncated_svd(matrix, 5)[1] == pytest.approx(diagonal[:5], rel=1e-4)


def test_the_same_bits_at_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = random_csr(3000, 1200, 0.02, np.random.default_rng(2))
    assert method(matrix.shape, RANK) == "krylov"
    found = []
    for threads in ("1", "2", "3"):
        monkeypatch.setenv("RECSYS_NUM_THREADS", threads)
        found.append(truncated_svd(matrix, RANK))
    for v, values in found[1:]:
        assert np.array_equal(v, found[0][0])
        assert np.array_equal(values, found[0][1])


def test_every_method_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert method((900, 900), 50) == "lapack"
    assert method((6040, 3706), 1024) == "gram"
    assert method((6040, 3706), 64) == "krylov"
    assert method((100_000, 20_000), 1024) == "krylov"
    assert method((100_000, 20_000), 15_000) == "gram"  # no basis is wide enough


def test_no_convergence_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_krylov, "_RESTARTS", 1)
    matrix = random_csr(3000, 1200, 0.02, np.random.default_rng(2))
    with pytest.raises(FitError, match="did not converge after 1 restarts; lower n_factors"):
        truncated_svd(matrix, 40)
