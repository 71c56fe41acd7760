import numpy as np
import pytest

from recsys.evaluation.metrics.popularity import novelty, popularity_bias

ITEMS, COUNTS = np.array([[0, 1, -1], [2, 0, 1], [-1, -1, -1]]), [4, 1, 0]


def test_novelty_in_bits() -> None:
    found = novelty(ITEMS, ITEMS >= 0, COUNTS, 8)
    assert found[:2].tolist() == pytest.approx([(1 + 3) / 2, (3 + 1 + 3) / 3])
    assert np.isnan(found[2])  # an empty list


def test_popularity_in_ratings() -> None:
    found = popularity_bias(ITEMS, ITEMS >= 0, COUNTS)
    assert found[:2].tolist() == pytest.approx([2.5, 5 / 3])
    assert np.isnan(found[2])
