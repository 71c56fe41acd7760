import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.evaluation.metrics.rating_errors import mae, rmse

Vector = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

errors_by_user = st.lists(st.lists(st.floats(-5, 5, width=16), max_size=5), min_size=1, max_size=6)


def inputs(by_user: list[list[float]]) -> tuple[Vector, Rows, Rows]:
    flat = [error for errors in by_user for error in errors]
    users = [user for user, errors in enumerate(by_user) for _ in errors]
    return np.array(flat, float), np.array(users, int), np.array([len(e) for e in by_user])


@settings(max_examples=100, deadline=None)
@given(errors_by_user)
def test_errors_of_each_user_are_the_slow_definitions(by_user: list[list[float]]) -> None:
    root, absolute = rmse(*inputs(by_user)), mae(*inputs(by_user))
    for errors, one_rmse, one_mae in zip(by_user, root, absolute, strict=True):
        if not errors:
            assert np.isnan(one_rmse)
            assert np.isnan(one_mae)
            continue
        assert np.isclose(one_rmse, np.sqrt(np.mean(np.square(errors))))
        assert np.isclose(one_mae, np.mean(np.abs(errors)))
        # The root mean square lies between the mean and the largest absolute error.
        assert one_mae <= one_rmse * (1 + 1e-12)
        assert one_rmse <= max(map(abs, errors)) * (1 + 1e-12)
