import numpy as np
import pytest
from scipy import stats

from recsys.evaluation.statistics import bootstrap_interval, compare, holm, permutation_test


def test_interval_is_that_of_scipy():
    values = np.random.default_rng(0).exponential(size=300)
    ours = bootstrap_interval(values, resamples=5000)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=5000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert ours.mean == pytest.approx(values.mean())
    assert ours.low == pytest.approx(theirs.low, abs=0.01)
    assert ours.high == pytest.approx(theirs.high, abs=0.01)
    assert ours.n == 300


def test_nan_is_no_value():
    with_nan = bootstrap_interval([1.0, np.nan, 3.0])
    assert (with_nan.mean, with_nan.n) == (2.0, 2)
    assert np.isnan(bootstrap_interval([np.nan]).mean)
    with pytest.raises(ValueError, match="no user has a value"):
        compare([1.0, np.nan], [np.nan, 2.0])
    with pytest.raises(ValueError, match="as many: 1 and 2"):
        compare([1.0], [1.0, 2.0])


@pytest.mark.slow
def test_intervals_cover_the_true_mean():
    """NDCG-like values: a lump at zero, the rest skewed. 93 to 97 of 100 intervals cover."""
    rng = np.random.default_rng(0)
    covered, trials = 0, 1000
    for trial in range(trials):
        values = np.where(rng.random(400) < 0.5, 0, rng.beta(1, 3, 400))  # mean 1/8
        interval = bootstrap_interval(values, resamples=500, seed=trial)
        covered += interval.low <= 0.125 <= interval.high
    assert 0.93 <= covered / trials <= 0.97


def test_small_permutation_tests_are_exact():
    """All 2⁸ sign patterns by hand."""
    differences = np.array([0.4, -0.1, 0.3, 0.2, 0.25, -0.05, 0.15, 0.33])
    signs = 1 - 2 * ((np.arange(256)[:, None] >> np.arange(8)) & 1)
    exact = np.mean(np.abs(signs @ differences) >= abs(differences.sum()) - 1e-12)
    assert permutation_test(differences, permutations=40_000) == pytest.approx(exact, abs=0.005)


@pytest.mark.slow
def test_false_positives_are_as_frequent_as_promised():
    rng = np.random.default_rng(1)
    trials = 2000
    rejected = sum(
        permutation_test(rng.normal(size=60) * rng.random(60), permutations=999, seed=t) <= 0.05
        for t in range(trials)
    )
    assert 0.04 <= rejected / trials <= 0.06


def test_a_clear_difference_is_found_and_described():
    rng = np.random.default_rng(2)
    base = rng.random(500)
    better = base + rng.normal(0.05, 0.1, 500)
    found = compare(better, base)
    assert found.difference == pytest.approx(np.mean(better - base))
    assert found.low < found.difference < found.high
    assert found.p_value < 0.001
    assert found.effect_size == pytest.approx(
        np.mean(better - base) / np.std(better - base, ddof=1)
    )
    assert found.better == np.mean(better > base)
    mirrored = compare(base, better)
    assert mirrored.difference == -found.difference
    assert compare(base, base).p_value == 1
    assert compare(base, base).better == 0.5


def test_holm_by_hand_and_never_above_one():
    # Sorted .01 × 4, .02 × 3, .03 × 2, .5 × 1, none below the one before.
    assert holm([0.02, 0.5, 0.01, 0.03]).tolist() == pytest.approx([0.06, 0.5, 0.04, 0.06])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []
