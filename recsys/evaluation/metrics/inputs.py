"""What a metric may ask for: inputs by name, in one class for each way of measuring.

A metric names the inputs it needs as parameters of its function. Inputs that a data set lacks
(genres, rating values) are None, and metrics that need them are left out.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]
Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]
Rows = npt.NDArray[np.integer]


class Lists(Protocol):
    """The ranked lists of n users. The metric returns a value per user (n,), NaN for no value.

    Users with test ratings none of which count as liked have no value, whatever it returns.
    """

    @property
    def items(self) -> Rows:
        """(n, k) item rows, best first; −1 where a list ends early."""

    @property
    def hits(self) -> Flags:
        """(n, k) whether each listed item is relevant: held out, and counting as liked."""

    @property
    def n_relevant(self) -> Rows:
        """(n,) relevant items of each user."""

    @property
    def counts(self) -> Rows:
        """(n_items,) training ratings of each item."""

    @property
    def n_users(self) -> int:
        """Users with training ratings."""

    @property
    def popular(self) -> Rows:
        """(n, k) what `Popularity` recommends to the same users."""

    @property
    def genres(self) -> Matrix | None:
        """(n_items, n_genres) 1 where an item has the genre."""

    @property
    def genre_shares(self) -> Matrix | None:
        """(n_items, n_genres) the same, each row divided by its sum."""

    @property
    def taste(self) -> Matrix | None:
        """(n, n_genres) genre shares of what each user rated; rows add up to 1, or are 0."""


class GradedLists(Protocol):
    """The same lists with the held-out ratings, liked or not. A value per user (n,) again."""

    @property
    def gains(self) -> Matrix | None:
        """(n, k) held-out rating of each listed item, liked or not; 0 where not held out."""

    @property
    def ideal_gains(self) -> Matrix | None:
        """(n, k) the k highest held-out ratings of each user, decreasing."""


class Scores(Protocol):
    """The scores of all items for n users. The metric returns a value per user (n,)."""

    @property
    def scores(self) -> npt.NDArray[np.floating]:
        """(n, n_items)."""

    @property
    def relevant(self) -> Flags:
        """(n, n_items) the relevant items."""

    @property
    def allowed(self) -> Flags:
        """(n, n_items) the items that compete: all that the user had not rated before."""


class RatingErrors(Protocol):
    """Errors of predicted test ratings. The metric returns a value per user (n,)."""

    @property
    def errors(self) -> Vector:
        """(n_pairs,) predicted − true."""

    @property
    def error_users(self) -> Rows:
        """(n_pairs,) position of the user of each, from 0 to n − 1."""

    @property
    def n_ratings(self) -> Rows:
        """(n,) test ratings of each user."""


class Exposure(Protocol):
    """How often each item is recommended to anybody. The metric returns one number."""

    @property
    def recommended(self) -> Rows:
        """(n_items,) lists each item is in."""

    @property
    def counts(self) -> Rows:
        """(n_items,) training ratings of each item."""


class SampledRanks(Protocol):
    """Ranks of relevant items among random others. The metric returns a value per item (n,)."""

    @property
    def sampled_ranks(self) -> Vector:
        """(n,) rank of each relevant item of a user; ties count half."""

    @property
    def k(self) -> int:
        """Length of the lists."""


INPUTS: tuple[type, ...] = (Lists, GradedLists, Scores, RatingErrors, Exposure, SampledRanks)
"""A metric belongs to the first that provides all it needs."""
