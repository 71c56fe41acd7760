"""Condition numbers and gradients of the linear systems behind a least-squares model."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from recsys.models.common import Side
from recsys.models.row_problem import RowProblem
from recsys.recommend.names import item_names
from recsys.recommend.recommender import Recommender
from recsys.threads import default_threads, one_blas_thread

FloatVector = npt.NDArray[np.float64]

_SIDES: tuple[Side, ...] = ("users", "items")

_WORK = 2**35
"""What the condition numbers of a side may cost, in units of some 0.1 ns: a few seconds."""


def conditions(model: Recommender, matrix: sp.csr_matrix | None) -> pd.DataFrame:
    """A row per user and item with ratings: side, id, name, ratings, condition, gradient.

    `condition` is the condition number of its normal matrix A, NaN outside the sample if there are
    too many to examine all (see `sampled`). `gradient` is ‖A x − b‖ / ‖b‖ at its stored factors x,
    zero for an exact solution; NaN where they rest on more than the ratings. The table is empty if
    the matrix is None or the model is not least squares.

    Args:
        model: a trained model.
        matrix: the feedback it was trained on, (n_users, n_items).
    """
    if matrix is None:
        return _NO_CONDITIONS
    tables = []
    for side in _SIDES:
        rows = matrix if side == "users" else matrix.T.tocsr()
        problem = model.factors.spec.problem_of(model.factors, rows, side)
        if problem is None:
            return _NO_CONDITIONS
        tables.append(_side(model, side, problem))
    return pd.concat(tables, ignore_index=True)


def sampled(counts: npt.NDArray[np.integer[Any]], width: int) -> npt.NDArray[np.int64]:
    """Rows whose condition number is computed: all rows with ratings, or a sample of bounded cost.

    The sample is evenly spaced over the rows in order of their numbers of ratings. So it is the
    same each time, and has a row with the fewest ratings and one with the most.

    Args:
        counts: (n,) numbers of ratings.
        width: f, of the normal matrices.

    >>> sampled(np.array([5, 0, 7]), 64)
    array([0, 2])
    """
    rated = np.flatnonzero(counts)
    rated = rated[np.argsort(counts[rated], kind="stable")]
    # Eigenvalues take f³, with an overhead that weighs as 256 f²; each rating adds f².
    mean = counts.sum() / max(1, len(rated))
    n_rows = max(2, int(_WORK / (max(1, width) ** 2 * (width + 256 + mean))))
    if n_rows < len(rated):
        rated = rated[np.linspace(0, len(rated) - 1, n_rows).round().astype(np.int64)]
    return np.sort(rated)


def examined_of(side: str, rows: pd.DataFrame) -> str:
    """The rows with condition numbers of a side in words: a sample, or all of them.

    >>> examined_of("users", pd.DataFrame({"condition": [1.0, 9.0]}))
    'users'
    >>> examined_of("users", pd.DataFrame({"condition": [1.0, float("nan"), 9.0]}))
    'a sample of 2 of 3 users'
    """
    examined = int(rows["condition"].notna().sum())
    return side if examined == len(rows) else f"a sample of {examined:,} of {len(rows):,} {side}"


def condition_numbers(
    problem: RowProblem, rows: npt.NDArray[np.int64] | None = None
) -> FloatVector:
    """(n,) largest over smallest eigenvalue of each normal matrix; infinite where a matrix is not
    positive definite in float64.

    Args:
        problem: the linear systems.
        rows: (n,) of which rows; None for all.

    Source: the 2-norm condition number of a symmetric matrix (Golub, Van Loan, "Matrix
    Computations", 2.6.2).
    """
    found = np.empty(problem.matrix.shape[0] if rows is None else len(rows))

    def block(part: tuple[int, npt.NDArray[np.float64]]) -> None:
        first, matrices = part
        values = np.linalg.eigvalsh(matrices)
        smallest, largest = values[:, 0], values[:, -1]
        definite = smallest > largest * np.finfo(np.float64).eps
        condition = np.divide(largest, smallest, out=np.full(len(values), np.inf), where=definite)
        found[first : first + len(values)] = condition

    # LAPACK's own threads do not speed up small matrices; a thread per block does. Only as many
    # blocks as threads are made at a time: all of them may be gigabytes.
    n_threads = default_threads()
    running: deque[Future[None]] = deque()
    with one_blas_thread(), ThreadPoolExecutor(n_threads) as pool:
        for part in problem.normal_matrices(rows):
            running.append(pool.submit(block, part))
            if len(running) > n_threads:
                running.popleft().result()
        for one in running:
            one.result()
    return found


_NO_CONDITIONS = pd.DataFrame(
    {
        "side": pd.Series(dtype=str), "id": pd.Series(dtype=object), "name": pd.Series(dtype=str),
        "ratings": pd.Series(dtype=np.int64), "condition": pd.Series(dtype=np.float64),
        "gradient": pd.Series(dtype=np.float64),
    }
)  # fmt: skip


def _side(model: Recommender, side: Side, problem: RowProblem) -> pd.DataFrame:
    factors = model.factors
    if side == "users":
        index, bias, x = factors.users, factors.user_bias, factors.user_factors
        names = [f"user {index.name(i)}" for i in range(len(index))]
    else:
        index, bias, x = factors.items, factors.item_bias, factors.item_factors
        names = item_names(model.item_table, index)
    if problem.table.shape[1] == x.shape[1] + 1:  # the bias is the last coordinate
        x = np.column_stack([x, bias / problem.table[0, -1]])
    rests_on_ratings = factors.spec.folds_in_exactly
    gradient = np.linalg.norm(problem.gradients(x), axis=1) if rests_on_ratings else np.nan
    right = np.linalg.norm(problem.right_sides, axis=1)
    counts = np.diff(problem.matrix.indptr)
    examined = sampled(counts, problem.table.shape[1])
    condition = np.full(len(counts), np.nan)
    condition[examined] = condition_numbers(problem, examined)
    table = pd.DataFrame(
        {
            "side": side,
            "id": index.ids.astype(object),
            "name": names,
            "ratings": counts.astype(np.int64),
            "condition": condition,
            "gradient": np.divide(gradient, right, out=np.zeros_like(right), where=right > 0),
        }
    )
    return table[counts > 0]
