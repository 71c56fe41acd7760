"""Whether a list has the genre mix of the user's history."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recsys.evaluation.metrics.record import Metric


def calibration(
    items: npt.NDArray[np.integer], taste: npt.NDArray[np.float64], genre_shares: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Kullback–Leibler divergence of the list's genre shares from those of the history, in nats.

    0 where the list has the history's mix. The list's shares are mixed with 1 % of the history's,
    so that a genre missing from the list does not make it infinite (Steck 2018, "Calibrated
    Recommendations"). NaN without history or list.

    >>> calibration(np.array([[0, 1]]), np.array([[0.5, 0.5]]), [[1.0, 0], [0, 1]])
    array([0.])
    """
    table = np.asarray(genre_shares, np.float64)
    there = items >= 0
    shares = (table[items] * there[..., None]).sum(axis=1)
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
