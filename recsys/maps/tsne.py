"""t-SNE of a graph of nearest neighbours, without chance.

Each item is pulled towards its nearest neighbours and pushed away by all others, with the forces of
t-SNE (van der Maaten, Hinton 2008). All neighbours weigh the same, which gives nearly the picture
of a perplexity (Böhm, Berens, Kobak 2022). The start is a given plane, so the arrangement at large
is that of its axes (Kobak, Linderman 2021), and nothing is random.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.sparse as sp

FloatMatrix = npt.NDArray[np.float64]

_EARLY, _LATE = 150, 350  # steps
_EXAGGERATION = 12.0  # of the attraction in the early steps, so that groups find each other
_MOMENTUM = 0.5, 0.8  # early, late
_START = 1e-4  # spread of the start: small, so that far groups can still pass each other
_CELL = 0.5  # side of a cell of the grid; forces change over a length of 1
_SIDES = (64, 96, 128, 192, 256, 384, 512)  # of the grid, in cells
_GOLDEN = np.pi * (3 - np.sqrt(5))


def arrange(near: npt.NDArray[np.int32], start: FloatMatrix) -> FloatMatrix:
    """Places (n, 2) that keep nearest neighbours together, centred on 0.

    Args:
        near: (n, k) rows of the nearest neighbours of each, at least one; −1 where there are fewer.
        start: (n, 2) where they lie at first, in any unit.
    """
    n = len(near)
    attraction = _Attraction(near)
    places = _START * (start / max(float(start.std()), 1e-300) + 0.01 * _sunflower(n))
    speed, gains = np.zeros_like(places), np.ones_like(places)
    rate = 4 * n / _EXAGGERATION * attraction.patience
    for step in range(_EARLY + _LATE):
        late = step >= _EARLY
        pull = attraction(places) * (1 if late else _EXAGGERATION)
        force = repulsion(places) - pull
        gains = np.where(force * speed > 0, gains + 0.2, np.maximum(gains * 0.8, 0.01))
        speed = _MOMENTUM[late] * speed + rate * gains * force
        places += speed
        places -= places.mean(axis=0)
        # Weak structure shrinks to a point in the early steps, where only its shape matters.
        spread = np.sqrt(np.square(places).mean(axis=0))
        places *= np.maximum(1, _START / np.maximum(spread, 1e-300))
    return places


def _sunflower(n: int) -> FloatMatrix:
    # Evenly over a disc of radius 1: no two items start at the same place, which they never leave.
    angle, radius = _GOLDEN * np.arange(n), np.sqrt((np.arange(n) + 0.5) / n)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


class _Attraction:
    """Σ_j p_ij q_ij (y_i − y_j), with p the shares of the edges and q = 1 / (1 + distance²)."""

    def __init__(self, near: npt.NDArray[np.int32]) -> None:
        n, there = len(near), near >= 0
        rows = np.repeat(np.arange(n), there.sum(axis=1))
        one_way = sp.csr_matrix((np.ones(len(rows)), (rows, near[there])), shape=(n, n))
        graph = sp.csr_matrix(one_way + one_way.T)
        self._first = graph.indptr[:-1]
        self._rows, self._columns = np.repeat(np.arange(n), np.diff(graph.indptr)), graph.indices
        self._shares = graph.data / graph.data.sum()
        degrees = np.asarray(graph.sum(axis=1))
        self.patience = np.minimum(1, degrees.mean() / degrees)
        """(n, 1) factor of each step: the neighbour of very many would overshoot."""

    def __call__(self, places: FloatMatrix) -> FloatMatrix:
        x, y = places.T
        across, up = x[self._rows] - x[self._columns], y[self._rows] - y[self._columns]
        weights = self._shares / (1 + across * across + up * up)
        sums = [np.add.reduceat(weights * part, self._first) for part in (across, up)]
        return np.stack(sums, axis=1)


def repulsion(places: FloatMatrix) -> FloatMatrix:
    """Σ_j q_ij² (y_i − y_j) / Σ_kl q_kl, (n, 2), with q as above and k ≠ l.

    Particles on a mesh, as in FIt-SNE (Linderman et al. 2019), with linear weights: the items are
    spread over the corners of their cells, the grid is convolved with the kernels by FFT, and the
    items read their forces at the same corners. Forces between items less than about two cells
    apart are too weak; they stay opposite and equal, and no item pushes itself.
    """
    low, high = places.min(axis=0), places.max(axis=0)
    cells_wide = float((high - low).max()) / _CELL
    # Beyond the largest grid cells grow, in steps, so that the kernels can be used again.
    growth = 2 ** (0.25 * np.ceil(4 * np.log2(max(1, cells_wide / (_SIDES[-1] - 3)))))
    side = next(side for side in _SIDES if cells_wide / growth <= side - 3)
    cell = float(_CELL * growth)
    at = (places - (low + high) / 2) / cell + (side - 1) / 2
    corner = at.astype(np.int64)
    x, y = (at - corner).T
    corners = corner @ [side, 1] + np.array([[0], [1], [side], [side + 1]])
    shares = np.stack([(1 - x) * (1 - y), (1 - x) * y, x * (1 - y), x * y])
    mass = np.bincount(corners.ravel(), shares.ravel(), side * side).reshape(side, side)
    spectrum = scipy.fft.rfft2(mass, (2 * side, 2 * side))
    fields = (
        scipy.fft.irfft2(spectrum * kernel)[:side, :side].ravel() for kernel in _kernels(side, cell)
    )
    total, across, up = (np.einsum("cn,cn->n", field[corners], shares) for field in fields)
    return np.asarray(np.stack([across, up], axis=1) / (total - _own(x, y, cell)).sum())


def _own(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], cell: float) -> FloatMatrix:
    # What an item adds to q at its own place: the kernel between its own four corners.
    crosswise, upwards = 2 * x * (1 - x), 2 * y * (1 - y)
    side, diagonal = 1 / (1 + cell**2), 1 / (1 + 2 * cell**2)
    one = crosswise + upwards - 2 * crosswise * upwards
    both = crosswise * upwards
    return np.asarray((1 - crosswise) * (1 - upwards) + one * side + both * diagonal)


@lru_cache(maxsize=2)
def _kernels(side: int, cell: float) -> list[npt.NDArray[np.complex128]]:
    # Spectra of q, q² x and q² y on a grid of twice the side, so that its edges do not meet.
    steps = scipy.fft.fftfreq(2 * side, 1 / (2 * side)) * cell
    x, y = np.meshgrid(steps, steps, indexing="ij")
    q = 1 / (1 + x * x + y * y)
    return [np.asarray(scipy.fft.rfft2(kernel)) for kernel in (q, q * q * x, q * q * y)]
