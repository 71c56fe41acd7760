"""What a metric may ask for: inputs by name, in one class for each way of measuring.

A metric names the inputs it needs as parameters of its function. Inputs that a data set lacks
(genres, rating values) are None, and metrics that need them are left out.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]
Chances = npt.NDArray[np.bool_] | npt.NDArray[np.float64]
Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]
Rows = npt.NDArray[np.integer]


class Lists(Protocol):
    """The ranked lists of n users. The metric returns a value per user (n,), NaN for no value.

    Users with test ratings none of which count as liked have no value, whatever it returns.

    Items with equal scores are in random order, all orders equally likely, and the value is to be
    the mean over them. So an input says how likely something is; without ties it is 0 or 1, or
    False or True. A metric that is linear in `hits` needs nothing else: the mean of a sum is the
    sum of the means.
    """

    @property
    def items(self) -> Rows:
        """(n, m) rows of the items that may be in the list, best first; −1 for none. Without ties
        m is k; items that are tied with the last of a list follow it, so that m may exceed k.
        """

    @property
    def chances(self) -> Chances:
        """(n, m) probability that each item is in the list."""

    @property
    def item_hits(self) -> Chances:
        """(n, m) `chances` of the relevant items, 0 for the others."""

    @property
    def hits(self) -> Chances:
        """(n, k) probability that the item at each rank is relevant: held out, and liked."""

    @property
    def first_hits(self) -> Chances:
        """(n, k) the same, where no item above that rank is relevant."""

    @property
    def hits_above(self) -> Matrix:
        """(n, k) expected relevant items above each rank, where the item at that rank is one."""

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
    def obvious(self) -> Matrix:
        """(n, m) probability that each item is in the list that `Popularity` gives the user."""

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
        """(n, k) expected held-out rating at each rank, liked or not; 0 where not held out."""

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
    """How often each item is recommended to anybody. The metric returns one number.

    Ties are in another random order for each user.
    """

    @property
    def recommended(self) -> Vector:
        """(n_items,) expected number of lists that each item is in."""

    @property
    def reached(self) -> Vector:
        """(n_items,) probability that each item is in any list."""

    @property
    def counts(self) -> Rows:
        """(n_items,) training ratings of each item."""


class SampledRanks(Protocol):
    """Relevant items among random others. The metric returns a value per item (n,).

    The rank of an item is equally likely to be anything from `above` + 1 to `above` + `equal` + 1.
    """

    @property
    def above(self) -> Rows:
        """(n,) for each relevant item of a user, how many of the others have a higher score."""

    @property
    def equal(self) -> Rows:
        """(n,) how many of them have the same score."""

    @property
    def k(self) -> int:
        """Length of the lists."""


INPUTS: tuple[type, ...] = (Lists, GradedLists, Scores, RatingErrors, Exposure, SampledRanks)
"""A metric belongs to the first that provides all it needs."""
