"""The ways in which ratings may enter the training, of which a search tries each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recsys.ratings.feedback import Feedback
from recsys.ratings.ratings import Ratings
from recsys.ratings.values import kind_by_values


def kinds_of_feedback(ratings: Ratings) -> list[Feedback]:
    """What suits these values, the first one to begin with.

    Every positive rating as 1 comes first. Ratings may also enter by their values or from a
    threshold, counts by their logarithms or values.
    """
    values = ratings.matrix.data
    if not ratings.has_values or not len(values) or (values == 1).all():
        return [Feedback()]
    low = float(values.min())
    positive = values[values > 0]
    if not len(positive):
        return [Feedback()]
    first = Feedback(ones=True)
    if low <= 0:  # what is not above zero is no sign of liking
        first = Feedback(ones=True, threshold=float(positive.min()))
    if (positive == positive[0]).all():
        return [first, Feedback()]
    if _kind(ratings) == "counts":
        return [first, Feedback(log=True), Feedback()]
    return [first, Feedback(ones=True, threshold=_upper_half(positive)), Feedback()]


def _kind(ratings: Ratings) -> str:
    if ratings.account is not None:
        return ratings.account.kind
    return kind_by_values(ratings.matrix.data)[0]


def _upper_half(values: npt.NDArray[np.float32]) -> float:
    # The least value that about half of the values, and not all, reach.
    different, counts = np.unique(values, return_counts=True)
    reached = counts[::-1].cumsum()[::-1] / len(values)
    return float(different[1:][np.argmin(np.abs(reached[1:] - 0.5))])
