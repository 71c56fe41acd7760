"""The row problem as a value: its matrices, right sides and gradients by the formula."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import random_csr

from recsys.models import row_problem
from recsys.models.row_problem import RowProblem

Dense = tuple[np.ndarray, np.ndarray]


def random_problem(seed: int, optional: set[str], width: int = 3) -> tuple[RowProblem, Dense]:
    """A problem with the optional parts that are named, and its A (n, f, f) and b (n, f)."""
    rng = np.random.default_rng(seed)
    matrix, n, m = random_csr(5, 7, 0.5, rng), 5, 7
    table = rng.normal(size=(m, width)).astype(np.float32)
    ridge = rng.uniform(0.5, 2, n)
    drawn: dict[str, Any] = {
        "weights": rng.uniform(0, 3, matrix.nnz).astype(np.float32),
        "targets": rng.normal(size=matrix.nnz).astype(np.float32),
        "base": np.diag(rng.uniform(0.5, 2, width)).astype(np.float32),
        "base_rhs": rng.normal(size=(n, width)).astype(np.float32),
    }
    parts = {name: drawn[name] for name in optional}
    left = np.zeros((n, width, width)) + parts.get("base", 0)
    right = np.zeros((n, width)) + parts.get("base_rhs", 0)
    weights = parts.get("weights", np.ones(matrix.nnz))
    targets = parts.get("targets", np.zeros(matrix.nnz))
    y = table.astype(float)
    for row in range(n):
        left[row] += ridge[row] * np.eye(width)
        for at in range(matrix.indptr[row], matrix.indptr[row + 1]):
            entry = y[matrix.indices[at]]
            left[row] += weights[at] * np.outer(entry, entry)
            right[row] += targets[at] * entry
    return RowProblem(matrix, table, ridge, **parts), (left, right)


PARTS = st.sets(st.sampled_from(["weights", "targets", "base", "base_rhs"]))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), PARTS)
def test_both_sides_of_the_equations_are_the_formula(seed: int, optional: set[str]) -> None:
    problem, (left, right) = random_problem(seed, optional)
    blocks = list(problem.normal_matrices())
    assert [first for first, _ in blocks] == [0]
    assert blocks[0][1] == pytest.approx(left, abs=1e-5)
    assert problem.right_sides == pytest.approx(right, abs=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), PARTS)
def test_the_gradient_is_ax_minus_b_and_zero_at_the_solution(seed: int, optional: set[str]) -> None:
    problem, (left, right) = random_problem(seed, optional)
    x = np.random.default_rng(seed).normal(size=right.shape).astype(np.float32)
    expected = np.einsum("nfg,ng->nf", left, x.astype(float)) - right
    assert problem.gradients(x) == pytest.approx(expected, abs=1e-4)
    solution, energy = problem.solve()
    assert problem.gradients(solution) == pytest.approx(0, abs=1e-4)
    exact = np.linalg.solve(left, right[..., None])[..., 0]
    assert solution == pytest.approx(exact, abs=1e-4)
    assert energy == pytest.approx(-np.einsum("nf,nf->n", exact, right), abs=1e-3)


def test_one_ridge_and_a_diagonal_base_mean_the_same_for_every_row() -> None:
    problem, _ = random_problem(1, {"targets"})
    whole = RowProblem(
        problem.matrix, problem.table, np.full(5, 0.7), None, problem.targets,
        np.diag([1.0, 2.0, 3.0]).astype(np.float32),
    )  # fmt: skip
    short = RowProblem(
        problem.matrix, problem.table, 0.7, None, problem.targets,
        np.array([1.0, 2.0, 3.0], np.float32),
    )  # fmt: skip
    (_, expected), (_, found) = *whole.normal_matrices(), *short.normal_matrices()
    assert np.array_equal(found, expected)
    x = np.ones((5, 3), np.float32)
    assert np.array_equal(short.gradients(x), whole.gradients(x))
    assert short.solve()[0] == pytest.approx(whole.solve()[0], abs=1e-6)


def test_blocks_of_rows_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, (left, _) = random_problem(2, {"weights", "base"})
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    gradient = problem.gradients(x)
    monkeypatch.setattr(row_problem, "_NUMBERS", 18)  # two matrices of nine numbers
    blocks = list(problem.normal_matrices())
    assert [(first, len(block)) for first, block in blocks] == [(0, 2), (2, 2), (4, 1)]
    assert np.concatenate([block for _, block in blocks]) == pytest.approx(left, abs=1e-5)
    assert problem.gradients(x) == pytest.approx(gradient, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), PARTS)
def test_each_entry_contributes_what_the_row_has_with_it_alone_as_target(
    seed: int, optional: set[str]
) -> None:
    whole, _ = random_problem(seed, optional | {"targets"})
    begin, end = whole.matrix.indptr[0], whole.matrix.indptr[1]
    weights = None if whole.weights is None else whole.weights[begin:end]
    targets = np.asarray(whole.targets)[begin:end]
    ridge = np.asarray(whole.ridge)[:1]
    first = RowProblem(whole.matrix[[0]], whole.table, ridge, weights, targets, whole.base)
    found = first.contributions()
    assert found.shape == (end - begin, whole.table.shape[1])
    for entry in range(end - begin):
        alone = np.where(np.arange(end - begin) == entry, targets, 0).astype(np.float32)
        assert replace(first, targets=alone).solve()[0][0] == pytest.approx(found[entry], abs=1e-4)
