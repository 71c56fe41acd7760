from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from recsys.evaluation.result.statistics import (
    effect_size,
    holm,
    permutation_tests,
    quantiles,
    resampled_ratios,
    share_better,
)

Vector = npt.NDArray[np.float64]

values = hnp.arrays(np.float64, st.integers(1, 12), elements=st.floats(-5, 5, width=16))
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def interval(values: Vector, resamples: int = 2000, seed: int = 0) -> list[float]:
    column = values[:, None]
    resampled = resampled_ratios(column, np.ones_like(column), resamples, seed)
    return [float(end) for end in quantiles(resampled)[:, 0]]


def p_value(differences: Any, permutations: int = 10_000, seed: int = 0) -> float:
    return float(permutation_tests(np.asarray(differences)[:, None], permutations, seed)[0])


def test_interval_is_that_of_scipy() -> None:
    sample = np.random.default_rng(0).exponential(size=300)
    low, high = interval(sample, 5000)
    theirs = stats.bootstrap(
        (sample,), np.mean, n_resamples=5000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert low == pytest.approx(theirs.low, abs=0.01)
    assert high == pytest.approx(theirs.high, abs=0.01)


@pytest.mark.slow
def test_intervals_cover_the_true_mean() -> None:
    """NDCG-like values: a lump at zero, the rest skewed. 93 to 97 of 100 intervals cover."""
    rng = np.random.default_rng(0)
    covered, trials = 0, 1000
    for trial in range(trials):
        sample = np.where(rng.random(400) < 0.5, 0, rng.beta(1, 3, 400))  # mean 1/8
        low, high = interval(sample, 500, trial)
        covered += low <= 0.125 <= high
    assert 0.93 <= covered / trials <= 0.97


def test_small_permutation_tests_are_exact() -> None:
    """All 2⁸ sign patterns by hand."""
    differences = np.array([0.4, -0.1, 0.3, 0.2, 0.25, -0.05, 0.15, 0.33])
    signs = 1 - 2 * ((np.arange(256)[:, None] >> np.arange(8)) & 1)
    exact = np.mean(np.abs(signs @ differences) >= abs(differences.sum()) - 1e-12)
    assert p_value(differences, 40_000) == pytest.approx(exact, abs=0.005)


@pytest.mark.slow
def test_false_positives_are_as_frequent_as_promised() -> None:
    rng = np.random.default_rng(1)
    trials = 2000
    rejected = sum(
        p_value(rng.normal(size=60) * rng.random(60), 999, t) <= 0.05 for t in range(trials)
    )
    assert 0.04 <= rejected / trials <= 0.06


def test_a_clear_difference_is_found_and_described() -> None:
    rng = np.random.default_rng(2)
    difference = rng.normal(0.05, 0.1, 500)
    low, high = interval(difference)
    assert low < difference.mean() < high
    assert p_value(difference) < 0.001
    expected = np.mean(difference) / np.std(difference, ddof=1)
    assert effect_size(difference) == pytest.approx(expected)
    assert share_better(difference) == np.mean(difference > 0)


def test_nothing_to_compare() -> None:
    assert np.isnan(share_better([np.nan]))
    assert effect_size([1.0, 1.0]) == 0
    assert np.isnan(quantiles(np.full((3, 1), np.nan))).all()


def test_holm_by_hand_and_never_above_one() -> None:
    # Sorted .01 × 4, .02 × 3, .03 × 2, .5 × 1, none below the one before.
    assert holm([0.02, 0.5, 0.01, 0.03]).tolist() == pytest.approx([0.06, 0.5, 0.04, 0.06])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []


@settings(max_examples=100, deadline=None)
@given(p_values, st.randoms(use_true_random=False))
def test_holm_is_between_no_correction_and_bonferroni_whatever_the_order(
    p: list[float], random: Any
) -> None:
    corrected = holm(p)
    assert (corrected >= np.array(p) - 1e-15).all()
    assert (corrected <= np.minimum(1, len(p) * np.array(p)) + 1e-15).all()
    assert corrected.min() == pytest.approx(min(1, len(p) * min(p)))  # the smallest, in full
    order = list(range(len(p)))
    random.shuffle(order)
    assert holm([p[i] for i in order]).tolist() == pytest.approx([corrected[i] for i in order])


@settings(max_examples=60, deadline=None)
@given(values, st.integers(0, 3), st.floats(0.1, 10))
def test_p_values_ignore_sign_scale_and_users_who_tie(
    differences: Vector, ties: int, scale: float
) -> None:
    p = p_value(differences, 300)
    assert 0 < p <= 1
    assert p_value(-differences, 300) == p
    assert p_value(np.full(3, np.nan), 300) == 1
    # Zeros and missing values flip to themselves; only which random bits are used changes.
    exact = p_value(differences, 4000)
    longer = np.concatenate([differences, np.zeros(ties), np.full(ties, np.nan)])
    assert p_value(longer * scale, 4000) == pytest.approx(exact, abs=0.05)


@settings(max_examples=60, deadline=None)
@given(values, st.floats(0.1, 10), st.floats(-10, 10))
def test_resampled_means_stay_within_the_values_and_move_with_them(
    sample: Vector, scale: float, shift: float
) -> None:
    ones = np.ones((len(sample), 1))
    means = resampled_ratios(sample[:, None], ones, 50)
    assert means.min() >= sample.min() - 1e-9
    assert means.max() <= sample.max() + 1e-9
    moved = resampled_ratios(scale * sample[:, None] + shift, ones, 50)
    assert moved == pytest.approx(scale * means + shift, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(values, st.data())
def test_resampled_ratios_weigh_each_user_by_the_denominator(
    sample: Vector, data: st.DataObject
) -> None:
    """As if every rating of a resampled user were listed one by one."""
    sizes = st.lists(st.integers(0, 4), min_size=len(sample), max_size=len(sample))
    counts = np.array(data.draw(sizes), float)
    ratios = resampled_ratios((sample * counts)[:, None], counts[:, None], 20, seed=3)[:, 0]
    n = len(sample)
    drawn = np.random.default_rng(3).integers(0, n, (20, n), dtype=np.uint32)
    for users, ratio in zip(drawn, ratios, strict=True):
        listed = [sample[u] for u in users for _ in range(int(counts[u]))]
        assert ratio == pytest.approx(np.mean(listed), abs=1e-9) if listed else np.isnan(ratio)


def test_many_columns_at_once_are_as_each_alone() -> None:
    rng = np.random.default_rng(3)
    differences = rng.normal(0.05, 1, (300, 4))
    together = permutation_tests(differences, 2000, seed=1)
    alone = [permutation_tests(differences[:, [j]], 2000, seed=1)[0] for j in range(4)]
    assert together.tolist() == alone
    ones = np.ones((300, 4))
    means = resampled_ratios(differences, ones, 500, seed=2)
    for j in range(4):
        one = resampled_ratios(differences[:, [j]], ones[:, [j]], 500, seed=2)
        assert quantiles(one).ravel() == pytest.approx(quantiles(means)[:, j])


def test_very_small_p_values_are_bounds_never_below_the_exact_one() -> None:
    """Twenty equal differences: only two of the 2²⁰ sign patterns are as extreme."""
    exact = 2 / 2**20
    bound = permutation_tests(np.ones((20, 1)), permutations=1000)[0]
    assert exact <= bound < 1 / 1001
    assert 0 < permutation_tests(np.ones((5000, 1)))[0] < 1e-100


def test_differences_that_are_missing_do_not_count() -> None:
    values = np.random.default_rng(0).normal(0.1, 1, 200)
    with_gaps = np.concatenate([values, np.full(50, np.nan)])
    assert permutation_tests(with_gaps[:, None])[0] == pytest.approx(
        permutation_tests(values[:, None])[0], abs=0.02
    )
