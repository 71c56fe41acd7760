"""One side of a Bayesian factorization, drawn by Gibbs sampling.

Each row x of a side (factors and a bias) has the prior N(m + Wᵀ s, Λ⁻¹): m and Λ are shared, s are
the row's links (who or what it has ratings with, as a vector of length 1) and W (n_other, f + 1)
has a row for each of the other side, with the prior N(0, (λΛ)⁻¹).

    x | rest  ~  N(A⁻¹ b, A⁻¹),   A = Λ + α Σ y yᵀ,   b = Λ (m + Wᵀ s) + α Σ t y
    W | rest: (SᵀS + λ I) W = Sᵀ (X − m + E₁) + √λ E₂,   rows of E ~ N(0, Λ⁻¹)
    m, Λ | rest: Normal–Wishart;   λ | rest: Gamma

A draw of x is A⁻¹ b + U⁻¹ z with UᵀU = A, the factors of the exact solution, and z ~ N(0, I). One
of W is the solution with noise in the right side, by conjugate gradients. All noise is drawn in one
order, so the draws do not depend on the number of threads.

Salakhutdinov, Mnih 2008, "Bayesian Probabilistic Matrix Factorization using Markov Chain Monte
Carlo"; for W: Simm et al. 2017, "Macau: Scalable Bayesian Factorization with High-Dimensional Side
Information Using MCMC".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.linalg import cholesky, solve_triangular

from recsys import kernels
from recsys.csr import with_values
from recsys.models.common import FloatArray
from recsys.models.row_problem import RowProblem
from recsys.threads import default_threads

Matrix = npt.NDArray[np.float64]
Product = Callable[[FloatArray], FloatArray]
Rng = np.random.Generator

_CLOSE = 1e-2  # of the squared residual that conjugate gradients may leave: see docs/design.md
_STEPS = 50  # of conjugate gradients at most
_FEW = 200_000  # entries
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
        self._links = Links(matrix) if linked else None

    def draw_rows(self, targets: FloatArray, other: FloatArray, noise: float, rng: Rng) -> float:
        """Draws every row, given the other side; returns the sum of its squared errors.

        Args:
            targets: (nnz,) ratings without the mean and the biases of the other side.
            other: (n_other, f + 1) the other side, its last column 1.
            noise: standard deviation of a rating.
            rng: draws the noise.
        """
        by_links = self._links.forward if self._links is not None else None
        rows = posterior(self.matrix, targets, other, self.prior, noise, by_links)
        spread = rng.standard_normal(self.x.shape, np.float32)
        self.x, energies = drawn(rows, noise, spread)
        # The energy of a row is its Σ (t − x·y)² − Σ t², and what the prior adds.
        x, base, right = self.x.astype(np.float64), np.asarray(rows.base), np.asarray(rows.base_rhs)
        of_prior = np.vdot(x @ base, x) - 2 * np.vdot(x, right)
        return float(np.square(targets, dtype=np.float64).sum() + energies.sum() - of_prior)

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


def drawn(rows: RowProblem, noise: float, z: FloatArray) -> tuple[FloatArray, Matrix]:
    """Draws (n, f + 1) of rows, from z ~ N(0, I), and their energies.

    Args:
        rows: `posterior`, with the same noise.
        noise: standard deviation of a rating.
        z: (n, f + 1).
    """
    return rows.solve(spread=z * np.float32(noise))


def posterior(
    matrix: sp.csr_matrix,
    targets: FloatArray,
    other: FloatArray,
    prior: Prior,
    noise: float,
    by_links: Product | None = None,
) -> RowProblem:
    """The equations (f + 1) of the means of the rows given the rest, A x = b, divided by α.

    Args:
        matrix: (n, n_other); only the positions of its entries are used.
        targets: (nnz,) ratings without the mean and the biases of the other side.
        other: (n_other, f + 1) the other side, its last column 1.
        prior: of these rows.
        noise: standard deviation of a rating.
        by_links: product of the links with W; by default that of the links of `matrix`.
    """
    expected = np.broadcast_to(prior.mean, (matrix.shape[0], len(prior.mean)))
    if prior.links is not None:
        by_links = by_links or links_of(matrix).__matmul__
        expected = expected + by_links(prior.links)
    base = prior.precision * noise**2  # α = 1 / noise²
    return RowProblem(matrix, other, 0.0, None, targets, _float32(base), _float32(expected @ base))


class Links:
    """S (n, n_other), the links of every row, and products with it.

    All entries of a row are the same, so a product is a sum of rows, scaled.
    """

    def __init__(self, matrix: sp.csr_matrix) -> None:
        counts = np.maximum(np.diff(matrix.indptr), 1)
        self._scale = _float32(1 / np.sqrt(counts))[:, None]
        # Below that starting threads takes longer than the sums.
        threads = default_threads() if matrix.nnz > _FEW else 1
        n, n_other = matrix.shape
        by_other = matrix.T.tocsr()
        self._of_rows = kernels.RowSums(matrix.indptr, matrix.indices, n_other, threads)
        self._of_others = kernels.RowSums(by_other.indptr, by_other.indices, n, threads)
        squares = np.repeat(1 / counts, np.diff(matrix.indptr))
        self._diagonal = np.bincount(matrix.indices, squares, minlength=n_other)

    def forward(self, table: FloatArray) -> FloatArray:
        """S times a table (n_other, f): (n, f)."""
        return self._of_rows(table) * self._scale

    def _backward(self, table: FloatArray) -> FloatArray:
        # Sᵀ times a table (n, f).
        return self._of_others(table * self._scale)

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
        # (SᵀS + λ I) W = right, preconditioned by the diagonal. The columns are one system: with a
        # step for each of them every product with a row of numbers would take five times as long.
        inverse = _float32(1 / (self._diagonal + strength))[:, None]
        solution, rest = np.zeros_like(right), right.copy()
        scaled = inverse * rest
        direction, size = scaled.copy(), np.vdot(rest, scaled)
        enough = _CLOSE * size
        for _ in range(_STEPS):
            if size <= enough:
                break
            moved = self._backward(self.forward(direction)) + strength * direction
            step = size / np.vdot(direction, moved)
            solution += step * direction
            rest -= step * moved
            scaled = inverse * rest
            before, size = size, np.vdot(rest, scaled)
            direction *= size / before
            direction += scaled
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


def _float32(numbers: npt.ArrayLike) -> FloatArray:
    return np.asarray(numbers, np.float32)
