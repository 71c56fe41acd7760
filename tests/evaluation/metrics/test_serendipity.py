import numpy as np
import pytest

from recsys.evaluation.metrics.serendipity import serendipity


def test_hits_that_are_not_popular_by_visible_arithmetic() -> None:
    hits = np.array([[True, True, False], [True, False, False]])
    obvious = np.array([[1.0, 0, 0], [0, 1, 1]])  # whether the popularity list has each item
    assert serendipity(hits, hits, obvious, [2, 1]).tolist() == pytest.approx([1 / 3, 1 / 3])
    assert serendipity(hits, hits, np.ones((2, 3)), [2, 1]).tolist() == [0, 0]
    assert np.isnan(serendipity(hits, hits, obvious, [0, 1])[0])
    # A hit in half of the orders that a third of the popularity lists have.
    assert serendipity(hits[:1], np.array([[0.5, 0, 0]]), [[1 / 3, 0, 0]], [1])[0] == pytest.approx(
        1 / 9
    )
