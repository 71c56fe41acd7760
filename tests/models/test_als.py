"""Where the training of an alternating model begins, seen through a model that goes nowhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import scipy.sparse as sp

import recsys
from recsys import Factors, Ratings, State
from recsys.errors import ArgumentError
from recsys.models.als import AlternatingModel
from recsys.models.alternating import Objective, Step
from recsys.models.common import Side
from recsys.models.factors import Embeddings
from recsys.models.spec import PeakMemory
from recsys.settings import hyper


class Still:
    """An objective whose half steps change nothing."""

    def half_step(
        self, side: Side, state: State, *, relaxation: float = 1.0, exact: bool = False
    ) -> tuple[State, Step]:
        return state, Step(np.zeros(1))

    def loss(self, state: State, step: Step) -> tuple[float, dict[str, float]]:
        return 0.0, {}


@dataclass(frozen=True)
class Start(AlternatingModel):
    """Its factors are those it starts from."""

    name: ClassVar[str] = "start"
    peak_memory: ClassVar[PeakMemory] = PeakMemory(0, 2)

    n_factors: int = hyper(4, low=1, meaning="Width.")
    n_epochs: int = hyper(2, low=1, meaning="Epochs.")
    tolerance: float = hyper(0.0, low=0, meaning="Tolerance.")
    relaxation: float = hyper(1.0, low=0, meaning="Relaxation.")
    seed: int = hyper(0, low=0, meaning="Seed.")

    def objective(self, ratings: Ratings) -> Objective:
        return Still()

    def _factors(self, ratings: Ratings, state: State) -> Factors:
        width = self.n_factors
        bias = (table[:, -1] if self.has_bias else None for table in (state.users, state.items))
        user_bias, item_bias = bias
        return Factors.of(
            self, ratings, state.users[:, :width], state.items[:, :width], log=state.log,
            user_bias=user_bias, item_bias=item_bias,
        )  # fmt: skip

    def fold_in_users(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        raise NotImplementedError

    def fold_in_items(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        raise NotImplementedError


@dataclass(frozen=True)
class BiasedStart(Start):
    """The same with biases."""

    has_bias: ClassVar[bool] = True


def halves(ratings: Ratings) -> tuple[Ratings, Ratings]:
    """The ratings of the first users and of the others, each without empty users and items."""
    first = np.repeat(np.arange(ratings.n_users), np.diff(ratings.matrix.indptr)) < 15
    return ratings.select(first).without_empty(), ratings.select(~first).without_empty()


def test_a_cold_start_is_random_by_its_seed_alone(random_ratings: Ratings) -> None:
    one, again, other = (Start(seed=seed).fit(random_ratings) for seed in (3, 3, 4))
    assert np.array_equal(one.user_factors, again.user_factors)
    assert not np.array_equal(one.user_factors, other.user_factors)
    assert len(one.log) == 2
    biased = BiasedStart().fit(random_ratings)
    assert not biased.user_bias.any()
    assert not biased.item_bias.any()


def test_a_warm_start_takes_what_is_known_and_draws_the_rest(random_ratings: Ratings) -> None:
    part, _ = halves(random_ratings)
    warm = Start(seed=9).fit(part)
    cold, found = Start().fit(random_ratings), Start().fit(random_ratings, warm=warm)
    known = part.users.find(random_ratings.users.ids)
    assert np.array_equal(found.user_factors[known >= 0], warm.user_factors[known[known >= 0]])
    assert np.array_equal(found.user_factors[known < 0], cold.user_factors[known < 0])
    assert 0 < (known < 0).sum() < len(known)


def test_a_narrower_model_fills_the_first_columns(random_ratings: Ratings) -> None:
    warm = Start(2, seed=9).fit(random_ratings)
    cold, found = Start().fit(random_ratings), Start().fit(random_ratings, warm=warm)
    assert np.array_equal(found.item_factors[:, :2], warm.item_factors)
    assert np.array_equal(found.item_factors[:, 2:], cold.item_factors[:, 2:])


def test_a_wider_model_is_cut_to_the_axes_that_carry_most(random_ratings: Ratings) -> None:
    wide = Start(6, seed=9).fit(random_ratings)
    # Of the six columns only the last four are not negligible, and four are kept.
    scale = np.array([1e-4, 1e-4, 1, 2, 3, 4], np.float32)
    warm = replace(wide, item_factors=np.ascontiguousarray(wide.item_factors * scale))
    found = Start(4).fit(random_ratings, warm=warm)
    scores = warm.user_factors @ warm.item_factors.T
    assert np.allclose(found.user_factors @ found.item_factors.T, scores, atol=1e-5)
    assert np.abs(scores).max() > 1e-2


def test_biases_are_taken_by_a_model_that_has_them(random_ratings: Ratings) -> None:
    warm = recsys.ExplicitALS(4, n_epochs=2).fit(random_ratings)
    assert np.array_equal(BiasedStart().fit(random_ratings, warm=warm).item_bias, warm.item_bias)
    assert not Start().fit(random_ratings, warm=warm).item_bias.any()


def test_states_carry_the_settings_and_the_data_they_belong_to(random_ratings: Ratings) -> None:
    states: list[State] = []
    spec = Start(n_epochs=3)
    spec.fit(random_ratings, on_state=states.append)
    assert [state.spec for state in states] == [spec.to_dict()] * 2
    assert {state.fingerprint for state in states} == {random_ratings.fingerprint}
    part, _ = halves(random_ratings)
    with pytest.raises(ArgumentError, match="other ratings"):
        spec.fit(part, start=states[0])
