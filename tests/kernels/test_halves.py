"""Factors in 16 bits: what they hold, and that the solver reads them right."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_cases import WIDTHS, Case, assert_close, problem

from recsys import kernels
from recsys.errors import ArgumentError
from recsys.kernels.native import variant_for


def numbers_of(halves: np.ndarray, width: int) -> np.ndarray:
    """The numbers of halves, by the layout that vector.hpp describes."""
    lanes = variant_for(width).row_unit // 2
    words = halves.view(np.uint32).reshape(len(halves), -1, 1, lanes)
    pairs = np.concatenate([words << 16, words], axis=2).view(np.float32)
    return pairs.reshape(len(halves), -1)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.usefixtures("isa")
def test_the_table_is_rounded_to_what_the_halves_hold(width: int) -> None:
    rng = np.random.default_rng(width)
    table = rng.normal(size=(700, width)).astype(np.float32)
    table *= np.exp(rng.normal(scale=4, size=table.shape)).astype(np.float32)
    table[::5] = 0
    exact = table.copy()
    halves, _ = kernels.halved(table)
    numbers = numbers_of(halves, width)
    assert np.array_equal(numbers[:, :width], table)
    assert np.abs(numbers[:, width:]).max(initial=0) <= 2.0**-59
    assert (np.abs(table - exact) <= np.abs(exact) / 256).all()
    assert not table[::5].any()
    assert kernels.halves_memory(700, width) == halves.nbytes


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-(2.0**126), 2.0**126, width=32), min_size=1))
def test_any_number_keeps_eight_significant_bits(numbers: list[float]) -> None:
    exact = np.array([numbers], np.float32)
    table = exact.copy()
    kernels.halved(table)
    assert (np.abs(table - exact) <= np.abs(exact) / 256 + 2.0**-59).all()
    # What is rounded already stays: the upper half of a float alone is such a number.
    again = table.copy()
    kernels.halved(again)
    assert (np.abs(again - table) <= np.abs(table) / 256 + 2.0**-59).all()


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.usefixtures("isa")
def test_the_growth_of_the_sums_of_squares(weighted: bool, n_threads: int) -> None:
    rng = np.random.default_rng(0)
    table = rng.normal(size=(1001, 40)).astype(np.float32)
    weights = rng.random(1001).astype(np.float32) if weighted else None
    exact = table.astype(np.float64)
    out = np.empty((1100, kernels.halves_memory(1, 40) // 2), np.uint16)
    halves, changes = kernels.halved(table, weights, out=out, n_threads=n_threads)
    assert halves.base is out
    assert np.array_equal(numbers_of(halves, 40)[:, :40], table)
    w = np.ones(1001) if weights is None else weights
    expected = w @ (table.astype(np.float64) ** 2 - exact**2)
    assert np.allclose(changes, expected, rtol=1e-3, atol=1e-4)
    assert np.abs(changes).max() > 1e-3


def halved_case(case: Case) -> Case:
    # The same problem with the factors in 16 bits, which are those of the rounded table.
    case["base"] = np.diagonal(case["base"]).copy()
    halves, _ = kernels.halved(case["factors"])
    return {**case, "halves": halves}


@pytest.mark.parametrize("cg_steps", [1, 2, 5])
@pytest.mark.parametrize("width", [*WIDTHS, 200, 256, 300])
@pytest.mark.usefixtures("isa")
def test_halves_give_what_the_rounded_table_gives(width: int, cg_steps: int) -> None:
    case = problem(width, n_rows=30, width=width)
    halved = halved_case(case)
    start = np.random.default_rng(1).normal(size=(30, width)).astype(np.float32)
    x, energy = kernels.solve_rows(**halved, start=start, cg_steps=cg_steps, relaxation=1.3)
    expected = kernels.solve_rows(**case, start=start, cg_steps=cg_steps, relaxation=1.3)
    assert_close(x, expected[0], 1e-4)
    assert_close(energy, expected[1], 1e-4)


@pytest.mark.parametrize("width", [200, 256])
@pytest.mark.usefixtures("isa")
def test_long_rows_read_halves_block_by_block(width: int) -> None:
    case = problem(3, n_rows=6, n_columns=6000, width=width, density=0.5)
    case["base"] /= 100
    halved = halved_case(case)
    (x, energy), *others = [
        kernels.solve_rows(**halved, cg_steps=3, n_threads=n) for n in (1, 2, 5)
    ]
    expected = kernels.solve_rows(**case, cg_steps=3)
    assert_close(x, expected[0], 1e-4)
    assert_close(energy, expected[1], 1e-4)
    for other in others:
        assert np.array_equal(other[0], x)
        assert np.array_equal(other[1], energy)


def test_what_halves_are_not_for_is_an_error_in_words() -> None:
    case = problem(0)
    full = case["base"]
    halved = halved_case(case)
    with pytest.raises(ArgumentError, match="halves are for a number of cg_steps"):
        kernels.solve_rows(**halved)
    with pytest.raises(ArgumentError, match="diagonal base"):
        kernels.solve_rows(**halved | {"base": full}, cg_steps=2)
    with pytest.raises(ArgumentError, match="halves must be"):
        kernels.solve_rows(**halved | {"halves": halved["halves"][1:]}, cg_steps=2)
    with pytest.raises(ArgumentError, match="float32 in C order"):
        kernels.halved(case["factors"].T)
    with pytest.raises(ArgumentError, match="weights must be"):
        kernels.halved(case["factors"], np.ones(3, np.float32))
    with pytest.raises(ArgumentError, match="out must be"):
        kernels.halved(case["factors"], out=np.empty((2, 2), np.uint16))
