"""Ratings on a scale as likes and dislikes: by their distance from the mean of the person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recsys.csr import entry_rows
from recsys.errors import ArgumentError, DataError
from recsys.lazy import sp
from recsys.ratings.values import kind_by_values

if TYPE_CHECKING:
    from recsys.ratings.ratings import Ratings

SHRINKAGE = 20.0
"""k: the mean of a person counts as if they had given this many average ratings more."""

AGAINST = -2 / 3
"""z below which a rating is a dislike: the lowest third of the way down from the mean."""

SLOPE = 0.2
"""How much more than a rating at the mean the best one counts."""


@dataclass(frozen=True)
class RatingScale:
    """What a rating is compared with: the mean of all training ratings and the ends of their scale.

    With m_u = (Σ r + k μ) / (n + k) the mean of a person's n ratings, shrunk to the mean μ of
    everybody, a rating r is at

        z = (r − m_u) / (highest − m_u)  from the mean upwards,  (r − m_u) / (m_u − lowest)  below

    so that z is 1 for the best rating, 0 for the mean and −1 for the worst, whatever the scale. It
    counts 1 + z/5 for the item from z = −2/3, and against it with weight |z| below.

    >>> scale = RatingScale(mean=3.5, low=1, high=5)
    >>> for stars in (1, 2, 3, 5):
    ...     print(stars, scale.confidences(sp.csr_matrix([[0, np.float32(stars)]])).round(2))
    1 [-1.]
    2 [0.88]
    3 [0.96]
    5 [1.2]
    """

    mean: float
    """μ, the mean of all ratings."""
    low: float
    """The lowest of them."""
    high: float
    """The highest."""

    def __post_init__(self) -> None:
        if not self.low <= self.mean <= self.high:
            raise ArgumentError(
                f"the mean of a scale, {self.mean:g}, must be from {self.low:g} to {self.high:g}"
            )

    @classmethod
    def of(cls, ratings: Ratings) -> RatingScale:
        """That of some ratings.

        Raises:
            DataError: they are counts, or nothing but "seen".
        """
        values = ratings.matrix.data
        account = ratings.account
        kind = kind_by_values(values)[0] if account is None and len(values) else "ratings"
        kind = kind if account is None else account.kind
        if kind == "counts" or not ratings.has_values or not len(values):
            what = "counts" if kind == "counts" else "no ratings"
            raise DataError(
                f"centered feedback needs ratings on a scale, and these are {what}: "
                "use ones or, for counts, log"
            )
        low, high = float(values.min()), float(values.max())
        return cls(float(np.clip(values.mean(dtype=np.float64), low, high)), low, high)

    def confidences(
        self, matrix: sp.csr_matrix, known: sp.csr_matrix | None = None
    ) -> npt.NDArray[np.float32]:
        """(nnz,) what each rating of a matrix counts, negative for dislikes.

        Args:
            matrix: a row for each person.
            known: (the same shape) more ratings of the same people, which count for their means.
        """
        rows, values = entry_rows(matrix), matrix.data.astype(np.float64)
        means = self._means(matrix if known is None else _joined(matrix, known))[rows]
        down, up = means - self.low, self.high - means
        below = values < means
        room = np.where(below, down, up)
        z = np.divide(values - means, room, out=np.zeros(len(values)), where=room > 0)
        z = np.clip(z, -1, 1)  # later ratings may lie outside the scale
        # Rounded, so that a rating at the limit is on one side of it on every machine.
        dislike = np.round(z - AGAINST, 9) < 0
        return np.where(dislike, z, 1 + SLOPE * z).astype(np.float32)

    def _means(self, matrix: sp.csr_matrix) -> npt.NDArray[np.float64]:
        # (n,) m_u of each row.
        counts, rows = np.diff(matrix.indptr), entry_rows(matrix)
        sums = np.bincount(rows, matrix.data.astype(np.float64), len(counts))
        return np.asarray((sums + SHRINKAGE * self.mean) / (counts + SHRINKAGE))


def _joined(matrix: sp.csr_matrix, known: sp.csr_matrix) -> Any:
    return sp.hstack([matrix, known], format="csr")
