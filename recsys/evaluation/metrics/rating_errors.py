"""Errors of predicted ratings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recsys.evaluation.metrics.arithmetic import ratio
from recsys.evaluation.metrics.record import Metric

Vector = npt.NDArray[np.float64]
Rows = npt.NDArray[np.integer]


def rmse(errors: Vector, error_users: Rows, n_ratings: Rows) -> Vector:
    """Root of (squared errors of a user / test ratings of the user); NaN for a user with none.

    >>> rmse(np.array([1.0, -7.0]), np.array([0, 0]), np.array([2, 0]))
    array([ 5., nan])
    """
    return np.sqrt(ratio(np.bincount(error_users, errors**2, len(n_ratings)), n_ratings))


def mae(errors: Vector, error_users: Rows, n_ratings: Rows) -> Vector:
    """Absolute errors of a user / test ratings of the user; NaN for a user with none.

    >>> mae(np.array([1.0, -7.0]), np.array([0, 0]), np.array([2, 0]))
    array([ 4., nan])
    """
    return ratio(np.bincount(error_users, np.abs(errors), len(n_ratings)), n_ratings)


RMSE = Metric(
    name="rmse",
    label="RMSE",
    meaning="root of the mean squared error",
    group="predicted ratings",
    function=rmse,
    higher_is_better=False,
    at_k=False,
    baseline="biases",
    pooled=True,
    power=2,
    compared=True,
    place=1,
)
MAE = Metric(
    name="mae",
    label="MAE",
    meaning="mean absolute error",
    group="predicted ratings",
    function=mae,
    higher_is_better=False,
    at_k=False,
    baseline="biases",
    pooled=True,
    compared=True,
    place=2,
)
