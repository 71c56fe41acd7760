from typing import Any

import numpy as np
import pandas as pd
import pytest

from recsys.diagnosis import symptoms


def systems(condition: float, gradient: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "side": ["users", "users"],
            "name": ["user 1", "user 2"],
            "condition": [1.0, condition],
            "gradient": [0.0, gradient],
        }
    )


@pytest.mark.parametrize(
    ("condition", "gradient", "expected"),
    [
        (1e6, 0.05, []),
        (1.1e6, 0.05, ["ill-conditioned"]),
        (np.inf, 0.06, ["ill-conditioned", "unsolved"]),
    ],
)
def test_systems_beyond_the_thresholds(
    condition: float, gradient: float, expected: list[str]
) -> None:
    found = list(symptoms.of_systems(systems(condition, gradient)))
    assert [finding.code for finding in found] == expected
    if expected:
        assert "1 users have condition numbers above 1e+06, the worst user 2" in found[0].text


def test_a_sample_is_called_one() -> None:
    table = systems(1e7, 0.0)
    unexamined: Any = ["users", "user 3", np.nan, 0.0]
    table.loc[2] = unexamined
    (finding,) = symptoms.of_systems(table)
    assert finding.text.startswith("1 of a sample of 2 of 3 users have condition numbers above")
    assert "the worst user 2" in finding.text


def test_width() -> None:
    equal = np.full(10, 0.1)
    assert not list(symptoms.of_width(equal, equal))
    one_dead = np.append(equal[:9], 0.0)
    dead = list(symptoms.of_width(equal, one_dead))
    assert [finding.text for finding in dead] == [
        "one factor is dead: no prediction depends on them"
    ]
    two_dead = np.append(np.full(8, 0.125), [0.0, 0.0])
    (only,) = symptoms.of_width(two_dead, two_dead)  # that they are idle, too, goes without saying
    assert only.text == "2 factors are dead: no prediction depends on them"
    steep = np.array([0.9, 0.095] + [0.000625] * 8)
    (idle,) = symptoms.of_width(steep, equal)
    assert idle.text.startswith("components 3–10 carry 0.5%")
    assert idle.remedy == "2 factors would do"
    assert not list(symptoms.of_width(np.array([1.0]), np.array([1.0])))


@pytest.mark.parametrize(
    ("losses", "expected"),
    [([], []), ([2.0], []), ([2.0, 1.99], []), ([2.0, 1.9], ["unfinished"]),
     ([2.0, 2.1], ["rising"])],
)  # fmt: skip
def test_training(losses: list[float], expected: list[str]) -> None:
    assert [finding.code for finding in symptoms.of_training(np.array(losses))] == expected


def test_popularity() -> None:
    flat = np.ones(300, np.int64)
    nothing = np.zeros(0, np.int64)
    assert not list(symptoms.of_popularity(0.9, flat))
    assert not list(symptoms.of_popularity(float("nan"), nothing))
    (norms,) = symptoms.of_popularity(0.91, nothing)
    assert (norms.code, norms.level) == ("norms-are-popularity", "note")
    peaked = flat.copy()
    peaked[[7, 11, 13]] = 1000
    (spike,) = symptoms.of_popularity(0.0, peaked)
    assert (spike.code, spike.level) == ("spike", "warning")
    assert spike.text == "91% of all recommendations are the same 3 items"
    assert "raise n_factors" in spike.remedy
    (spike,) = symptoms.of_popularity(0.0, peaked, idle=True)
    assert spike.remedy == "lower regularization"
