import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recsys.recommend.index import top_of_scores

tied = st.sampled_from([-np.inf, 0.0, 1.0, 2.0])


@settings(max_examples=100, deadline=None)
@given(hnp.arrays(np.float32, (4, 6), elements=tied), st.integers(1, 9))
def test_best_of_dense_scores_equals_a_stable_sort(scores: npt.NDArray[np.float32], k: int) -> None:
    found, values = top_of_scores(scores, k)
    for row, items, best in zip(scores, found, values, strict=True):
        order = [i for i in np.argsort(-row, kind="stable") if row[i] > -np.inf][:k]
        assert items.tolist() == order + [-1] * (k - len(order))
        assert best[: len(order)].tolist() == row[order].tolist()
        assert np.isnan(best[len(order) :]).all()
