"""From explicit ratings to implicit feedback: what counts as liked, and with what confidence."""

from __future__ import annotations

import numpy as np

from recsys.errors import DataError
from recsys.ratings.ratings import Ratings


def ones(ratings: Ratings) -> Ratings:
    """Every rating counts the same: the values become 1."""
    return ratings.with_values(np.ones(ratings.n_ratings), has_values=False)


def at_least(ratings: Ratings, threshold: float) -> Ratings:
    """Only ratings of `threshold` or more count, each as 1. Users and items stay.

    Raises:
        DataError: no rating reaches the threshold.
    """
    keep = ratings.matrix.data >= threshold
    if not keep.any():
        raise DataError(
            f"no ratings are left at or above {threshold:g}; the highest is "
            f"{ratings.matrix.data.max():g}"
        )
    return ones(ratings.select(keep))
