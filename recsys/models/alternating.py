"""Alternating least squares: the loop that every alternating model trains with.

One side's table is solved while the other's is fixed, items first, then users. The last epoch
solves the users exactly, so that folding in a training user gives back their stored factors.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from recsys import kernels
from recsys.errors import ArgumentError, FitError
from recsys.ids import IdIndex
from recsys.models.common import FloatArray, OnEpoch, Progress, Side


@dataclass(frozen=True, eq=False)
class State:
    """The state of a training after an epoch: everything needed to continue from there."""

    epoch: int
    """Epochs done; 0 before the first."""
    users: FloatArray
    """(n_users, width) the users' table; where the model has a bias, it follows the factors."""
    items: FloatArray
    """(n_items, width) the items' table."""
    rng: np.random.Generator
    """The random generator, for models that draw while they train."""
    log: tuple[Progress, ...] = ()
    spec: Mapping[str, Any] | None = None
    """Name and hyperparameters of the model, `Spec.to_dict()`."""
    fingerprint: str = ""
    """Of the ratings."""
    more: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    """What else a model needs, by name; never overwritten."""
    rngs: tuple[np.random.Generator, ...] = ()
    """Further random generators, of models that draw in several threads."""

    def copy(self) -> State:
        """A copy of the state with its own memory."""
        users, items = _copied(self.users), _copied(self.items)
        rng, *rngs = map(_same, (self.rng, *self.rngs))
        return replace(self, users=users, items=items, rng=rng, rngs=tuple(rngs))


OnState = Callable[[State], None]
"""Called with the state after an epoch. Where it has a function `due`, no state is made after an
epoch for which that returns False."""


class Step(NamedTuple):
    """A half step: one side solved, the other fixed."""

    energy: npt.NDArray[np.float64]
    """(n,) xᵀAx − 2xᵀb of each row; NaN where a row has no finite solution."""
    base: npt.NDArray[Any] = np.zeros(0)
    """Base of the row problem: (f, f), or (f,) where it is diagonal; empty where it is zero."""
    constant: float = 0.0
    """What the loss has on top of the energies."""


class Objective(Protocol):
    """What an alternating model minimizes: a half step on either side, and the loss."""

    def half_step(
        self, side: Side, state: State, *, relaxation: float = 1.0, exact: bool = False
    ) -> tuple[State, Step]:
        """The state with one side solved. The tables of `state` may be overwritten.

        Args:
            side: the side to solve.
            state: where to start from.
            relaxation: how far to go: 1 to the solution, more beyond it.
            exact: solve to rounding from zero, as fold-in does.
        """

    def loss(self, state: State, step: Step) -> tuple[float, dict[str, float]]:
        """Loss and its terms after the half step of the users."""


def alternate(
    objective: Objective,
    state: State,
    n_epochs: int,
    tolerance: float = 0.0,
    relaxation: float = 1.0,
    on_epoch: OnEpoch | None = None,
    on_state: OnState | None = None,
) -> State:
    """The state after `n_epochs`, or after the epoch that lowered the loss by too small a share.

    Args:
        objective: what is minimized.
        state: where to start; its tables are overwritten.
        n_epochs: epochs at most, those already done included.
        tolerance: stop when an epoch lowers the loss by a smaller share; 0 never stops early.
        relaxation: of all epochs but the first, which starts far from the solution, and the last.
        on_epoch: called with the progress after each epoch.
        on_state: called with a copy of the state after each epoch but the last; see `OnState`.
    """
    started = time.perf_counter() - (state.log[-1].seconds if state.log else 0.0)
    for epoch in range(state.epoch + 1, n_epochs + 1):
        last = epoch == n_epochs
        omega = 1.0 if epoch == 1 or last else relaxation
        state, _ = objective.half_step("items", state, relaxation=omega)
        # Users go last, exactly, so that folding in a training user gives back their factors.
        state, step = objective.half_step("users", state, relaxation=omega, exact=last)
        loss, parts = objective.loss(state, step)
        before = state.log[-1].loss if state.log else math.inf
        progress = Progress(epoch, n_epochs, loss, time.perf_counter() - started, parts)
        state = replace(state, epoch=epoch, log=(*state.log, progress))
        if on_epoch is not None:
            on_epoch(progress)
        if last:
            break
        if tolerance and before - loss < tolerance * abs(before):
            return objective.half_step("users", state, exact=True)[0]
        if on_state is not None and is_due(on_state):
            on_state(state.copy())
    return state


def is_due(on_state: OnState) -> bool:
    """Whether it is to be called after this epoch."""
    due: Callable[[], bool] | None = getattr(on_state, "due", None)
    return due is None or due()


def random_table(rng: np.random.Generator, n: int, width: int, bias: bool = False) -> FloatArray:
    """(n, width) float32 drawn from N(0, (0.1/√width)²); with `bias`, a last column of zeros."""
    table = kernels.aligned((n, width))
    rng.standard_normal(dtype=np.float32, out=table)
    table *= np.float32(0.1 / math.sqrt(width))
    return np.pad(table, ((0, 0), (0, 1))) if bias else table


def continued(
    start: State,
    spec: Mapping[str, Any],
    fingerprint: str,
    shapes: tuple[tuple[int, int], ...],
    n_epochs: int,
) -> State:
    """A copy of `start`, after checks that it belongs to this training.

    Raises:
        ArgumentError: it is of another model, of other hyperparameters or of other ratings, or its
            last epoch is done.
    """
    made_by = dict(start.spec or {})
    if made_by != dict(spec):
        other = {k: v for k, v in made_by.items() if spec.get(k) != v}
        raise ArgumentError(
            "start is a state with other settings: "
            f"{', '.join(f'{k}={v}' for k, v in other.items())}"
        )
    if start.fingerprint != fingerprint or (start.users.shape, start.items.shape) != shapes:
        raise ArgumentError("start is a state from training on other ratings")
    if start.epoch >= n_epochs:
        raise ArgumentError(
            f"start has done {start.epoch} of {n_epochs} epochs, so no epochs are left"
        )
    return start.copy()


def require_finite(energy: npt.NDArray[np.float64], index: IdIndex, regularization: float) -> None:
    """Raises FitError that names the first row without a finite solution."""
    bad = ~np.isfinite(energy)
    if bad.any():
        raise FitError(
            f"{index.kind} {index.name(int(bad.argmax()))} (and {int(bad.sum()) - 1} more) has no "
            f"finite solution; raise regularization (now {regularization:g}) or check the "
            "ratings for extreme values"
        )


def _same(rng: np.random.Generator) -> np.random.Generator:
    copy = np.random.default_rng()
    copy.bit_generator.state = rng.bit_generator.state
    return copy


def _copied(table: FloatArray) -> FloatArray:
    copy = kernels.aligned((table.shape[0], table.shape[1]))
    copy[:] = table
    return copy
