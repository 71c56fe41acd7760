"""Rates of served lists, on people whose true rates are known."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from trials import simulated, with_measures

from recsys.evaluation.online.exchange import exchange_test
from recsys.evaluation.online.rates import LEAST_PEOPLE, MEASURES, Online, measured


def of(online: Online, version: str) -> Any:
    return next(one for one in online.versions if one.version == version)


def test_rates_by_visible_arithmetic() -> None:
    lists = pd.DataFrame(
        {
            "person": ["ann", "ann", "ann", "bob", None, None],
            "version": ["1", "1", "2", "2", "1", "1"],
            "arm": None,
            "time": [10.0, 20.0, 30.0, 40.0, 50.0, 60.0],
            "click_through": [1, 0, 1, 1, 0, 0],
            "hit_rate": [1, 1, 1, 1, 0, 0],
            "dismissed": [0, 0, 0, 1, 0, 0],
        }
    )
    found = measured(lists)
    one, two = of(found, "1"), of(found, "2")
    assert (one.n_lists, one.n_people, one.first, one.last) == (4, 3, 10, 60)
    assert one.arm == "current"
    assert (two.n_lists, two.n_people) == (2, 2)
    assert [one.rates[name].mean for name in MEASURES] == [1 / 4, 2 / 4, 0]
    assert [two.rates[name].mean for name in MEASURES] == [1, 1, 1 / 2]
    assert {d.against for d in found.differences} == {"1"}  # it has most lists
    assert found.differences[0].difference == 3 / 4
    assert found.differences[0].answer == "undecided"
    assert f"each needs {LEAST_PEOPLE} users" in found.differences[0].sentence


def test_no_lists_have_no_rates() -> None:
    assert measured(with_measures(pd.DataFrame({"version": []}))) == Online((), ())


@pytest.mark.slow
def test_the_interval_covers_the_true_rate_in_95_of_100_worlds() -> None:
    truth, covered, tight = {"1": 0.1, "2": 0.2}, [], []
    for seed in range(100):
        found = measured(simulated(truth, 200, seed))
        for version, rate in truth.items():
            one = of(found, version).rates["click_through"]
            covered.append(one.low <= rate <= one.high)
        gap = next(d for d in found.differences if d.measure == "click_through")
        true_gap = truth[gap.version] - truth[gap.against]
        tight.append(gap.low <= true_gap <= gap.high)
    # Binomial: 0.95 ± 3 standard errors of 200 and 100 draws, and a little for small samples.
    assert 0.90 <= np.mean(covered) <= 0.99
    assert 0.88 <= np.mean(tight) <= 1.0


def test_lists_are_not_independent_draws() -> None:
    # 50 people who click always or never: 20 times as many lists say no more about the rate.
    rng = np.random.default_rng(0)
    clicks = np.repeat(rng.random(50) < 0.5, 20).astype(int)
    lists = with_measures(
        pd.DataFrame({"person": np.repeat(np.arange(50), 20), "version": "1", "arm": "current",
                      "time": 0.0, "click_through": clicks})
    )  # fmt: skip
    rate = of(measured(lists), "1").rates["click_through"]
    assert rate.high - rate.low == pytest.approx(2 * 1.96 * (0.25 / 50) ** 0.5, rel=0.1)


def test_a_difference_that_is_there_is_found_and_one_that_is_not_is_not() -> None:
    same = [measured(simulated({"1": 0.2, "2": 0.2}, 200, seed)) for seed in range(30)]
    wrong = [d.answer != "undecided" for one in same for d in one.differences]
    assert np.mean(wrong) <= 0.07
    found = measured(simulated({"1": 0.1, "2": 0.2}, 600, 0))
    clicks = next(d for d in found.differences if d.measure == "click_through")
    assert clicks.answer == ("more" if clicks.version == "2" else "less")
    assert clicks.p < 0.01
    assert clicks.at_once
    assert "p = " in clicks.sentence


def test_versions_that_share_the_traffic_are_compared_in_that_time() -> None:
    # Before the trial of version 2 the first one had clicks on everything, and now on half.
    trial = simulated({"1": 0.5, "2": 0.5}, 400, 3)
    before = trial[trial["version"] == "1"].assign(click_through=True)
    before["time"] -= 2000
    alone = measured(trial, against="1").differences[0]
    found = measured(pd.concat([before, trial], ignore_index=True), against="1")
    assert of(found, "1").rates["click_through"].mean > 0.7
    difference = found.differences[0]
    assert difference.at_once
    assert difference.difference == pytest.approx(alone.difference, abs=0.005)
    assert abs(difference.difference) < 0.1
    assert difference.n_people[1] == (trial["version"] == "1").groupby(trial["person"]).any().sum()


def test_versions_that_served_one_after_the_other_are_marked() -> None:
    lists = simulated({"1": 0.2, "2": 0.2}, 100, 0)
    later = lists["version"] == "2"
    lists.loc[later, "time"] += 900
    found = measured(lists)
    assert not any(d.at_once for d in found.differences)
    assert "they served at different times" in found.differences[0].sentence


def test_the_same_people_are_compared_with_themselves() -> None:
    # Each person clicks at their own rate under both versions, and a little more under 2. Rates of
    # people differ so much that nothing could be seen between different people.
    rng = np.random.default_rng(1)
    own = rng.beta(0.5, 0.5, 80)
    frames = []
    for version, more in (("1", 0.0), ("2", 0.08)):
        rate = np.repeat(np.minimum(own * 0.9 + more, 1), 50)
        frames.append(
            pd.DataFrame({"person": np.repeat(np.arange(80), 50), "version": version, "arm": "a",
                          "time": 0.0, "click_through": rng.random(len(rate)) < rate})
        )  # fmt: skip
    found = measured(with_measures(pd.concat(frames, ignore_index=True)), against="1")
    difference = found.differences[0]
    assert difference.answer == "more"
    assert difference.low < 0.08 < difference.high
    assert difference.high - difference.low < 0.05
    others = pd.concat(frames, ignore_index=True)
    others["person"] += 1000 * (others["version"] == "2")
    unpaired = measured(with_measures(others), against="1").differences[0]
    assert unpaired.answer == "undecided"
    assert unpaired.high - unpaired.low > 0.15


def test_p_values_of_exchanges_are_uniform_without_a_difference() -> None:
    p = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        first = rng.random(200) < 0.1
        belows = np.stack([first, ~first], axis=1) * rng.integers(1, 6, 200)[:, None]
        tops = rng.binomial(belows.astype(int), 0.3)
        p.append(exchange_test(tops.astype(float), belows.astype(float), 500, seed))
    for level in (0.05, 0.2, 0.5):
        spread = (level * (1 - level) / 200) ** 0.5
        assert abs(np.mean(np.array(p) <= level) - level) <= 3 * spread


def test_nobody_on_one_side_says_nothing() -> None:
    assert exchange_test(np.array([[1.0, 0.0]]), np.array([[2.0, 0.0]])) == 1.0
