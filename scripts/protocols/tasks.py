"""What protocols ask of a model: predicted ratings, intervals, lists, an item among random ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from protocols.record import Measure, Part, Rows, Sums, Vector
from recsys.csr import entry_rows
from recsys.evaluation.metrics import METRICS
from recsys.evaluation.metrics.sampled import sampled_hit_rate, sampled_ndcg
from recsys.evaluation.protocol.lists import BLOCK, ranked_lists
from recsys.evaluation.protocol.measure import rating_errors
from recsys.recommend.ranking import FittedRanker

IN_90_PERCENT = 1.6449
"""Standard deviations that 90 % of a normal distribution are within."""
TENTHS = 10


@dataclass(frozen=True)
class RatingErrors:
    """Predicts the test ratings. An answer is a prediction (n,) of each of them."""

    clipped: bool = False
    """Whether a prediction outside the scale of the ratings is moved to its end, as Surprise does;
    otherwise that error is a measure of its own."""

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Root mean squared error and mean absolute error."""
        root, absolute = Measure("RMSE", 2, is_error=True), Measure("MAE", is_error=True)
        clipped = replace(root, name="RMSE, clipped")
        return (root, absolute) if self.clipped else (root, clipped, absolute)

    def pairs(self, part: Part) -> tuple[Rows, Rows]:
        """The test ratings."""
        test = part.prepared.split.test.matrix
        return entry_rows(test), test.indices

    def answer(self, ranker: FittedRanker, part: Part) -> Vector:
        """The predictions of a model."""
        truth = part.prepared.split.test.matrix.data
        return np.asarray(rating_errors(ranker, part.prepared).errors + truth, np.float64)

    def sums(self, part: Part, answer: Vector) -> Sums:
        """Squared and absolute errors."""
        split = part.prepared.split
        truth, scale = split.test.matrix.data.astype(np.float64), split.train.matrix.data
        inside = np.clip(answer, scale.min(), scale.max()) - truth
        errors = inside if self.clipped else answer - truth
        values = {"RMSE": errors**2, "MAE": np.abs(errors)}
        if not self.clipped:
            values["RMSE, clipped"] = inside**2
        users = self.pairs(part)[0]
        return {name: summed(found, users, part.n_users) for name, found in values.items()}


@dataclass(frozen=True)
class Intervals:
    """Predicts the test ratings with their deviations. An answer has both (2, n)."""

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The share in 90 % intervals, and the error by tenths of the deviation."""
        tenths = (Measure(_tenth(i), 2, interval=False, is_error=True) for i in range(TENTHS))
        return (Measure("within 90 %"), Measure("RMSE", 2, is_error=True), *tenths)

    def pairs(self, part: Part) -> tuple[Rows, Rows]:
        """The test ratings."""
        return RatingErrors().pairs(part)

    def answer(self, ranker: FittedRanker, part: Part) -> npt.NDArray[np.float64]:
        """Predictions and standard deviations."""
        fitted: Any = ranker.fitted
        return np.stack(
            [
                RatingErrors().answer(ranker, part),
                fitted.spec.deviations(fitted, *self.pairs(part)),
            ]
        )

    def sums(self, part: Part, answer: npt.NDArray[np.float64]) -> Sums:
        """Ratings within their interval; squared errors, all and by tenths of the deviation."""
        users, n = self.pairs(part)[0], part.n_users
        predicted, deviations = answer
        errors = predicted - part.prepared.split.test.matrix.data
        within = np.abs(errors) < IN_90_PERCENT * deviations
        found = {
            "within 90 %": summed(within, users, n),
            "RMSE": summed(errors**2, users, n),
        }
        by_deviation = np.argsort(deviations, kind="stable")
        for tenth, at in enumerate(np.array_split(by_deviation, TENTHS)):
            found[_tenth(tenth)] = summed(errors[at] ** 2, users[at], n)
        return found


@dataclass(frozen=True)
class Lists:
    """Ranks all items that a user does not have. An answer has the value (n,) of each test user."""

    wanted: tuple[tuple[str, str, int], ...]
    """Name in the table, name of the metric in recsys, and length of the list."""

    @property
    def measures(self) -> tuple[Measure, ...]:
        """A mean over users for each list metric."""
        return tuple(Measure(name) for name, _, _ in self.wanted)

    def pairs(self, part: Part) -> tuple[Rows, Rows]:
        """None: no other library takes part."""
        raise NotImplementedError

    def answer(self, ranker: FittedRanker, part: Part) -> dict[str, Vector]:
        """The values of each test user; NaN for one without relevant items."""
        n = len(part.prepared.users)
        values = {name: np.full(n, np.nan) for name, _, _ in self.wanted}
        for lists in ranked_lists(ranker, part.prepared, max(k for *_, k in self.wanted)):
            for name, metric, k in self.wanted:
                found = METRICS[metric].value(lists.first(k))
                values[name][lists.positions] = np.where(lists.n_relevant > 0, found, np.nan)
        return values

    def sums(self, part: Part, answer: dict[str, Vector]) -> Sums:
        """Values, and the users who have one."""
        users, n = part.prepared.users, part.n_users
        return {
            name: summed(values[there], users[there], n)
            for name, values in answer.items()
            for there in [~np.isnan(values)]
        }


@dataclass(frozen=True)
class AmongRandom:
    """Ranks a user's test item among random ones. An answer has scores (n_test_users, 1 + n), the
    test item first. Of equal scores, all orders count alike.
    """

    k: int = 10

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Hit rate and NDCG."""
        return Measure(f"HR@{self.k}"), Measure(f"NDCG@{self.k}")

    def pairs(self, part: Part) -> tuple[Rows, Rows]:
        """Each test user with the test item, then with the random ones."""
        assert part.negatives is not None
        items = np.column_stack([part.prepared.split.test.matrix.indices, part.negatives])
        return np.repeat(part.prepared.users, items.shape[1]), items.ravel()

    def answer(self, ranker: FittedRanker, part: Part) -> npt.NDArray[np.float32]:
        """The scores of a model."""
        users, items = part.prepared.users, self.pairs(part)[1].reshape(self._shape(part))
        scores = []
        for start in range(0, len(users), BLOCK):
            block = users[start : start + BLOCK]
            everything = ranker.scores(block, part.prepared.history[block])
            scores.append(np.take_along_axis(everything, items[start : start + BLOCK], axis=1))
        return np.concatenate(scores)

    def sums(self, part: Part, answer: npt.NDArray[Any]) -> Sums:
        """Hits and their discounts."""
        scores = answer.reshape(self._shape(part))
        above = (scores[:, 1:] > scores[:, :1]).sum(axis=1)
        equal = (scores[:, 1:] == scores[:, :1]).sum(axis=1)
        users, n = part.prepared.users, part.n_users
        return {
            f"HR@{self.k}": summed(sampled_hit_rate(above, equal, self.k), users, n),
            f"NDCG@{self.k}": summed(sampled_ndcg(above, equal, self.k), users, n),
        }

    def _shape(self, part: Part) -> tuple[int, int]:
        assert part.negatives is not None
        return len(part.prepared.users), 1 + part.negatives.shape[1]


def summed(values: npt.NDArray[Any], users: Rows, n_users: int) -> tuple[Vector, Vector]:
    """The sum of each user's values (n_users,), and their number.

    >>> summed(np.array([1.0, 2.0, 4.0]), np.array([0, 2, 2]), 3)[0]
    array([1., 0., 6.])
    """
    counts = np.bincount(users, minlength=n_users).astype(np.float64)
    return np.bincount(users, values, n_users).astype(np.float64), counts


def _tenth(i: int) -> str:
    return f"tenth {i + 1}"
