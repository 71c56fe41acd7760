"""The surface of the scores: an average of what was measured, weighed by its noise."""

from __future__ import annotations

import numpy as np
import pytest

from recsys import ImplicitALS
from recsys.evaluation.search.rule import RULE, SPREAD, Point
from recsys.evaluation.search.surface import Surface
from recsys.evaluation.search.trials import Setting, Trial
from recsys.ratings.feedback import Feedback

KINDS = [Feedback(ones=True), Feedback()]


def at(ridge: float, width: int = 64, kind: Feedback = KINDS[0]) -> Setting:
    """A setting whose ridge is so many spreads from the rule's."""
    point = Point(RULE.contrast, RULE.ridge * SPREAD.ridge**ridge, RULE.exponent)
    return Setting(point, width, kind)


def trial(setting: Setting, values: list[float]) -> Trial:
    return Trial(setting, ImplicitALS(), 4, 1, np.array(values))


def test_without_noise_it_passes_through_the_scores() -> None:
    """All users gain alike, so the differences between trials have no noise."""
    scores = {-1.0: 0.2, 0.0: 0.3, 1.0: 0.25}
    trials = [trial(at(ridge), [score] * 50) for ridge, score in scores.items()]
    means = Surface(trials, KINDS).means([one.setting for one in trials])
    expected = np.log(list(scores.values()))
    assert means - means[0] == pytest.approx(expected - expected[0], abs=1e-3)


def test_one_lucky_trial_does_not_outweigh_its_neighbours() -> None:
    rng = np.random.default_rng(0)
    truth = {x: 0.3 - 0.05 * (x - 0.5) ** 2 for x in np.linspace(-1.5, 1.5, 13)}
    trials = [trial(at(x), list(rng.normal(value, 0.1, 100))) for x, value in truth.items()]
    lucky = trial(at(-1.5), list(rng.normal(0.31, 0.1, 100)))
    lucky.values[:] += 0.312 - lucky.score
    trials.append(lucky)
    assert max(trials, key=lambda one: one.score) is lucky
    means = Surface(trials, KINDS).means([one.setting for one in trials])
    ridge = trials[int(means.argmax())].setting.point.ridge
    assert abs(np.log(ridge / RULE.ridge) / np.log(SPREAD.ridge) - 0.5) < 0.8


def test_trials_of_fewer_users_are_compared_for_the_users_they_share() -> None:
    """The second part of the validation is harder; that says nothing against the first trial."""
    both = trial(at(0.0), [0.4] * 30 + [0.1] * 30)
    first_only = trial(at(1.0), [0.3] * 30)
    low, high = Surface([first_only, both], KINDS).means([first_only.setting, both.setting])
    assert high - low == pytest.approx(np.log(0.4 / 0.3), rel=0.05)


def test_improvement_is_expected_where_little_is_known() -> None:
    trials = [trial(at(x), [0.3] * 50) for x in (-0.2, 0.0, 0.2)]
    surface = Surface(trials, KINDS)
    best = float(surface.means([at(0.0)])[0])
    tried, near, far, other_kind, wider = surface.gains(
        [at(0.0), at(0.4), at(2.0), at(0.0, kind=KINDS[1]), at(0.0, width=512)], best
    )
    assert tried < near < far
    assert tried < min(other_kind, wider)


def test_a_failure_bends_nothing() -> None:
    """How far a score lies below half of the best does not matter."""
    good = [trial(at(x), [0.3] * 50) for x in (0.0, 0.5)]
    asked = [at(0.25)]
    means = [
        Surface([*good, trial(at(2.0), [bad] * 50)], KINDS).means(asked)[0] for bad in (0.1, 0.001)
    ]
    assert means[0] == pytest.approx(means[1])
