"""The loop of alternating minimization, on an objective that is solved by hand.

f(x, y) = x² + y² − 2cxy + x with |c| < 1. A half step along x goes to x = cy − ½, one along y to
y = cx, so each epoch multiplies the distance of x from the minimum by c².
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.errors import ArgumentError, FitError
from recsys.ids import IdIndex
from recsys.models.alternating import (
    State,
    Step,
    alternate,
    continued,
    random_table,
    require_finite,
)
from recsys.models.common import Progress, Side


class Valley:
    """f above: x is the users' table, y the items', each of one number."""

    def __init__(self, c: float) -> None:
        self.c = c
        self.calls: list[tuple[Side, float, bool]] = []

    def half_step(
        self, side: Side, state: State, *, relaxation: float = 1.0, exact: bool = False
    ) -> tuple[State, Step]:
        self.calls.append((side, relaxation, exact))
        x, y = float(state.users[0, 0]), float(state.items[0, 0])
        old, best = (x, self.c * y - 0.5) if side == "users" else (y, self.c * x)
        new = table(best if exact else old + relaxation * (best - old))
        state = replace(state, users=new) if side == "users" else replace(state, items=new)
        return state, Step(np.zeros(1))

    def loss(self, state: State, step: Step) -> tuple[float, dict[str, float]]:
        x, y = float(state.users[0, 0]), float(state.items[0, 0])
        return x * x + y * y - 2 * self.c * x * y + x, {"linear": x}

    @property
    def minimum(self) -> float:
        """x of the minimum, from both derivatives being zero."""
        return -0.5 / (1 - self.c**2)


def table(value: float) -> np.ndarray:
    return np.full((1, 1), value, np.float32)


def start(x: float = 3.0, y: float = -2.0) -> State:
    return State(0, table(x), table(y), np.random.default_rng(0))


@settings(max_examples=60, deadline=None)
@given(st.floats(-0.9, 0.9), st.floats(-5, 5), st.integers(1, 12))
def test_the_distance_from_the_minimum_shrinks_by_c_squared(c: float, x: float, n: int) -> None:
    valley = Valley(c)
    found = alternate(valley, start(x), n)
    expected = valley.minimum + c ** (2 * n) * (x - valley.minimum)
    assert found.users[0, 0] == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert found.epoch == len(found.log) == n
    losses = [progress.loss for progress in found.log]
    assert all(later <= earlier + 1e-4 for earlier, later in pairwise(losses))


def test_items_go_first_and_the_users_of_the_last_epoch_are_solved_exactly() -> None:
    valley = Valley(0.5)
    alternate(valley, start(), 3, relaxation=1.5)
    assert valley.calls == [
        ("items", 1.0, False), ("users", 1.0, False),
        ("items", 1.5, False), ("users", 1.5, False),
        ("items", 1.0, False), ("users", 1.0, True),
    ]  # fmt: skip


def test_progress_and_states_are_reported_epoch_by_epoch() -> None:
    received: list[Progress] = []
    states: list[State] = []
    found = alternate(Valley(0.5), start(), 4, on_epoch=received.append, on_state=states.append)
    assert tuple(received) == found.log
    assert [progress.epoch for progress in received] == [1, 2, 3, 4]
    assert [state.epoch for state in states] == [1, 2, 3]  # nothing is left to do after the last
    assert received[0].parts == {"linear": pytest.approx(float(states[0].users[0, 0]))}


def test_a_state_is_made_only_where_it_is_due() -> None:
    class EverySecond:
        def __init__(self) -> None:
            self.epochs: list[int] = []
            self.asked = 0

        def due(self) -> bool:
            self.asked += 1
            return self.asked % 2 == 0

        def __call__(self, state: State) -> None:
            self.epochs.append(state.epoch)

    on_state = EverySecond()
    alternate(Valley(0.5), start(), 7, on_state=on_state)
    assert on_state.epochs == [2, 4, 6]


def test_going_on_from_a_state_is_like_never_having_stopped() -> None:
    states: list[State] = []
    whole = alternate(Valley(0.8), start(), 9, relaxation=1.2, on_state=states.append)
    for state in states:
        rest = alternate(Valley(0.8), state.copy(), 9, relaxation=1.2)
        assert np.array_equal(rest.users, whole.users)
        assert [progress.loss for progress in rest.log] == [p.loss for p in whole.log]


def test_a_small_gain_ends_the_training_with_an_exact_half_step() -> None:
    valley = Valley(0.5)
    found = alternate(valley, start(), 1000, tolerance=1e-3)
    before, last = found.log[-2].loss, found.log[-1].loss
    assert before - last < 1e-3 * abs(before)
    assert 2 < len(found.log) < 20
    assert valley.calls[-1] == ("users", 1.0, True)


def test_a_copy_shares_no_memory_and_draws_the_same_numbers() -> None:
    state = start()
    copy = state.copy()
    copy.users[0, 0] = 7
    assert state.users[0, 0] == 3
    assert copy.rng.random() == state.rng.random()


def test_a_random_table_is_normal_with_a_bias_of_zero() -> None:
    drawn = random_table(np.random.default_rng(0), 20_000, 4, bias=True)
    assert drawn.shape == (20_000, 5)
    assert drawn.dtype == np.float32
    assert not drawn[:, -1].any()
    assert drawn[:, :4].std() == pytest.approx(0.1 / 2, rel=0.02)  # 0.1 / √4
    assert drawn[:, :4].mean() == pytest.approx(0, abs=1e-3)


def test_a_state_of_something_else_is_refused() -> None:
    spec = {"model": "valley", "n_epochs": 5, "c": 0.5}
    shapes = (1, 1), (1, 1)
    state = replace(start(), epoch=2, spec=spec, fingerprint="abc")
    again = continued(state, spec, "abc", shapes, 5)
    assert again.epoch == 2
    assert not np.shares_memory(again.users, state.users)
    with pytest.raises(ArgumentError, match=r"other settings: c=0\.5"):
        continued(state, spec | {"c": 0.6}, "abc", shapes, 5)
    for fingerprint, other in (("xyz", shapes), ("abc", ((2, 1), (1, 1)))):
        with pytest.raises(ArgumentError, match="other ratings"):
            continued(state, spec, fingerprint, other, 5)
    with pytest.raises(ArgumentError, match="5 of 5 epochs"):
        continued(replace(state, epoch=5), spec, "abc", shapes, 5)


def test_the_first_row_without_a_finite_solution_is_named() -> None:
    index = IdIndex(["ann", "bob", "eve"], "user")
    require_finite(np.zeros(3), index, 0.1)
    with pytest.raises(FitError, match=r"user 'bob' \(and 1 more\).*regularization \(now 0\.1\)"):
        require_finite(np.array([0.0, np.nan, np.inf]), index, 0.1)
