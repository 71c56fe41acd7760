"""Scores that take account of how sure they are: their lower or upper ends, or one draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.ids import IdIndex
from recsys.lazy import sp
from recsys.models.common import FloatArray, Progress, Rows
from recsys.models.posterior import Posterior
from recsys.models.spec import Spec
from recsys.threads import one_blas_thread

LEVEL = 0.9
"""Probability of the interval of an expected rating."""

Z = 1.6448536269514722
"""Standard deviations from its middle to its ends (of a normal distribution)."""


@dataclass(frozen=True, eq=False)
class Uncertain:
    """People as a fit sees them, and draws from what is possible given their ratings."""

    people: Any
    draws: FloatArray
    samples: npt.NDArray[np.int64]
    """(n,) the sample whose draw is taken for each."""
    unsure: npt.NDArray[np.bool_]
    """(n,) who is known by features alone, so that there are no draws."""

    @property
    def shape(self) -> tuple[int]:
        """How many there are."""
        return (len(self.draws),)

    def __getitem__(self, part: Any) -> Uncertain:
        people = type(self.people)(self.people.bias[part], self.people.factors[part])
        return Uncertain(people, self.draws[part], self.samples[part], self.unsure[part])


@dataclass(frozen=True, eq=False)
class AtRisk:
    """A fit that scores by the ends of intervals, or by one draw; in all else the fit itself.

    `lower` and `upper` are mean ∓ z · deviation over the draws, the ends of an interval of `LEVEL`.
    `thompson` takes the same draw of a person for all items, with a probability of 1/K for each of
    the K samples: an item is first as often as it is the best. Deviations are of the expected
    rating, without the noise of a single one. Scores of items and people that are known by their
    features alone stay the mean.
    """

    fitted: Any
    posterior: Posterior
    risk: str
    seed: int

    @property
    def users(self) -> IdIndex:
        """The training users."""
        index: IdIndex = self.fitted.users
        return index

    @property
    def items(self) -> IdIndex:
        """The items."""
        index: IdIndex = self.fitted.items
        return index

    @property
    def spec(self) -> Spec:
        """What made the fit."""
        spec: Spec = self.fitted.spec
        return spec

    @property
    def log(self) -> tuple[Progress, ...]:
        """The training."""
        log: tuple[Progress, ...] = self.fitted.log
        return log

    @property
    def n_factors(self) -> int:
        """Width of the factors."""
        return int(self.fitted.n_factors)

    @property
    def item_vectors(self) -> None:
        """None: scores are not inner products."""
        return None

    def people(self, rows: Rows | slice, history: sp.csr_matrix | None) -> Uncertain:
        """Training users, with their draws."""
        if isinstance(rows, slice):
            rows = np.arange(len(self.users))[rows]
        described = self._described("user")
        unsure = np.zeros(len(rows), bool) if described is None else described[rows]
        samples = sample_of(self.seed, rows, self.posterior.n_samples)
        people = self.fitted.people(rows, history)
        return Uncertain(people, self.posterior.of_users(rows), samples, unsure)

    def fold_in_users(self, history: sp.csr_matrix) -> Uncertain:
        """New users, with draws by the seed."""
        n = history.shape[0]
        draws = self.posterior.of_new(sp.csr_matrix(history, dtype=np.float32), self.seed)
        samples = sample_of(self.seed, np.zeros(n, np.int64), self.posterior.n_samples)
        return Uncertain(self.fitted.fold_in_users(history), draws, samples, np.zeros(n, bool))

    def queries(self, people: Uncertain) -> tuple[Uncertain, FloatArray]:
        """The people, and zeros."""
        return people, np.zeros(len(people.draws), np.float32)

    def scores(self, people: Uncertain) -> FloatArray:
        """Scores (n, n_items) under the risk."""
        described = self._described("item")
        if self.risk == "thompson":
            found = self.posterior.scores(people.draws, people.samples)
            if described is None and not people.unsure.any():
                return found
        with one_blas_thread():  # waiting for each other takes longer than these products
            means: FloatArray = self.fitted.scores(people.people)
        if self.risk == "mean":
            return means
        if self.risk != "thompson":
            found = self.posterior.deviations(people.draws)
            found *= np.float32(Z if self.risk == "upper" else -Z)
            found += means
        if described is not None:
            found[:, described] = means[:, described]
        found[people.unsure] = means[people.unsure]
        return found

    def intervals(
        self, people: Uncertain, rows: npt.NDArray[np.integer], items: npt.NDArray[np.integer]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Lower and upper ends (p,) for pairs of a position in `people` and an item row.

        NaN where the item or the person is known by features alone.
        """
        pairs = sp.csr_matrix(
            (np.ones(len(rows), np.float32), items, np.arange(len(rows) + 1)),
            shape=(len(rows), len(self.items)),
        )
        means = self.fitted.pair_scores(people[rows].people, pairs).astype(np.float64)
        apart = Z * self.posterior.pair_deviations(people.draws, rows, items)
        apart[people.unsure[rows]] = np.nan
        described = self._described("item")
        if described is not None:
            apart[described[items]] = np.nan
        return means - apart, means + apart

    def pair_scores(self, people: Uncertain, pairs: sp.csr_matrix) -> FloatArray:
        """The expected ratings, whatever the risk."""
        found: FloatArray = self.fitted.pair_scores(people.people, pairs)
        return found

    def predict(
        self, users: npt.ArrayLike, items: npt.ArrayLike, history: sp.csr_matrix | None = None
    ) -> npt.NDArray[np.float64]:
        """The expected ratings, whatever the risk."""
        found: npt.NDArray[np.float64] = self.fitted.predict(users, items, history)
        return found

    def shares(self, history: sp.csr_matrix, items: Rows) -> npt.NDArray[np.float64]:
        """Of the expected ratings."""
        found: npt.NDArray[np.float64] = self.fitted.shares(history, items)
        return found

    def indifferent(self, people: Uncertain) -> npt.NDArray[np.bool_]:
        """(n,) of the expected ratings."""
        found: npt.NDArray[np.bool_] = self.fitted.indifferent(people.people)
        return found

    @property
    def item_directions(self) -> FloatArray | sp.csr_matrix:
        """Those of the fit."""
        directions: FloatArray | sp.csr_matrix = self.fitted.item_directions
        return directions

    def similarities(self, row: int) -> FloatArray | None:
        """Those of the fit."""
        found: FloatArray | None = self.fitted.similarities(row)
        return found

    def _described(self, side: str) -> npt.NDArray[np.bool_] | None:
        flags = self.fitted.state.get(f"{side}_described")
        return None if flags is None else flags.astype(bool)


def sample_of(seed: int, rows: Rows, n_samples: int) -> npt.NDArray[np.int64]:
    """(n,) the sample of each user: the same alone as among others, and another for each seed.

    >>> sample_of(0, np.array([3]), 60) == sample_of(0, np.array([2, 3]), 60)[1:]
    array([ True])
    """
    step = 0x9E3779B97F4A7C15
    of_rows = _mixed((np.asarray(rows).astype(np.uint64) + np.uint64(1)) * np.uint64(step))
    mixed = _mixed(of_rows + np.uint64((seed + 1) * step % 2**64))
    return np.asarray(mixed % np.uint64(n_samples)).astype(np.int64)


def _mixed(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    # SplitMix64 (Steele, Lea, Flood 2014), after which neighbouring numbers have nothing in common.
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(x ^ (x >> np.uint64(31)))
