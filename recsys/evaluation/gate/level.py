"""Levels: how good a model was when it was trained, kept in its file, and whether it still is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from recsys.evaluation.metrics import label_of, metric_of
from recsys.evaluation.result.statistics import quantiles, resampled_ratios
from recsys.evaluation.result.summary import UserMeans, user_means

Z = 1.96
"""Standard errors that make a difference significant (5 %, two-sided)."""
MOST_DIFFERENT = 2.0
"""Factor by which the test ratings per user of two measurements may differ. More relevant items
per user make higher metrics of lists."""


@dataclass(frozen=True)
class Level:
    """The mean of one metric over users, or over ratings where it is pooled."""

    mean: float
    low: float
    """Of the 95 % bootstrap interval over users."""
    high: float
    standard_error: float
    n_users: int
    n_ratings: int
    """Their test ratings."""

    @classmethod
    def of(cls, one: UserMeans, model: str, n_ratings: int) -> Level:
        """The level of one model of an evaluation."""
        at = [one.models.index(model)]
        tops, belows = one.numerators[:, at], one.denominators[:, at]
        resampled = one.finish(resampled_ratios(tops, belows))
        low, high = quantiles(resampled)[:, 0]
        mean = one.finish(tops.sum(axis=0) / belows.sum(axis=0))[0]
        return cls(
            float(mean),
            float(low),
            float(high),
            float(np.nanstd(resampled)),
            int((belows > 0).sum()),
            n_ratings,
        )

    @property
    def per_user(self) -> float:
        """Test ratings per user."""
        return self.n_ratings / max(1, self.n_users)


@dataclass(frozen=True)
class LevelCheck:
    """A served model's level now against the one in its file."""

    stored: Level | None
    now: Level | None
    is_below: bool | None
    """Whether it is significantly worse now; None where the two cannot be compared."""
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        levels = {"stored": self.stored, "now": self.now}
        found = {name: None if one is None else asdict(one) for name, one in levels.items()}
        return {"is_below": self.is_below, **found, "sentence": self.sentence}


@dataclass(frozen=True)
class Measured:
    """How a measurement was made; what must agree for two levels to be comparable."""

    how: str
    """Kind of split: random, by-time."""
    feedback: str
    """What counts as liked."""


def to_header(values: pd.DataFrame, measured: Measured, **about: Any) -> dict[str, Any]:
    """The levels of every metric in a table of values per user, as a model file keeps them.

    Args:
        values: a row per user with a column per metric and `n_ratings`; see `Measurement.values`.
        measured: how it was made.
        about: what else readers should know: the split in words, its share, seed and k.
    """
    metrics = {}
    for one in user_means(values.assign(model="it"), ["it"]):
        has = values[one.metric].notna()
        level = Level.of(one, "it", int(values["n_ratings"][has].sum()))
        metrics[one.metric] = asdict(level)
    return {**asdict(measured), **about, "metrics": metrics}


def check(
    header: Mapping[str, Any] | None, metric: str, now: Level | None, measured: Measured
) -> LevelCheck:
    """Whether a served model is significantly worse now than when it was trained.

    Two independent means: the difference against 1.96 times the root of the sum of their squared
    standard errors.

    Args:
        header: `measured` of the model's file, or None.
        metric: column of the metric.
        now: its level on the ratings of today; None where it was not measured.
        measured: how that was made.
    """
    label, stored = label_of(metric), stored_level(header, metric)
    if stored is None:
        why = f"its file has no level of {label}, so this was not compared"
        # No training writes levels of unseen ratings.
        if not measured.how.startswith("of "):
            why += " (recsys train --test 0.1 --split by-time)"
        return LevelCheck(None, now, None, why)
    assert header is not None
    why = "" if now is None else _not_comparable(header, stored, now, measured)
    if why or now is None:
        why = why or "it was not measured here"
        said = f"the level in its file, {label} {stored.mean:.4f}, was not compared: {why}"
        return LevelCheck(stored, now, None, said)
    loss = now.mean - stored.mean
    if metric_of(metric).higher_is_better is not False:
        loss = -loss
    is_below = loss > Z * math.hypot(now.standard_error, stored.standard_error)
    words = "significantly worse than" if is_below else "not significantly worse than"
    said = (
        f"{label} of current is {now.mean:.4f} ± {Z * now.standard_error:.4f}, {words} the "
        f"{stored.mean:.4f} ± {Z * stored.standard_error:.4f} in its file"
    )
    return LevelCheck(stored, now, is_below, said)


def _not_comparable(
    header: Mapping[str, Any], stored: Level, now: Level, measured: Measured
) -> str:
    # In words, what keeps two levels from being comparable; "" if nothing does.
    if header.get("how") != measured.how:
        return f"it is for the split {header.get('how')}, but this split is {measured.how}"
    if header.get("feedback") != measured.feedback:
        return (
            f"it counts {header.get('feedback')} as liked, but this evaluation {measured.feedback}"
        )
    ratio = now.per_user / stored.per_user
    if not 1 / MOST_DIFFERENT <= ratio <= MOST_DIFFERENT:
        return (
            f"it is of {stored.per_user:.1f} test ratings per user, and here there are "
            f"{now.per_user:.1f}"
        )
    return ""


def stored_level(header: Mapping[str, Any] | None, metric: str) -> Level | None:
    """The level of a metric in `measured` of a model file; None if there is none to be read."""
    # Anything may be in a file that another program wrote.
    levels = header.get("metrics") if header is not None else None
    found = levels.get(metric) if isinstance(levels, Mapping) else None
    try:
        level = Level(**found)  # type: ignore[arg-type]
        ok = all(math.isfinite(value) for value in asdict(level).values())
    except TypeError:
        return None
    return level if ok and level.n_users > 0 and level.n_ratings > 0 else None
