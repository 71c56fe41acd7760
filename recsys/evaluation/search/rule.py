"""The rule: hyperparameters of `ImplicitALS` from the sizes of the data, without looking further.

A setting is written as a `Point`, in numbers that mean the same on data of any size and density, so
that one point serves as the centre of the search everywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from recsys.models.implicit_als import ImplicitALS
from recsys.ratings.ratings import Ratings


@dataclass(frozen=True)
class Point:
    """Weights of `ImplicitALS`, relative to the data."""

    contrast: float
    """α₀ over the density of the data (and over the mean confidence)."""
    ridge: float
    """Geometric mean of the ridges of a mean user and a mean item, over √(ratings per user) +
    √(ratings per item) (and over the mean confidence). Where weights are nearly equal, the ridge is
    what is taken off each singular value of the ratings, and that sum is the largest singular value
    of as many ratings placed at random: below 1 the ridge is less than the noise."""
    exponent: float
    """ν."""


RULE = Point(contrast=37.0, ridge=0.5, exponent=0.6)
"""Centre of the search, and the answer where there is none. `scripts/tune_default.py` fits it."""

SPREAD = Point(contrast=8.0, ridge=3.0, exponent=0.5)
"""How far from the rule the first points are: factors of contrast and ridge, ± the exponent."""

WIDTH = 128
"""Width of the factors where there is no search."""

EPOCHS = 16
"""Epochs of the final fit where there is no search."""


class Shape(NamedTuple):
    """What the rule sees of the data."""

    n_users: int
    n_items: int
    per_user: float
    """Mean number of ratings of the users who have any."""
    per_item: float

    @classmethod
    def of(cls, ratings: Ratings) -> Shape:
        """The shape of ratings that count."""
        counts = np.bincount(ratings.matrix.indices, minlength=ratings.n_items)
        users = max(1, int(np.count_nonzero(np.diff(ratings.matrix.indptr))))
        items = max(1, int(np.count_nonzero(counts)))
        n = max(1, ratings.n_ratings)
        return cls(ratings.n_users, ratings.n_items, n / users, n / items)

    @property
    def noise(self) -> float:
        """√(ratings per user) + √(ratings per item), the largest singular value of as many ratings
        placed at random.
        """
        return math.sqrt(self.per_user) + math.sqrt(self.per_item)

    def spec(self, point: Point, width: int, n_epochs: int, confidence: float = 1.0) -> ImplicitALS:
        """The model of a point.

        Args:
            point: weights relative to the data.
            width: of the factors; no wider than the smaller side, where more carries nothing.
            n_epochs: epochs.
            confidence: mean confidence of the feedback.
        """
        # Density of the users and items that have ratings: √(per_user/|I| · per_item/|U|).
        density = math.sqrt(self.per_user / self.n_items * self.per_item / self.n_users)
        weight = point.contrast * density * confidence
        own = self.per_user + weight * self.n_items, self.per_item + weight * self.n_users
        ridge = confidence * point.ridge * self.noise
        return ImplicitALS(
            n_factors=max(1, min(width, self.n_users, self.n_items)),
            regularization=short(ridge / math.sqrt(own[0] * own[1]) ** point.exponent),
            unobserved_weight=short(weight),
            frequency_exponent=round(point.exponent, 2),
            n_epochs=n_epochs,
        )


def short(value: float) -> float:
    """Three digits: what a recipe line shows is what was fitted."""
    return float(f"{value:.3g}")
