"""From explicit ratings to implicit feedback: what counts as liked, and with what confidence."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from recsys.errors import ArgumentError, DataError
from recsys.ratings.ratings import Ratings


@dataclass(frozen=True)
class Feedback:
    """How rating values enter the training; a model keeps it and treats new ratings the same way.

    >>> Feedback.parse("at-least=4")
    Feedback(ones=True, threshold=4.0)
    """

    ones: bool = False
    """Every rating that counts, counts the same: 1. Otherwise its value is the confidence."""
    threshold: float | None = None
    """Ratings below this do not count."""

    @classmethod
    def parse(cls, text: str) -> Feedback:
        """From "values", "ones" or "at-least=4".

        Raises:
            ValueError: the text is none of these.
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

    def rows(self, matrix: sp.csr_matrix) -> sp.csr_matrix:
        """The feedback in a matrix of ratings, of the same shape."""
        matrix = sp.csr_matrix(matrix, dtype=np.float32)
        if self.threshold is not None:
            low = matrix.data < self.threshold
            if low.any():
                before = np.concatenate([[0], np.cumsum(~low)])
                kept = matrix.data[~low], matrix.indices[~low], before[matrix.indptr]
                matrix = sp.csr_matrix(kept, shape=matrix.shape)
        if self.ones:
            matrix = sp.csr_matrix(
                (np.ones_like(matrix.data), matrix.indices, matrix.indptr), shape=matrix.shape
            )
        return matrix

    def apply(self, ratings: Ratings) -> Ratings:
        """The ratings that count, with the values they count with. Users and items stay.

        Raises:
            DataError: none reaches the threshold.
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
    """Only ratings of `threshold` or more count, each as 1. Users and items stay."""
    return replace(Feedback(ones=True, threshold=threshold).apply(ratings), has_values=False)


def ones(ratings: Ratings) -> Ratings:
    """Every rating counts the same: the values become 1."""
    return replace(Feedback(ones=True).apply(ratings), has_values=False)
