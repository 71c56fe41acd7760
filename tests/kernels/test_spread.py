"""Draws from the posterior of a row: exact solutions with a spread."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from row_cases import WIDTHS, assert_close, problem

from recsys import kernels
from recsys.errors import ArgumentError


@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.usefixtures("isa")
def test_a_spread_has_the_covariance_of_the_posterior(width: int, diagonal: bool) -> None:
    """Σ d dᵀ over z = e₁, e₂, ... is A⁻¹, where d is what z adds; the energy rises by z·z."""
    case = problem(width, n_rows=5, width=width)
    if diagonal:
        case["base"] = np.linspace(0.5, 2, width)
    mean, least = kernels.solve_rows(**case)
    n = len(mean)
    covariance = np.zeros((n, width, width))
    for k in range(width):
        z = np.zeros((n, width), np.float32)
        z[:, k] = 1
        added = (kernels.solve_rows(**case, spread=z)[0] - mean).astype(np.float64)
        covariance += added[:, :, None] * added[:, None, :]
    for row in range(n):
        assert_close(covariance[row], np.linalg.inv(reference.row_equations(row, **case)[0]), 1e-4)
    z = np.random.default_rng(width).normal(size=(n, width)).astype(np.float32)
    energy = kernels.solve_rows(**case, spread=z)[1]
    assert_close(energy, least + np.square(z, dtype=np.float64).sum(axis=1), 1e-4)


def test_a_spread_goes_with_exact_solutions_from_zero() -> None:
    case = problem(0)
    z = np.zeros((12, 8), np.float32)
    for wrong in ({"cg_steps": 2}, {"start": z}):
        with pytest.raises(ArgumentError, match="spread is for exact solutions without a start"):
            kernels.solve_rows(**case, spread=z, **wrong)
    with pytest.raises(ArgumentError, match="spread must be"):
        kernels.solve_rows(**case, spread=z[:3])


def test_a_row_without_entries_is_drawn_from_its_prior() -> None:
    empty = np.zeros(0, np.int32)
    x, _ = kernels.solve_rows(
        np.array([0, 0]), empty, np.ones((3, 2), np.float32), np.zeros(1, np.float32),
        base=np.array([4.0, 9.0]), spread=np.ones((1, 2), np.float32),
    )  # fmt: skip
    assert_close(x, np.array([[1 / 2, 1 / 3]]))
