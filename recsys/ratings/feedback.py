"""From explicit ratings to implicit feedback: which ratings count, and with what confidence."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recsys.arguments import require, require_flag
from recsys.csr import kept_entries, positive, with_values
from recsys.errors import ArgumentError, DataError
from recsys.lazy import sp
from recsys.ratings.centered import RatingScale
from recsys.visible import brief

_DAY = 24 * 60 * 60  # seconds
_NAMES = ("values", "ones", "log", "centered")

if TYPE_CHECKING:
    # Recommendations need Feedback, but neither Ratings nor pandas.
    from recsys.ratings.ratings import Ratings


@dataclass(frozen=True)
class Feedback:
    """What ratings mean for a model. It is stored with the model, for ratings that come later.

    >>> Feedback.parse("at-least=4,half-life=180d")
    Feedback(ones=True, threshold=4.0, half_life=180.0)
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
    centered: bool = False
    """Whether a rating counts for or against an item by its distance from the mean of the person;
    see `recsys.ratings.centered.RatingScale`."""
    scale: RatingScale | None = None
    """What centered ratings are compared with; taken from the training ratings by `fitted`."""

    def __repr__(self) -> str:
        changed = [f"{one.name}={getattr(self, one.name)!r}" for one in fields(self)
                   if getattr(self, one.name) != one.default]  # fmt: skip
        return f"Feedback({', '.join(changed)})"

    def __post_init__(self) -> None:
        self._check_kinds()
        others = self.ones or self.log or self.threshold is not None
        if self.centered and others:
            raise ArgumentError("centered feedback has no ones, log or threshold")
        if self.scale is not None and not self.centered:
            raise ArgumentError("only centered feedback has a scale")
        if self.ones and self.log:
            raise ArgumentError("feedback of ones has no logarithm: choose ones or log")
        if self.dislikes_below is not None and (self.threshold is not None or not self.ones):
            raise ArgumentError(
                "dislikes_below makes ratings 1 and −1: ones must be true, and threshold None"
            )
        if self.half_life is not None and not 0 < self.half_life < math.inf:
            raise ArgumentError(f"half_life must be a number of days above 0, not {self.half_life}")

    def _check_kinds(self) -> None:
        # Before the checks that compare; numbers become plain floats.
        for name in ("ones", "log", "centered"):
            require_flag(name, getattr(self, name))
        for name in ("threshold", "dislikes_below", "half_life"):
            value = getattr(self, name)
            if value is not None:
                require(name, value, (int, float, np.number), "a number or None")
                object.__setattr__(self, name, float(value))
        if self.scale is not None:
            require("scale", self.scale, RatingScale, "a RatingScale or None")

    @classmethod
    def parse(cls, text: str) -> Feedback:
        """The feedback for "values", "ones", "log", "centered", "at-least=4" or "dislikes-below=3".

        Any of them may be followed by ",half-life=180d".

        Raises:
            ArgumentError: the text is none of these.
        """
        require("feedback", text, str, "a Feedback or a text such as at-least=4")
        entering, _, decay = text.partition(",")
        name, _, number = entering.partition("=")
        try:
            given: dict[str, Any] = {}
            if name in ("at-least", "dislikes-below"):
                given["threshold" if name == "at-least" else "dislikes_below"] = _finite(number)
            elif entering not in _NAMES:
                raise ValueError
            if "," in text:
                unit = decay.removeprefix("half-life=")
                if unit == decay or not unit.endswith("d") or _finite(unit[:-1]) <= 0:
                    raise ValueError
                given["half_life"] = float(unit[:-1])
        except ValueError:
            raise ArgumentError(
                f"feedback must be {', '.join(_NAMES)}, at-least=NUMBER or dislikes-below=NUMBER, "
                f"alone or with a number of days above 0 as ones,half-life=180d, not {brief(text)}"
            ) from None
        given |= {one: True for one in ("log", "centered") if one == name}
        return cls(ones=name not in ("values", "log", "centered"), **given)

    def __str__(self) -> str:
        if self.threshold is not None:
            entering = f"at-least={self.threshold:g}"
        elif self.dislikes_below is not None:
            entering = f"dislikes-below={self.dislikes_below:g}"
        elif self.log or self.centered:
            entering = "log" if self.log else "centered"
        else:
            entering = "ones" if self.ones else "values"
        return entering if self.half_life is None else f"{entering},half-life={self.half_life:g}d"

    @property
    def keeps_ratings(self) -> bool:
        """Whether a rating enters as it is, up to its logarithm, so that models can predict it."""
        return not self.ones and not self.centered and self.half_life is None

    @property
    def knows_dislikes(self) -> bool:
        """Whether a low rating counts against an item."""
        return self.centered or self.dislikes_below is not None

    def surely_likes(self, values: npt.NDArray[np.float32]) -> bool:
        """Whether the highest of a person's ratings alone shows that they like something.

        The mean that centered ratings are compared with lies between the person's own and that of
        everybody, so that their highest rating is above it where it is above the latter.

        Args:
            values: (n,) all their ratings.
        """
        limit = 0.0 if self.dislikes_below is None else self.dislikes_below
        if self.centered:
            limit = np.inf if self.scale is None else self.scale.mean
        return bool(len(values) and values.max() >= limit)

    @property
    def unfitted(self) -> Feedback:
        """The same without a scale: as it was asked for."""
        return self if self.scale is None else replace(self, scale=None)

    def fitted(self, ratings: Ratings) -> Feedback:
        """The same with what it takes from the training ratings, where it takes anything.

        Raises:
            DataError: it is centered, and the ratings are on no scale.
        """
        if not self.centered or self.scale is not None:
            return self
        return replace(self, scale=RatingScale.of(ratings))

    def of(self, matrix: sp.csr_matrix) -> sp.csr_matrix:
        """The confidences (float32) of the ratings in a matrix, as a matrix of the same shape.

        A matrix has no times, so nothing decays. The matrix itself is not changed; the result may
        share its arrays.

        Raises:
            ArgumentError: it is centered, and has not been fitted.
        """
        if not sp.isspmatrix_csr(matrix) or matrix.dtype != np.float32:
            matrix = sp.csr_matrix(matrix, dtype=np.float32)
        if self.threshold is not None:
            matrix = kept_entries(matrix, self.counts(matrix))
        values = self._confidences(matrix)
        return matrix if values is matrix.data else with_values(matrix, values)

    def liked(self, ratings: Ratings, known: sp.csr_matrix | None = None) -> sp.csr_matrix:
        """(n_users, n_items) the ratings that count and whose confidence is above zero.

        A value of 0 or less is feedback, but no like: an item that was held out with one is no
        relevant item.

        Args:
            ratings: those that were held out.
            known: (n_users, n_items) the other ratings of the same people, for their means.

        Raises:
            DataError: there are none.
        """
        # What is relevant does not depend on how long ago it was, so it needs no times.
        found = positive(replace(self, half_life=None)._applied(ratings, known).matrix)
        if not found.nnz:
            raise DataError("no rating is above 0, so nothing counts as liked")
        return found

    def likes(self, ratings: Ratings) -> npt.NDArray[np.bool_]:
        """(n_ratings,) which ratings count, are above zero and no dislikes."""
        if self.knows_dislikes:
            return np.asarray(self.fitted(ratings)._confidences(ratings.matrix) > 0)
        return np.asarray((ratings.matrix.data > 0) & self.counts(ratings.matrix))

    def apply(self, ratings: Ratings) -> Ratings:
        """The ratings that count, with their confidences as values; all users and items stay.

        Raises:
            DataError: no rating reaches the threshold, they have no times for a half-life, or they
                are on no scale and the feedback is centered.
        """
        return self._applied(ratings)

    def _applied(self, ratings: Ratings, known: sp.csr_matrix | None = None) -> Ratings:
        latest = self._latest(ratings)
        if self.threshold is not None:
            keep = self.counts(ratings.matrix)
            if not keep.any():
                raise DataError(
                    f"no ratings are left at or above {self.threshold:g}; the highest is "
                    f"{ratings.matrix.data.max():g}"
                )
            ratings = ratings.select(keep)
        values = self.fitted(ratings)._confidences(ratings.matrix, known)
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

    def _confidences(
        self, matrix: sp.csr_matrix, known: sp.csr_matrix | None = None
    ) -> npt.NDArray[np.float32]:
        # Before any decay; the same array where values are confidences.
        values: npt.NDArray[np.float32] = matrix.data
        if self.centered:
            if self.scale is None:
                raise ArgumentError(
                    "centered feedback needs the mean and scale of the training ratings first: "
                    "Feedback.fitted(ratings)"
                )
            return self.scale.confidences(matrix, known)
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


def as_feedback(given: Feedback | str | None) -> Feedback | None:
    """The feedback that an argument stands for: itself, or what `Feedback.parse` makes of a text.

    None stays None, and so does an empty text.

    Raises:
        ArgumentError: it is nothing of these.
    """
    if given is None or isinstance(given, Feedback):
        return given
    return None if isinstance(given, str) and not given else Feedback.parse(given)


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
        ArgumentError: the arguments are of the wrong kind.
        DataError: no rating reaches the threshold.
    """
    _require_ratings(ratings)
    return replace(Feedback(ones=True, threshold=threshold).apply(ratings), has_values=False)


def ones(ratings: Ratings) -> Ratings:
    """All ratings, each as 1.

    Raises:
        ArgumentError: they are no `Ratings`.
    """
    _require_ratings(ratings)
    return replace(Feedback(ones=True).apply(ratings), has_values=False)


def _require_ratings(ratings: object) -> None:
    from recsys.ratings.required import require_ratings  # as above: not for recommendations

    require_ratings("ratings", ratings)
