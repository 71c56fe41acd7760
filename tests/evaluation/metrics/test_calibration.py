import numpy as np
import pytest

from recsys.evaluation.metrics.calibration import calibration


def test_calibration_by_visible_arithmetic() -> None:
    genres = np.array([[1.0, 0], [0, 1.0], [0.5, 0.5]])
    history = np.array([[0.8, 0.2], [0.8, 0.2], [0.0, 0.0]])
    items = np.array([[0, 1], [0, -1], [0, 1]])
    even = [0.99 * 0.5 + 0.01 * 0.8, 0.99 * 0.5 + 0.01 * 0.2]
    only = [0.99 * 1 + 0.01 * 0.8, 0.01 * 0.2]
    expected = [
        0.8 * np.log(0.8 / even[0]) + 0.2 * np.log(0.2 / even[1]),
        0.8 * np.log(0.8 / only[0]) + 0.2 * np.log(0.2 / only[1]),
    ]
    found = calibration(items, items >= 0, history, genres)
    assert found[:2].tolist() == pytest.approx(expected)
    assert np.isnan(found[2])
