"""From explicit ratings to implicit feedback: which ratings count, and with what confidence."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from recsys.csr import with_ones
from recsys.errors import ArgumentError, DataError

if TYPE_CHECKING:
    # Recommendations need Feedback, but neither Ratings nor pandas.
    from recsys.ratings.ratings import Ratings


@dataclass(frozen=True)
class Feedback:
    """What ratings mean for a model. It is stored with the model, for ratings that come later.

    >>> Feedback.parse("at-least=4")
    Feedback(ones=True, threshold=4.0)
    """

    ones: bool = False
    """Whether every rating that counts has confidence 1; otherwise its value is the confidence."""
    threshold: float | None = None
    """Ratings below this do not count; None if all count."""

    @classmethod
    def parse(cls, text: str) -> Feedback:
        """The feedback for "values", "ones" or "at-least=4".

        Raises:
            ArgumentError: the text is none of these.
        """
        if text in ("values", "ones"):
            return cls(ones=text == "ones")
        name, _, number = text.partition("=")
        try:
            if name == "at-least" and math.isfinite(float(number)):
                return cls(ones=True, threshold=float(number))
        except ValueError:
            pass
        raise ArgumentError(f"feedback must be values, ones or at-least=NUMBER, not {text!r}")

    def __str__(self) -> str:
        if self.threshold is not None:
            return f"at-least={self.threshold:g}"
        return "ones" if self.ones else "values"

    def of(self, matrix: sp.csr_matrix) -> sp.csr_matrix:
        """The confidences (float32) of the ratings in a matrix, as a matrix of the same shape.

        The matrix itself is not changed; the result may share its arrays.
        """
        matrix = sp.csr_matrix(matrix, dtype=np.float32)
        if self.threshold is not None:
            low = matrix.data < self.threshold
            if low.any():
                before = np.concatenate([[0], np.cumsum(~low)])
                kept = matrix.data[~low], matrix.indices[~low], before[matrix.indptr]
                matrix = sp.csr_matrix(kept, shape=matrix.shape)
        return with_ones(matrix) if self.ones else matrix

    def apply(self, ratings: Ratings) -> Ratings:
        """The ratings that count, with their confidences as values; all users and items stay.

        Raises:
            DataError: no rating reaches the threshold.
        """
        if self.threshold is not None:
            keep = ratings.matrix.data >= self.threshold
            if not keep.any():
                raise DataError(
                    f"no ratings are left at or above {self.threshold:g}; the highest is "
                    f"{ratings.matrix.data.max():g}"
                )
            ratings = ratings.select(keep)
        return ratings.with_values(np.ones(ratings.n_ratings)) if self.ones else ratings


def at_least(ratings: Ratings, threshold: float) -> Ratings:
    """The ratings of at least `threshold`, each as 1; all users and items stay.

    Raises:
        DataError: no rating reaches the threshold.
    """
    return replace(Feedback(ones=True, threshold=threshold).apply(ratings), has_values=False)


def ones(ratings: Ratings) -> Ratings:
    """All ratings, each as 1."""
    return replace(Feedback(ones=True).apply(ratings), has_values=False)
