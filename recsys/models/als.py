"""`AlternatingModel`: what the models that alternate between users and items have in common."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from recsys import kernels
from recsys.models.alternating import (
    Objective,
    OnState,
    State,
    alternate,
    continued,
    random_table,
)
from recsys.models.common import FloatArray, OnEpoch
from recsys.models.factors import Factorization, Factors
from recsys.settings import hyper

if TYPE_CHECKING:
    from recsys.ratings.ratings import Ratings


def n_epochs_field(default: int, typical: tuple[float, float]) -> Any:
    """The hyperparameter `n_epochs`."""
    meaning = "Maximum number of epochs; each solves all items, then all users."
    return hyper(default, low=1, typical=typical, meaning=meaning)


def tolerance_field() -> Any:
    """The hyperparameter `tolerance`."""
    return hyper(
        0.0, low=0, high=1,
        meaning="Stop when an epoch lowers the loss by less than this share; 0 runs all epochs.",
    )  # fmt: skip


def cg_steps_field(advice: str = "") -> Any:
    """The hyperparameter `cg_steps`; `advice` says when to take more."""
    meaning = (
        "Conjugate-gradient steps per row and half epoch, from the last epoch's factors; 0 solves "
        f"every row exactly. {advice}"
    )
    return hyper(2, low=0, high=1000, typical=(2, 5), tuned=False, meaning=meaning.strip())


def relaxation_field(typical: tuple[float, float]) -> Any:
    """The hyperparameter `relaxation`, ω."""
    return hyper(
        1.4, low=0, above=True, high=1.95, typical=typical, tuned=False, symbol="ω",
        meaning="Over-relaxation: how far a half step moves from the last epoch's factors. 1 "
        "moves to the solution; values above 1 go beyond it and need about half the epochs.",
    )  # fmt: skip


def seed_field() -> Any:
    """The hyperparameter `seed`."""
    return hyper(0, low=0, meaning="Seed for the random start, N(0, (0.1/√f)²).")


@dataclass(frozen=True)
class AlternatingModel(Factorization):
    """A factorization that is trained by `alternate`."""

    resumable: ClassVar[bool] = True
    starts_warm: ClassVar[bool] = True
    has_bias: ClassVar[bool] = False
    """Whether a bias follows the factors in each table."""

    # Declared by each model, in its own order and with its own defaults.
    @property
    @abstractmethod
    def n_factors(self) -> int: ...  # noqa: D102
    @property
    @abstractmethod
    def n_epochs(self) -> int: ...  # noqa: D102
    @property
    @abstractmethod
    def tolerance(self) -> float: ...  # noqa: D102
    @property
    @abstractmethod
    def relaxation(self) -> float: ...  # noqa: D102
    @property
    @abstractmethod
    def seed(self) -> int: ...  # noqa: D102

    @property
    def table_width(self) -> int:
        """Columns of each table of a `State`."""
        return self.n_factors + self.has_bias

    @abstractmethod
    def objective(self, ratings: Ratings) -> Objective:
        """What is minimized on `ratings`: its half steps and its loss."""

    def factors_at(self, ratings: Ratings, state: State) -> Factors:
        """The factors as they are after an epoch; the users are solved exactly only at the end."""
        return self._own(ratings, self._whole(ratings), state)

    def _own(self, ratings: Ratings, whole: Ratings, state: State) -> Factors:
        found = self._factors(whole, state)
        return found if whole is ratings else found.over(ratings.users, ratings.items)

    def _whole(self, ratings: Ratings) -> Ratings:
        # What the training sees of some ratings: it may have further users and items.
        return ratings

    @abstractmethod
    def _factors(self, ratings: Ratings, state: State) -> Factors:
        """The factors that a finished training gives."""

    def initial(self, ratings: Ratings) -> State:
        """The state before the first epoch: both tables drawn from N(0, (0.1/√f)²)."""
        rng = np.random.default_rng(self.seed)
        users = random_table(rng, ratings.n_users, self.n_factors, self.has_bias)
        items = random_table(rng, ratings.n_items, self.n_factors, self.has_bias)
        return State(0, users, items, rng, spec=self.to_dict())

    def _fit(
        self,
        ratings: Ratings,
        on_epoch: OnEpoch | None,
        start: State | None,
        warm: Factors | None,
        on_state: OnState | None,
    ) -> Factors:
        whole = self._whole(ratings)
        objective = self.objective(whole)
        # Hashing the ratings takes time that only a training that can be continued needs.
        fingerprint = whole.fingerprint if start is not None or on_state is not None else ""
        if start is not None:
            shapes = (whole.n_users, self.table_width), (whole.n_items, self.table_width)
            state = continued(start, self.to_dict(), fingerprint, shapes, self.n_epochs)
        else:
            state = replace(self.initial(whole), fingerprint=fingerprint)
            if warm is not None:
                self._warm(state, warm, whole)
        state = alternate(
            objective, state, self.n_epochs, self.tolerance, self.relaxation, on_epoch, on_state
        )
        return self._own(ratings, whole, state)

    def _warm(self, state: State, warm: Factors, ratings: Ratings) -> None:
        # Overwrites the random rows of the users and items that `warm` knows.
        tables = warm.user_factors, warm.item_factors
        if warm.n_factors > self.n_factors:
            tables = _strongest(*tables, self.n_factors)
        sides = (
            (state.users, warm.users.find(ratings.users.ids), tables[0], warm.user_bias),
            (state.items, warm.items.find(ratings.items.ids), tables[1], warm.item_bias),
        )
        for own, rows, table, bias in sides:
            known = rows >= 0
            own[known, : table.shape[1]] = table[rows[known]]
            if self.has_bias:
                own[known, self.n_factors] = bias[rows[known]]


def _strongest(x: FloatArray, y: FloatArray, width: int) -> tuple[FloatArray, FloatArray]:
    # Both tables along the axes of the items' Gram matrix that carry most, `width` of them: dot
    # products change only by what the other axes carried.
    values, axes = kernels.diagonalized(kernels.gramian(y))
    axes = axes[:, np.argsort(-values, kind="stable")[:width]]
    return x @ axes, y @ axes
