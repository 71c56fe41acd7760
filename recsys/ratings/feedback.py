"""From explicit ratings to implicit feedback: which ratings count, and with what confidence."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.csr import kept_entries, positive, with_ones, with_values
from recsys.errors import ArgumentError, DataError

if TYPE_CHECKING:
    # Recommendations need Feedback, but neither Ratings nor pandas.
    from recsys.ratings.ratings import Ratings


@dataclass(frozen=True)
class Feedback:
    """What ratings mean for a model. It is stored with the model, for ratings that come later.

    >>> Feedback.parse("at-least=4")
    Feedback(ones=True, threshold=4.0, log=False)
    """

    ones: bool = False
    """Whether every rating that counts has confidence 1; otherwise its value is the confidence."""
    threshold: float | None = None
    """Ratings below this do not count; None if all count."""
    log: bool = False
    """Whether confidence is log₂(1 + value), so that a count of 1 has confidence 1, one of 3 has 2
    and one of 1,023 has 10; of a value below 0, −log₂(1 + |value|)."""

    def __post_init__(self) -> None:
        if self.ones and self.log:
            raise ArgumentError("feedback of ones has no logarithm: choose ones or log")
        if self.threshold is not None:
            object.__setattr__(self, "threshold", float(self.threshold))

    @classmethod
    def parse(cls, text: str) -> Feedback:
        """The feedback for "values", "ones", "log" or "at-least=4".

        Raises:
            ArgumentError: the text is none of these.
        """
        if text in ("values", "ones", "log"):
            return cls(ones=text == "ones", log=text == "log")
        name, _, number = text.partition("=")
        try:
            if name == "at-least" and math.isfinite(float(number)):
                return cls(ones=True, threshold=float(number))
        except ValueError:
            pass
        raise ArgumentError(f"feedback must be values, ones, log or at-least=NUMBER, not {text!r}")

    def __str__(self) -> str:
        if self.threshold is not None:
            return f"at-least={self.threshold:g}"
        if self.log:
            return "log"
        return "ones" if self.ones else "values"

    def of(self, matrix: sp.csr_matrix) -> sp.csr_matrix:
        """The confidences (float32) of the ratings in a matrix, as a matrix of the same shape.

        The matrix itself is not changed; the result may share its arrays.
        """
        matrix = sp.csr_matrix(matrix, dtype=np.float32)
        matrix = kept_entries(matrix, self.counts(matrix))
        if self.ones:
            return with_ones(matrix)
        return with_values(matrix, logarithms(matrix.data)) if self.log else matrix

    def liked(self, ratings: Ratings) -> sp.csr_matrix:
        """(n_users, n_items) the ratings that count and whose confidence is above zero.

        A value of 0 or less is feedback, but no like: an item that was held out with one is no
        relevant item.

        Raises:
            DataError: there are none.
        """
        found = positive(self.apply(ratings).matrix)
        if not found.nnz:
            raise DataError("no rating is above 0, so nothing counts as liked")
        return found

    def apply(self, ratings: Ratings) -> Ratings:
        """The ratings that count, with their confidences as values; all users and items stay.

        Raises:
            DataError: no rating reaches the threshold.
        """
        if self.threshold is not None:
            keep = self.counts(ratings.matrix)
            if not keep.any():
                raise DataError(
                    f"no ratings are left at or above {self.threshold:g}; the highest is "
                    f"{ratings.matrix.data.max():g}"
                )
            ratings = ratings.select(keep)
        if self.ones:
            return ratings.with_values(np.ones(ratings.n_ratings))
        return ratings.with_values(logarithms(ratings.matrix.data)) if self.log else ratings

    def counts(self, matrix: sp.csr_matrix) -> npt.NDArray[np.bool_]:
        """(nnz,) which ratings of a matrix count."""
        # Ratings are float32: 0.7 among them is below 0.7 in double precision.
        least = -np.inf if self.threshold is None else np.float32(self.threshold)
        return np.asarray(matrix.data >= least)


def logarithms(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
    """(n,) log₂(1 + |value|) with the sign of the value.

    >>> logarithms(np.array([0.0, 1.0, 3.0, -1.0])).tolist()
    [0.0, 1.0, 2.0, -1.0]
    """
    logs = np.log2(1 + np.abs(np.asarray(values, np.float64)))
    return np.asarray(np.sign(values) * logs, np.float32)


def at_least(ratings: Ratings, threshold: float) -> Ratings:
    """The ratings of at least `threshold`, each as 1; all users and items stay.

    Raises:
        DataError: no rating reaches the threshold.
    """
    return replace(Feedback(ones=True, threshold=threshold).apply(ratings), has_values=False)


def ones(ratings: Ratings) -> Ratings:
    """All ratings, each as 1."""
    return replace(Feedback(ones=True).apply(ratings), has_values=False)
