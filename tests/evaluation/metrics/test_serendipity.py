import numpy as np
import pytest

from recsys.evaluation.metrics.serendipity import serendipity


def test_hits_that_are_not_popular_by_visible_arithmetic() -> None:
    items = np.array([[0, 1, -1], [2, 0, 1]])
    hits = np.array([[True, True, False], [True, False, False]])
    popular = np.array([[0, 2, 3], [0, 1, 3]])
    assert serendipity(hits, items, popular, [2, 1]).tolist() == pytest.approx([1 / 3, 1 / 3])
    assert serendipity(hits, items, items, [2, 1]).tolist() == [0, 0]
    assert np.isnan(serendipity(hits, items, popular, [0, 1])[0])
