import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.diagnosis import signs

counts = st.lists(st.integers(0, 1000), min_size=1, max_size=400).map(np.array)


def test_undefined_values_are_nan_and_no_sign() -> None:
    for losses in ([], [3.0], [0.0, 1.0]):
        assert math.isnan(signs.last_fall(losses))
        assert not signs.still_falling(losses)
        assert not signs.rising(losses)
    assert math.isnan(signs.head_share(np.zeros(5, int)))


def test_negative_losses_fall_when_they_get_more_negative() -> None:
    assert signs.still_falling([-1.0, -2.0])
    assert signs.rising([-2.0, -1.0])


@settings(max_examples=100, deadline=None)
@given(counts)
def test_no_set_of_items_gets_more_than_the_most_recommended(recommended: np.ndarray) -> None:
    if not recommended.sum():
        return
    most = signs.head_share(recommended)
    n = signs.head_size(len(recommended))
    assert n == max(1, len(recommended) // 100)
    assert math.isclose(most, np.sort(recommended)[::-1][:n].sum() / recommended.sum())
    by_number = signs.head_share(recommended, np.arange(len(recommended)))
    assert by_number <= most + 1e-12
