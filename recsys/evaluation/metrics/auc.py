"""Area under the ROC curve."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recsys.evaluation.metrics.record import Metric


def auc(
    scores: npt.NDArray[np.floating],
    relevant: npt.NDArray[np.bool_],
    allowed: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float64]:
    """Pairs in the right order, ties half / pairs of a relevant and another allowed item; or NaN.

    >>> auc(np.array([[0.9, 0.5, 0.1]]), np.array([[0, 1, 0]]) > 0, np.ones((1, 3), bool))
    array([0.5])
    """
    values = np.full(len(scores), np.nan)
    # Items that do not compete become NaN, which sorts behind everything.
    ordered = np.sort(np.where(allowed, scores, np.nan), axis=1)
    n_allowed = allowed.sum(axis=1)
    for u in range(len(scores)):
        positive = scores[u, relevant[u] & allowed[u]]
        n_positive, n_negative = len(positive), int(n_allowed[u]) - len(positive)
        if n_positive and n_negative:
            row = ordered[u, : n_allowed[u]]
            # Half of "below" plus half of "not above" counts ties half. Pairs of two relevant
            # items are counted too; they add up to half their number, which is subtracted.
            below = np.searchsorted(row, positive, "left").sum()
            not_above = np.searchsorted(row, positive, "right").sum()
            right = (below + not_above - n_positive**2) / 2
            values[u] = right / (n_positive * n_negative)
    return values


AUC = Metric(
    name="auc",
    label="AUC",
    meaning="pairs of relevant and other items in the right order",
    group="accuracy",
    function=auc,
    at_k=False,
    place=7,
)
