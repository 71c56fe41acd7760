"""The data of the jobs: a synthetic matrix in the shape of MovieLens 20M, and MovieLens itself."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from benchmark_peer import REGULARIZATION, UNOBSERVED_WEIGHT

import recsys
from benchmark_jobs.peer import ROOT
from recsys import kernels
from recsys.csr import entry_rows, with_ones
from recsys.ids import IdIndex
from recsys.models.alternating import random_table
from recsys.ratings.ratings import Ratings

N_USERS, N_ITEMS, N_RATINGS = 138_000, 26_000, 11_000_000
MOVIELENS = {"MovieLens 1M": ROOT / "data" / "ml-1m", "MovieLens 100K": ROOT / "data" / "ml-100k"}
"""Folder of each real data set; jobs skip those that do not exist."""


def movielens(*names: str) -> Iterator[tuple[str, Ratings]]:
    """Name and ratings of these real data sets (all by default), as far as they exist."""
    for name in names or MOVIELENS:
        if MOVIELENS[name].exists():
            yield name, recsys.read_ratings(MOVIELENS[name])


def load(path: Path) -> Any:
    """The sparse matrix in a file."""
    return sp.load_npz(path)


def synthetic(size: float, seed: int = 0) -> sp.csr_matrix:
    """Ones where a user rated an item: about `size` × 11 million of them.

    The activity of users is lognormal, the popularity of items follows Zipf's law.
    """
    rng = np.random.default_rng(seed)
    n_users, n_items = int(N_USERS * size**0.5), int(N_ITEMS * size**0.5)
    activity = rng.lognormal(0, 1.2, n_users)
    # Active users draw some items twice; a quarter more draws makes up for that.
    activity = np.maximum(1, activity / activity.sum() * N_RATINGS * size * 1.25).astype(int)
    popularity = np.cumsum(1 / np.arange(1, n_items + 1) ** 0.9)
    draws = np.searchsorted(popularity / popularity[-1], rng.random(activity.sum()))
    items = rng.permutation(n_items)[np.minimum(draws, n_items - 1)]
    users = np.repeat(np.arange(n_users), activity)
    matrix = sp.csr_matrix((np.ones(len(users), np.float32), (users, items)), (n_users, n_items))
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def as_ratings(matrix: sp.csr_matrix) -> Ratings:
    """The matrix as `Ratings`, with row and column numbers as ids."""
    n_users, n_items = matrix.shape
    users, items = IdIndex(np.arange(n_users), "user"), IdIndex(np.arange(n_items), "item")
    table = pd.DataFrame(index=pd.RangeIndex(n_items))
    return Ratings(users, items, matrix, None, table, has_values=False)


def without_values(ratings: Ratings) -> Ratings:
    """The same ratings as implicit feedback: every value is 1."""
    return replace(ratings, matrix=with_ones(ratings.matrix), has_values=False)


def random_factors(matrix: sp.csr_matrix, width: int = 64) -> tuple[Any, Any]:
    """Random user and item factors for a matrix."""
    rng = np.random.default_rng(0)
    return random_table(rng, matrix.shape[0], width), random_table(rng, matrix.shape[1], width)


def factors_of(ratings: Ratings, x: Any, y: Any) -> recsys.Factors:
    """Given user and item factors, as a fit would return them."""
    return recsys.Factors.of(recsys.ImplicitALS(x.shape[1]), ratings, x, y)


def loss(matrix: sp.csr_matrix, x: Any, y: Any) -> float:
    """L of `ImplicitALS` on ones, by its formula, at the settings that all contenders get."""
    columns, rows = matrix.indices, entry_rows(matrix)
    fit = 0.0
    for start in range(0, matrix.nnz, 1 << 18):
        part = slice(start, start + (1 << 18))
        scores = np.einsum("nf,nf->n", x[rows[part]], y[columns[part]])
        fit += float(np.square(scores - 1, dtype=np.float64).sum())
    unobserved = float(np.vdot(kernels.gramian(x), kernels.gramian(y)))
    penalty = 0.0
    for table, other, counts in (
        (x, y, np.diff(matrix.indptr)),
        (y, x, np.bincount(columns, minlength=matrix.shape[1])),
    ):
        ridge = REGULARIZATION * (counts + UNOBSERVED_WEIGHT * len(other))
        penalty += float(kernels.sums_of_squares(table, ridge.astype(np.float32))[0].sum())
    return fit + UNOBSERVED_WEIGHT * unobserved + penalty
