"""One side of a Bayesian factorization, drawn by Gibbs sampling.

Each row x of a side (factors and a bias) has the prior N(m + Wᵀ s, Λ⁻¹): m and Λ are shared, s are
the row's links (who or what it has ratings with, as a vector of length 1) and W (n_other, f + 1)
has a row for each of the other side, with the prior N(0, (λΛ)⁻¹).

    x | rest  ~  N(A⁻¹ b, A⁻¹),   A = Λ + α Σ y yᵀ,   b = Λ (m + Wᵀ s) + α Σ t y
    W | rest: (SᵀS + λ I) W = Sᵀ (X − m + E₁) + √λ E₂,   rows of E ~ N(0, Λ⁻¹)
    m, Λ | rest: Normal–Wishart;   λ | rest: Gamma

A draw of x is the exact solution with noise in the right side: A⁻¹ (b + √α Σ ε y + Λ^½ η) has
the mean A⁻¹ b and the covariance A⁻¹. One of W is made alike, by conjugate gradients. All noise is
drawn in one order, so the draws do not depend on the number of threads.

Salakhutdinov, Mnih 2008, "Bayesian Probabilistic Matrix Factorization using Markov Chain Monte
Carlo"; for W: Simm et al. 2017, "Macau: Scalable Bayesian Factorization with High-Dimensional Side
Information Using MCMC".
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.linalg import cholesky, solve_triangular

from recsys.csr import with_values
from recsys.models.common import FloatArray
from recsys.models.row_problem import RowProblem
from recsys.threads import default_threads

Matrix = npt.NDArray[np.float64]
Product = Callable[[FloatArray], FloatArray]
Rng = np.random.Generator

_CLOSE = 1e-2  # of the squared residual that conjugate gradients may leave; less changes nothing
_STEPS = 50  # of conjugate gradients at most
_FEW = 200_000  # entries below which starting threads takes longer than the product
_TRUST = 2.0  # how many rows the prior mean 0 of m counts for


@dataclass(frozen=True)
class Prior:
    """The prior of the rows of one side."""

    mean: Matrix
    """(f + 1,) m."""
    precision: Matrix
    """(f + 1, f + 1) Λ."""
    links: FloatArray | None = None
    """(n_other, f + 1) W; None without links."""
    strength: float = 1.0
    """λ, how strongly W is drawn to zero."""


class GibbsSide:
    """The rows of one side: what they are now, and their prior."""

    def __init__(self, matrix: sp.csr_matrix, width: int, linked: bool, rng: Rng) -> None:
        n, n_other = matrix.shape
        self.matrix = matrix
        self.x: FloatArray = rng.standard_normal((n, width + 1), dtype=np.float32)
        self.x *= np.float32(0.1 / math.sqrt(width))
        links = np.zeros((n_other, width + 1), np.float32) if linked else None
        self.prior = Prior(np.zeros(width + 1), np.eye(width + 1) * width, links)
        self._links = Links(links_of(matrix)) if linked else None

    def draw_rows(self, targets: FloatArray, other: FloatArray, noise: float, rng: Rng) -> None:
        """Draws every row, given the other side.

        Args:
            targets: (nnz,) ratings without the mean and the biases of the other side.
            other: (n_other, f + 1) the other side, its last column 1.
            noise: standard deviation of a rating.
            rng: draws the noise.
        """
        noisy, eta = drawn_noise(targets, self.prior, noise, len(self.x), rng)
        by_links = self._links.forward if self._links is not None else None
        drawn = posterior(self.matrix, noisy, other, self.prior, noise, by_links, eta)
        self.x = drawn.solve()[0]

    def drawn_prior(self, rng: Rng) -> Prior:
        """A prior, given the rows and the rest of the last prior."""
        links, strength, rest = None, self.prior.strength, self.x.astype(np.float64)
        if self._links is not None:
            links = self._links.draw(self.x, self.prior, rng)
            # Gamma(1, 1) before: the sum of squares counts in units of Λ⁻¹.
            squares = float(np.vdot(links @ self.prior.precision, links))
            strength = float(rng.gamma(1 + links.size / 2) / (1 + squares / 2))
            rest -= self._links.forward(links)
        return Prior(*_normal_wishart(rest, links, strength, rng), links, strength)


def drawn_noise(
    targets: FloatArray, prior: Prior, noise: float, n: int, rng: Rng
) -> tuple[FloatArray, Matrix]:
    """Targets (nnz,) with noise, and η (n, f + 1), with which the solutions are draws."""
    noisy = rng.standard_normal(len(targets), dtype=np.float32)
    noisy *= np.float32(noise)
    noisy += targets
    root = cholesky(prior.precision, lower=True)
    return noisy, rng.standard_normal((n, len(root))) @ root.T


def posterior(
    matrix: sp.csr_matrix,
    targets: FloatArray,
    other: FloatArray,
    prior: Prior,
    noise: float,
    by_links: Product | None = None,
    eta: Matrix | float = 0.0,
) -> RowProblem:
    """The equations (f + 1) of the rows: A x = b + η, with η = 0 those of the mean given the rest.

    Args:
        matrix: (n, n_other); only the positions of its entries are used.
        targets: (nnz,) ratings without the mean and the biases of the other side.
        other: (n_other, f + 1) the other side, its last column 1.
        prior: of these rows.
        noise: standard deviation of a rating.
        by_links: product of the links with W; by default that of the links of `matrix`.
        eta: (n, f + 1) noise in the right side.
    """
    expected = np.broadcast_to(prior.mean, (matrix.shape[0], len(prior.mean)))
    if prior.links is not None:
        by_links = by_links or links_of(matrix).__matmul__
        expected = expected + by_links(prior.links)
    right = expected @ prior.precision + eta
    # Everything is divided by α = 1 / noise².
    base, base_rhs = _float32(prior.precision * noise**2), _float32(right * noise**2)
    return RowProblem(matrix, other, 0.0, None, targets, base, base_rhs)


class Links:
    """S (n, n_other), the links of every row, and products with it in several threads."""

    def __init__(self, links: sp.csr_matrix) -> None:
        self.forward = _product(links)
        self._backward = _product(links.T.tocsr())
        squares = np.square(links.data, dtype=np.float64)
        self._diagonal = np.bincount(links.indices, squares, minlength=links.shape[1])

    def draw(self, x: FloatArray, prior: Prior, rng: Rng) -> FloatArray:
        """W (n_other, f + 1), drawn given the rows."""
        n, width = x.shape
        root = cholesky(prior.precision, lower=True)

        def noise(rows: int) -> Matrix:
            return _in_units_of(root, rng.standard_normal((rows, width)))

        target = self._backward(_float32(x - prior.mean + noise(n)))
        target += _float32(math.sqrt(prior.strength) * noise(len(self._diagonal)))
        return self._solve(target, np.float32(prior.strength))

    def _solve(self, right: FloatArray, strength: np.float32) -> FloatArray:
        # (SᵀS + λ I) W = right, all columns at once, preconditioned by the diagonal.
        inverse = _float32(1 / (self._diagonal + strength))[:, None]
        solution, rest = np.zeros_like(right), right.copy()
        scaled = inverse * rest
        direction, size = scaled.copy(), (rest * scaled).sum(axis=0)
        enough = _CLOSE * size
        for _ in range(_STEPS):
            if (size <= enough).all():
                break
            moved = self._backward(self.forward(direction)) + strength * direction
            along = (direction * moved).sum(axis=0)
            step = np.divide(size, along, out=np.zeros_like(size), where=along > 0)
            solution += step * direction
            rest -= step * moved
            scaled = inverse * rest
            before, size = size, (rest * scaled).sum(axis=0)
            turn = np.divide(size, before, out=np.zeros_like(size), where=before > 0)
            direction = scaled + turn * direction
        return solution


def links_of(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """1/√# for each of the # entries of a row, so that the row has length 1.

    >>> links_of(sp.csr_matrix(np.array([[5, 0, 1, 2, 1]]))).data
    array([0.5, 0.5, 0.5, 0.5], dtype=float32)
    """
    counts = np.diff(matrix.indptr)
    return with_values(matrix, _float32(np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts)))


def _normal_wishart(
    rows: Matrix, links: FloatArray | None, strength: float, rng: Rng
) -> tuple[Matrix, Matrix]:
    # The mean and precision of rows, whose prior is N(0, (2Λ)⁻¹) and Wishart(I, f + 1). Links are
    # rows of precision λΛ around zero.
    n, width = rows.shape
    middle = rows.mean(axis=0)
    around = rows - middle
    scatter = np.eye(width) + around.T @ around
    scatter += (_TRUST * n / (_TRUST + n)) * np.outer(middle, middle)
    count = width + n
    if links is not None:
        exact = links.astype(np.float64)
        scatter += strength * (exact.T @ exact)
        count += len(links)
    precision = _wishart(count, scatter, rng)
    deviation = _in_units_of(cholesky(precision, lower=True), rng.standard_normal((1, width)))
    return n / (_TRUST + n) * middle + deviation[0] / math.sqrt(_TRUST + n), precision


def _wishart(count: int, inverse_scale: Matrix, rng: Rng) -> Matrix:
    # Bartlett: L B Bᵀ Lᵀ with B lower triangular, its squared diagonal χ² and the rest N(0, 1).
    width = len(inverse_scale)
    draws = np.tril(rng.standard_normal((width, width)), -1)
    draws[np.diag_indices(width)] = np.sqrt(rng.chisquare(count - np.arange(width)))
    # The scale is V⁻¹ = R⁻ᵀ R⁻¹ with V = R Rᵀ, so L = R⁻ᵀ.
    root = cholesky(inverse_scale, lower=True)
    half = solve_triangular(root, draws, lower=True, trans="T")
    return np.asarray(half @ half.T)


def _in_units_of(root: Matrix, noise: Matrix) -> Matrix:
    # Rows of N(0, I) as rows of N(0, Λ⁻¹), where Λ = R Rᵀ: R⁻ᵀ has that covariance.
    return np.asarray(solve_triangular(root, noise.T, lower=True, trans="T").T)


def _product(matrix: sp.csr_matrix) -> Product:
    # matrix @ table, each block of rows by one thread.
    n_threads = default_threads() if matrix.nnz > _FEW else 1
    cuts = np.searchsorted(matrix.indptr, np.linspace(0, matrix.nnz, n_threads + 1)[1:-1])
    bounds = [0, *(int(cut) for cut in cuts), matrix.shape[0]]
    blocks = [matrix[a:b] for a, b in itertools.pairwise(bounds)]
    if n_threads == 1:
        return lambda table: np.asarray(matrix @ table)

    def product(table: FloatArray) -> FloatArray:
        with ThreadPoolExecutor(n_threads) as pool:
            return np.concatenate(list(pool.map(lambda block: block @ table, blocks)))

    return product


def _float32(numbers: npt.ArrayLike) -> FloatArray:
    return np.asarray(numbers, np.float32)
