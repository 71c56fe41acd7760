"""The gate: whether a candidate is significantly worse than the model in service."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recsys.errors import ArgumentError
from recsys.evaluation.metrics import label_of
from recsys.evaluation.result.results import Results
from recsys.evaluation.result.statistics import (
    SIGNIFICANT,
    permutation_tests,
    quantiles,
    resampled_ratios,
)
from recsys.evaluation.result.wording import p_in_words, signed


@dataclass(frozen=True)
class Gate:
    """Whether the candidate may replace the model in service."""

    passed: bool
    """False where the candidate is significantly worse."""
    sentence: str
    """Both values, the difference with its interval, and p."""


def gate(result: Results, candidate: str, current: str, metric: str) -> Gate:
    """The candidate against the current model in one metric, on the same users.

    One comparison planned beforehand, so p (paired permutation test) is not corrected for others.

    Raises:
        ArgumentError: the evaluation does not have the metric for both models.
    """
    one = next((m for m in result.user_means if m.metric == metric), None)
    if one is None or not {candidate, current} <= set(one.models):
        both = [m.metric for m in result.user_means if {candidate, current} <= set(m.models)]
        raise ArgumentError(f"gate must be one of {', '.join(both)}, not {metric!r}")
    columns = [one.models.index(candidate), one.models.index(current)]
    tops, belows = one.numerators[:, columns], one.denominators[:, columns]
    both_there = (belows > 0).all(axis=1)
    tops, belows = tops[both_there], belows[both_there]
    means = one.finish(tops.sum(axis=0) / belows.sum(axis=0))
    resampled = one.finish(resampled_ratios(tops, belows))
    low, high = quantiles((resampled[:, 0] - resampled[:, 1])[:, None])[:, 0]
    difference = float(means[0] - means[1])
    p = float(permutation_tests(tops[:, :1] - tops[:, 1:])[0])
    lower_is_better = one.about.higher_is_better is False
    worse = difference > 0 if lower_is_better else difference < 0
    failed = bool(worse and p < SIGNIFICANT)
    words = "significantly worse" if failed else "not significantly worse"
    sentence = (
        f"{candidate} is {words} than {current}: {label_of(metric)} {means[0]:.4f} against "
        f"{means[1]:.4f}, {signed(difference)} [{signed(low)}, {signed(high)}], {p_in_words(p)}, "
        f"{int(np.count_nonzero(both_there)):,} users"
    )
    return Gate(not failed, sentence)
