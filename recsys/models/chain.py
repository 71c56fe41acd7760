"""The Markov chain of `BayesianMF`: sweeps over both sides, samples, and states to go on from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.errors import ArgumentError
from recsys.models.alternating import State
from recsys.models.common import FloatArray, Side
from recsys.models.explicit_als import mean_rating, scale_of
from recsys.models.gibbs import GibbsSide, Prior, posterior

Arrays = Mapping[str, npt.NDArray[Any]]

_TURNS: tuple[tuple[Side, Side], ...] = (("items", "users"), ("users", "items"))
_NOISE = "noise"


@dataclass(frozen=True)
class Sample:
    """One draw of everything, on standardized ratings."""

    noise: float
    users: FloatArray
    items: FloatArray
    expected_users: FloatArray
    """The mean of the users, given the rest."""
    user_prior: Prior
    item_prior: Prior

    def arrays(self, prefix: str) -> dict[str, npt.NDArray[Any]]:
        """Everything by name, each name after the prefix."""
        tables = {one: getattr(self, one) for one in ("users", "items", "expected_users")}
        found = {_NOISE: np.array(self.noise), **tables}
        for name in ("user_prior", "item_prior"):
            found |= _prior_arrays(getattr(self, name), f"{name}.")
        return {f"{prefix}{name}": array for name, array in found.items()}

    @classmethod
    def of(cls, arrays: Arrays, prefix: str) -> Sample:
        """The sample that `arrays` described."""
        return cls(
            float(arrays[f"{prefix}{_NOISE}"]),
            arrays[f"{prefix}users"],
            arrays[f"{prefix}items"],
            arrays[f"{prefix}expected_users"],
            _prior(arrays, f"{prefix}user_prior."),
            _prior(arrays, f"{prefix}item_prior."),
        )


class Chain:
    """A Markov chain over both sides and the noise, on standardized ratings.

    Args:
        matrix: the ratings.
        width: of the factors.
        linked: whether the priors have links.
        rng: for all draws.
    """

    def __init__(
        self, matrix: sp.csr_matrix, width: int, linked: bool, rng: np.random.Generator
    ) -> None:
        self.scale = scale_of(matrix)
        self._values: dict[Side, FloatArray] = {}
        self._sides: dict[Side, GibbsSide] = {}
        by_item = matrix.T.tocsr()
        matrices: dict[Side, sp.csr_matrix] = {"users": matrix, "items": by_item}
        for side, own in matrices.items():
            values = (own.data - np.float32(mean_rating(matrix))) / np.float32(self.scale)
            self._values[side] = values
            self._sides[side] = GibbsSide(own, width, linked, rng)
        self._noise = 1.0
        self._rng, *rest = rng.spawn(3)
        self._rngs: dict[Side, np.random.Generator] = {"users": rest[0], "items": rest[1]}
        self._pool = ThreadPoolExecutor(2)
        self._priors: dict[Side, Future[Prior]] = {}

    def sweep(self) -> float:
        """Draws items, users, their priors and the noise; the mean squared error of the draw.

        The prior of one side is drawn while the other side is, in a thread and by a generator of
        its own.
        """
        for side, other in _TURNS:
            own, fixed = self._sides[side], self._sides[other].x
            against = fixed.copy()
            against[:, -1] = 1
            targets = self._values[side] - fixed[own.matrix.indices, -1]
            own.prior = self._prior_of(side)
            self._last = targets, against, own.prior, self._noise
            squares = own.draw_rows(targets, against, self._noise, self._rng)
            self._priors[side] = self._pool.submit(own.drawn_prior, self._rngs[side])
        # Gamma(1, 1) before.
        alpha = self._rng.gamma(1 + len(targets) / 2) / (1 + squares / 2)
        self._noise = 1 / math.sqrt(alpha)
        return squares / len(targets)

    def sample(self) -> Sample:
        """What was drawn last, with the priors that it was drawn from."""
        users, items = self._sides["users"], self._sides["items"]
        expected, noise = posterior(users.matrix, *self._last).solve()[0], self._last[-1]
        return Sample(noise, users.x, items.x, expected, users.prior, items.prior)

    def state(self, epoch: int, kept: Sequence[Sample]) -> State:
        """The chain after a sweep, and the samples so far. No array of it is overwritten later.

        Waits for the priors that are being drawn, whose generators are part of it.
        """
        more: dict[str, npt.NDArray[Any]] = {_NOISE: np.array(self._noise)}
        for side in self._sides:
            more |= _prior_arrays(self._prior_of(side), f"{side}.")
        for k, sample in enumerate(kept):
            more |= sample.arrays(f"sample-{k}.")
        rngs = self._rngs["users"], self._rngs["items"]
        tables = self._sides["users"].x, self._sides["items"].x
        return State(epoch, *tables, self._rng, more=more, rngs=rngs).copy()

    def go_on(self, state: State) -> list[Sample]:
        """Takes the chain to a state; returns its samples.

        Raises:
            ArgumentError: the state lacks something.
        """
        try:
            self._noise = float(state.more[_NOISE])
            self._rng, (self._rngs["users"], self._rngs["items"]) = state.rng, state.rngs
            self._sides["users"].x, self._sides["items"].x = state.users, state.items
            for name, side in self._sides.items():
                side.prior = _prior(state.more, f"{name}.")
            n = sum(name.endswith(".expected_users") for name in state.more)
            return [Sample.of(state.more, f"sample-{k}.") for k in range(n)]
        except (KeyError, ValueError) as error:
            raise ArgumentError(f"start is not a state of this model: it lacks {error}") from None

    def close(self) -> None:
        """Waits for the last draw."""
        self._pool.shutdown()

    def _prior_of(self, side: Side) -> Prior:
        # What was drawn last for the next sweep; before the first, what the side began with.
        return self._priors[side].result() if side in self._priors else self._sides[side].prior


def _prior_arrays(prior: Prior, prefix: str) -> dict[str, npt.NDArray[Any]]:
    named = {one.name: getattr(prior, one.name) for one in fields(prior)}
    return {f"{prefix}{name}": np.asarray(one) for name, one in named.items() if one is not None}


def _prior(arrays: Arrays, prefix: str) -> Prior:
    links = arrays.get(f"{prefix}links")
    strength = float(arrays[f"{prefix}strength"])
    return Prior(arrays[f"{prefix}mean"], arrays[f"{prefix}precision"], links, strength)
