"""Whether a list has the genre mix of the user's history."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.evaluation.metrics.record import Metric

Matrix = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float64]

_CHOICES = 256  # of tied items, for one list


def calibration(
    items: npt.NDArray[np.integer],
    chances: npt.NDArray[Any],
    taste: Matrix,
    genre_shares: npt.ArrayLike,
) -> npt.NDArray[np.float64]:
    """Kullback–Leibler divergence of the list's genre shares from those of the history, in nats.

    0 where the list has the history's mix. The list's shares are mixed with 1 % of the history's,
    so that a genre missing from the list does not make it infinite (Steck 2018, "Calibrated
    Recommendations"). NaN without history or list.

    With ties, the mean over the choices of tied items where there are at most 256, and over 256
    random ones where there are more: it is not a sum over items, so that it has no closed form.
    The draws are from the items in the order of their genres, so that it does not matter what the
    items are called. Choices without a genre, which have no value, are left out.

    >>> genres = [[1.0, 0], [0, 1]]
    >>> calibration(np.array([[0, 1]]), np.ones((1, 2)), np.array([[0.5, 0.5]]), genres)
    array([0.])
    """
    table = np.asarray(genre_shares, np.float64)
    sure = (table[items] * (chances == 1)[..., None]).sum(axis=1)
    found = _divergence(sure, taste)
    unsure = (chances > 0) & (chances < 1)
    rows = np.flatnonzero(unsure.any(axis=1))
    if len(rows):
        kinds, kind_of = np.unique(table, axis=0, return_inverse=True)
        for u in rows:
            tied = np.sort(kind_of.ravel()[items[u, unsure[u]]])
            wanted = round(float(chances[u, unsure[u]].sum()))
            listed = sure[u] + kinds[tied][subsets(len(tied), wanted)].sum(axis=1)
            values = _divergence(listed, np.broadcast_to(taste[u], listed.shape))
            there = ~np.isnan(values)
            found[u] = values[there].mean() if there.any() else np.nan
    return found


def subsets(n: int, size: int) -> npt.NDArray[np.int64]:
    """Subsets of 0 .. n − 1 as rows: all of them where there are at most 256, else 256 drawn.

    The draws depend on the two numbers alone. Floyd's algorithm gives every subset the same
    probability, in a time that does not depend on n.

    >>> subsets(3, 2).tolist()
    [[0, 1], [0, 2], [1, 2]]
    """
    if math.comb(n, size) <= _CHOICES:
        return np.array(list(combinations(range(n), size)), np.int64)
    rng = np.random.default_rng(0)
    chosen = np.full((_CHOICES, size), -1, np.int64)
    for place, last in enumerate(range(n - size, n)):
        drawn = rng.integers(0, last + 1, _CHOICES)
        taken = (chosen[:, :place] == drawn[:, None]).any(axis=1)
        chosen[:, place] = np.where(taken, last, drawn)
    return chosen


def _divergence(shares: Matrix, taste: Matrix) -> Vector:
    total = shares.sum(axis=1, keepdims=True)
    listed = np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)
    mixed = 0.99 * listed + 0.01 * taste
    quotient = np.divide(taste, mixed, out=np.ones_like(taste), where=taste > 0)
    divergence = (taste * np.log(quotient)).sum(axis=1)
    known = (taste.sum(axis=1) > 0) & (total[:, 0] > 0)
    return np.where(known, np.abs(divergence), np.nan)


CALIBRATION = Metric(
    name="calibration",
    label="Miscalibration",
    meaning="divergence of the list's genres from the history's, in nats",
    group="beyond accuracy",
    function=calibration,
    higher_is_better=False,
    place=5,
)
