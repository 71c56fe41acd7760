"""From explicit ratings to implicit feedback: which ratings count, and with what confidence."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.csr import kept_entries, positive, with_values
from recsys.errors import ArgumentError, DataError

_DAY = 24 * 60 * 60  # seconds

if TYPE_CHECKING:
    # Recommendations need Feedback, but neither Ratings nor pandas.
    from recsys.ratings.ratings import Ratings


@dataclass(frozen=True)
class Feedback:
    """What ratings mean for a model. It is stored with the model, for ratings that come later.

    >>> Feedback.parse("at-least=4,half-life=180d")
    Feedback(ones=True, threshold=4.0, log=False, dislikes_below=None, half_life=180.0)
    """

    ones: bool = False
    """Whether every rating that counts has confidence 1; otherwise its value is the confidence."""
    threshold: float | None = None
    """Ratings below this do not count; None if all count."""
    log: bool = False
    """Whether confidence is log₂(1 + value), so that a count of 1 has confidence 1, one of 3 has 2
    and one of 1,023 has 10; of a value below 0, −log₂(1 + |value|)."""
    dislikes_below: float | None = None
    """Ratings below this are dislikes, −1, and the others likes, 1; None if values say which."""
    half_life: float | None = None
    """Days in which confidence halves: it is multiplied by 2^(−age / half_life), with the age of a
    rating at the latest time in the training ratings. Ratings without times, such as those of a
    person who is folded in, keep theirs. None for no decay."""

    def __post_init__(self) -> None:
        if self.ones and self.log:
            raise ArgumentError("feedback of ones has no logarithm: choose ones or log")
        if self.dislikes_below is not None and (self.threshold is not None or not self.ones):
            raise ArgumentError(
                "dislikes_below makes ratings 1 and −1: ones must be true, and threshold None"
            )
        if self.half_life is not None and not 0 < self.half_life < math.inf:
            raise ArgumentError(f"half_life must be a number of days above 0, not {self.half_life}")
        for name in ("threshold", "dislikes_below", "half_life"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, float(getattr(self, name)))

    @classmethod
    def parse(cls, text: str) -> Feedback:
        """The feedback for "values", "ones", "log", "at-least=4" or "dislikes-below=3".

        Any of them may be followed by ",half-life=180d".

        Raises:
            ArgumentError: the text is none of these.
        """
        entering, _, decay = text.partition(",")
        name, _, number = entering.partition("=")
        try:
            given: dict[str, Any] = {}
            if name in ("at-least", "dislikes-below"):
                given["threshold" if name == "at-least" else "dislikes_below"] = _finite(number)
            elif entering not in ("values", "ones", "log"):
                raise ValueError
            if "," in text:
                unit = decay.removeprefix("half-life=")
                if unit == decay or not unit.endswith("d") or _finite(unit[:-1]) <= 0:
                    raise ValueError
                given["half_life"] = float(unit[:-1])
        except ValueError:
            raise ArgumentError(
                "feedback must be values, ones, log, at-least=NUMBER or dislikes-below=NUMBER, "
                f"alone or with a number of days above 0 as ones,half-life=180d, not {text!r}"
            ) from None
        return cls(ones=name not in ("values", "log"), log=name == "log", **given)

    def __str__(self) -> str:
        if self.threshold is not None:
            entering = f"at-least={self.threshold:g}"
        elif self.dislikes_below is not None:
            entering = f"dislikes-below={self.dislikes_below:g}"
        elif self.log:
            entering = "log"
        else:
            entering = "ones" if self.ones else "values"
        return entering if self.half_life is None else f"{entering},half-life={self.half_life:g}d"

    @property
    def keeps_ratings(self) -> bool:
        """Whether a rating enters as it is, up to its logarithm, so that models can predict it."""
        return not self.ones and self.half_life is None

    def of(self, matrix: sp.csr_matrix) -> sp.csr_matrix:
        """The confidences (float32) of the ratings in a matrix, as a matrix of the same shape.

        A matrix has no times, so nothing decays. The matrix itself is not changed; the result may
        share its arrays.
        """
        matrix = sp.csr_matrix(matrix, dtype=np.float32)
        matrix = kept_entries(matrix, self.counts(matrix))
        values = self._confidences(matrix.data)
        return matrix if values is matrix.data else with_values(matrix, values)

    def liked(self, ratings: Ratings) -> sp.csr_matrix:
        """(n_users, n_items) the ratings that count and whose confidence is above zero.

        A value of 0 or less is feedback, but no like: an item that was held out with one is no
        relevant item.

        Raises:
            DataError: there are none.
        """
        # What is relevant does not depend on how long ago it was, so it needs no times.
        found = positive(replace(self, half_life=None).apply(ratings).matrix)
        if not found.nnz:
            raise DataError("no rating is above 0, so nothing counts as liked")
        return found

    def apply(self, ratings: Ratings) -> Ratings:
        """The ratings that count, with their confidences as values; all users and items stay.

        Raises:
            DataError: no rating reaches the threshold, or they have no times for a half-life.
        """
        latest = self._latest(ratings)
        if self.threshold is not None:
            keep = self.counts(ratings.matrix)
            if not keep.any():
                raise DataError(
                    f"no ratings are left at or above {self.threshold:g}; the highest is "
                    f"{ratings.matrix.data.max():g}"
                )
            ratings = ratings.select(keep)
        values = self._confidences(ratings.matrix.data)
        if self.half_life is not None and ratings.timestamps is not None:
            ages = (latest - ratings.timestamps) / _DAY
            values = values * np.exp2(-ages / self.half_life)
        return ratings if values is ratings.matrix.data else ratings.with_values(values)

    def counts(self, matrix: sp.csr_matrix) -> npt.NDArray[np.bool_]:
        """(nnz,) which ratings of a matrix count."""
        return self.counted(matrix.data)

    def counted(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """(n,) which ratings count, by their values."""
        # Ratings are float32: 0.7 among them is below 0.7 in double precision.
        least = -np.inf if self.threshold is None else np.float32(self.threshold)
        return np.asarray(values >= least)

    def _confidences(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        # Before any decay; the same array where values are confidences.
        if self.dislikes_below is not None:
            liked = values >= np.float32(self.dislikes_below)
            return np.where(liked, np.float32(1), np.float32(-1))
        if self.ones:
            return np.ones(len(values), np.float32)
        return logarithms(values) if self.log else values

    def _latest(self, ratings: Ratings) -> float:
        if self.half_life is None:
            return math.inf
        if ratings.timestamps is None:
            raise DataError(
                f"half-life={self.half_life:g}d needs the times of the ratings, and these have "
                "none: name their column with --column timestamp=NAME, or leave out the half-life"
            )
        return float(ratings.timestamps.max(initial=-math.inf))


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


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
