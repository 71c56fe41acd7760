"""The ways in which ratings may enter the training, of which a search tries each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recsys.ratings.feedback import Feedback
from recsys.ratings.ratings import Ratings
from recsys.ratings.values import MANY_ZEROS, kind_by_values


def kinds_of_feedback(ratings: Ratings) -> list[Feedback]:
    """What suits these values, the first one to begin with.

    Ratings on a scale are centered first: a low one then counts against its item. They may also
    enter as 1, by their values or from a threshold, counts as 1, by their logarithms or values.
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
    found = [first, Feedback(ones=True, threshold=_upper_half(positive)), Feedback()]
    # Where so many are 0, it probably stands for "not rated".
    zeros = low == 0 and float((values == 0).mean()) > MANY_ZEROS
    return found if zeros else [Feedback(centered=True), *found]


def _kind(ratings: Ratings) -> str:
    if ratings.account is not None:
        return ratings.account.kind
    return kind_by_values(ratings.matrix.data)[0]


def _upper_half(values: npt.NDArray[np.float32]) -> float:
    # The least value that about half of the values, and not all, reach.
    different, counts = np.unique(values, return_counts=True)
    reached = counts[::-1].cumsum()[::-1] / len(values)
    return float(different[1:][np.argmin(np.abs(reached[1:] - 0.5))])
