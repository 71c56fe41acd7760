"""What the trials say about settings that were not tried: a Gaussian process over their scores.

A single score is noisy where few users are ranked, and the highest of many is mostly the luckiest.
The surface weighs each score with those close to it. Scores enter as logarithms of their ratio to
the score of one common trial for the same users, whose noise is that of the difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from recsys.evaluation.search.rule import SPREAD
from recsys.evaluation.search.trials import Setting, Trial
from recsys.ratings.feedback import Feedback
from recsys.threads import one_blas_thread

Vector = npt.NDArray[np.float64]

WIDTH_SCALE = 2.0
"""Doublings of the width over which scores change as much as over `SPREAD` of the others."""

KIND_DISTANCE = 0.7
"""Distance of two kinds of feedback, in units of `SPREAD`."""

FLOOR = math.log(0.5)
"""Scores below half of the best say no more than that; how bad they are would bend the surface."""


class Surface:
    """A Gaussian process with a squared-exponential kernel, fitted to at least one trial."""

    def __init__(self, trials: Sequence[Trial], kinds: Sequence[Feedback]) -> None:
        self._kinds = list(kinds)
        self._at = self._places([trial.setting for trial in trials])
        common = max(trials, key=lambda trial: len(trial.values))
        scores = np.array([_relative(trial, common) for trial in trials])
        scores = np.maximum(scores, scores.max() + FLOOR)
        self._prior = float(scores.mean())
        self._variance = float(scores.var()) + 1e-4
        noise = _noise(trials, common)
        with one_blas_thread():
            covariance = self._kernel(self._at) + np.diag(noise + 1e-8)
            self._inverse = np.linalg.inv(covariance)
            self._weights = self._inverse @ (scores - self._prior)

    def means(self, settings: Sequence[Setting]) -> Vector:
        """Expected logarithm of the score of each setting, up to a constant."""
        with one_blas_thread():
            means = self._prior + self._kernel(self._places(settings)) @ self._weights
        return np.asarray(means)

    def gains(self, settings: Sequence[Setting], best: float) -> Vector:
        """Expected improvement of each setting over a mean.

        (Jones, Schonlau, Welch 1998, "Efficient Global Optimization of Expensive Black-Box
        Functions")
        """
        with one_blas_thread():
            near = self._kernel(self._places(settings))
            left = self._variance - np.einsum("nt,tu,nu->n", near, self._inverse, near)
            above = self._prior + near @ self._weights - best
        deviation = np.sqrt(np.maximum(left, 1e-12))
        z = above / deviation
        density = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
        return np.asarray(above * ndtr(z) + deviation * density)

    def _kernel(self, places: Vector) -> Vector:
        # (n, n_trials) covariances with the trials.
        apart = places[:, None, :] - self._at[None, :, :]
        return np.asarray(self._variance * np.exp(-0.5 * (apart * apart).sum(axis=2)))

    def _places(self, settings: Sequence[Setting]) -> Vector:
        return np.array([self._place(setting) for setting in settings])

    def _place(self, setting: Setting) -> list[float]:
        # Coordinates in units of how far scores stay alike.
        point = setting.point
        kind = KIND_DISTANCE / math.sqrt(2)
        return [
            math.log(point.contrast) / math.log(SPREAD.contrast),
            math.log(point.ridge) / math.log(SPREAD.ridge),
            point.exponent / SPREAD.exponent,
            math.log2(setting.width) / WIDTH_SCALE,
            *(kind * (setting.feedback == own) for own in self._kinds),
        ]


def _relative(trial: Trial, common: Trial) -> float:
    # Logarithm of the ratio of the scores, for the users that both have.
    n = min(len(trial.values), len(common.values))
    own, other = trial.values[:n].mean(), common.values[:n].mean()
    return math.log(max(own, 1e-6) / max(other, 1e-6))


def _noise(trials: Sequence[Trial], common: Trial) -> Vector:
    # Variance of each relative score: that of a difference between trials, over the users.
    sizes = np.array([len(trial.values) for trial in trials], np.float64)
    spreads = [
        float((trial.values - common.values[: len(trial.values)]).var())
        for trial in trials
        if trial is not common
    ]
    level = max(float(common.values.mean()), 1e-6)
    # Half, because the common trial has its share in the noise of the differences.
    return np.asarray(0.5 * np.median(spreads or [0.0]) / level**2 / sizes)
