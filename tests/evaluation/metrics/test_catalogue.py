import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.evaluation.metrics.catalogue import coverage, gini, head_share

exposures = st.lists(st.integers(0, 50), min_size=1, max_size=40).map(np.array)


def test_nothing_recommended() -> None:
    nothing = np.zeros(4, int)
    assert coverage(nothing) == 0
    assert np.isnan(gini(nothing))
    assert np.isnan(head_share(nothing, np.arange(4)))


@settings(max_examples=100, deadline=None)
@given(exposures, st.integers(1, 9))
def test_gini_is_the_mean_difference_over_twice_the_mean(
    recommended: npt.NDArray[np.int64], factor: int
) -> None:
    if not recommended.sum():
        return
    found = gini(recommended)
    pairs = np.abs(recommended[:, None] - recommended)
    assert found == pytest.approx(pairs.mean() / (2 * recommended.mean()), abs=1e-12)
    assert -1e-12 <= found <= 1 - 1 / len(recommended) + 1e-12
    # It depends on neither the number of lists nor the order of the items.
    assert gini(factor * recommended) == pytest.approx(found, abs=1e-12)
    assert gini(recommended[::-1]) == pytest.approx(found, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(exposures)
def test_coverage_counts_items(recommended: npt.NDArray[np.int64]) -> None:
    assert coverage((recommended > 0) * 1.0) == pytest.approx(np.mean(recommended > 0))
