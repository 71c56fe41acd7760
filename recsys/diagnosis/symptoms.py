"""The findings of a health check: when each is reported, with which level, text and remedy.

| code | level | what it finds |
|---|---|---|
| `ill-conditioned` | warning | normal matrices that float32 cannot solve to more than a digit |
| `unsolved` | warning | rows that are not at the solution of their equations |
| `dead-factors` | note | factors on which no prediction depends |
| `idle-factors` | note | components that together carry almost nothing |
| `unfinished` | note | a loss that still fell in the last epoch |
| `rising` | warning | a loss that rose in the last epoch |
| `norms-are-popularity` | note | lengths of item factors that follow the number of ratings |
| `collapsed` | warning | factors that all lie along one line and explain almost nothing |
| `spike` | warning | recommendations concentrated on a few items |
| `no-history` | note | a model without history, whose equations cannot be examined |
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys.diagnosis import signs
from recsys.diagnosis.conditions import examined_of
from recsys.findings import Finding

FloatVector = npt.NDArray[np.float64]

ILL_CONDITIONED = 1e6
"""Condition number above which float32 arithmetic keeps no more than about one digit."""

UNSOLVED = 0.05
"""Gradient over right side above which a row is not at its solution."""

DEAD = 1e-6
"""Share of the predictions' variance below which one factor carries nothing."""

IDLE = 0.01
"""Share of the predictions' variance below which the last components carry nothing together."""

IDLE_WIDTH = 0.9
"""Share of the width that the other components may have for the last ones to be reported."""

RUNAWAY = 0.9
"""Rank correlation of norm and number of ratings above which the norms are popularity."""


EXPLAINS_LITTLE = 0.1
"""Share of the feedback below which the scores account for almost nothing."""

ONE_LINE = 0.99
"""Share of the predictions' squares above which their first direction is all there is."""


def of_collapse(explained: float | None, spectrum: FloatVector) -> Iterator[Finding]:
    """`collapsed`: too strong a pull to zero has left popularity, and every cosine is about 1.

    Args:
        explained: share of the feedback, from `recsys.diagnosis.explained`.
        spectrum: (f,) singular values of all scores, largest first.
    """
    if explained is None or explained >= EXPLAINS_LITTLE or len(spectrum) < 2:
        return
    squares = spectrum**2
    if squares[0] > ONE_LINE * squares.sum():
        yield Finding(
            "collapsed",
            "warning",
            f"the model explains {max(explained, 0):.1%} of the feedback, and its {len(spectrum)} "
            "factors all lie along one line: lists rank by popularity, and similarities mean "
            "nothing",
            "lower unobserved_weight or regularization, or train with --model auto",
        )


def of_systems(conditions: pd.DataFrame, updated: bool = False) -> Iterator[Finding]:
    """`ill-conditioned` and `unsolved`, per side of the table from `conditions`.

    An update leaves items as they were, while their equations change.
    """
    for name, rows in conditions.groupby("side", sort=False):
        side = str(name)
        ill = rows[rows["condition"] > ILL_CONDITIONED]
        if len(ill):
            examined = examined_of(side, rows)
            among = side if examined == side else f"of {examined}"
            worst = ill.iloc[int(ill["condition"].to_numpy().argmax())]
            yield Finding(
                "ill-conditioned",
                "warning",
                f"{len(ill):,} {among} have condition numbers above {ILL_CONDITIONED:.0e}, the "
                f"worst {worst['name']} with {worst['condition']:.1e}",
                "raise regularization",
            )
        unsolved = rows[rows["gradient"] > UNSOLVED]
        if len(unsolved):
            yield Finding(
                "unsolved",
                "warning",
                f"{len(unsolved):,} {side} are not at the solution of their equations "
                f"(gradient up to {unsolved['gradient'].max():.1%} of the right side)",
                "train again, on all ratings"
                if updated
                else "train longer, unless n_epochs was chosen on held-out ratings",
            )


def of_width(factor_share: FloatVector, axis_share: FloatVector) -> Iterator[Finding]:
    """`dead-factors` and `idle-factors`, from the shares by component and by factor."""
    width = len(factor_share)
    dead = int((axis_share < DEAD).sum())
    if dead:
        which = "one factor is" if dead == 1 else f"{dead} factors are"
        text = f"{which} dead: no prediction depends on them"
        yield Finding("dead-factors", "note", text, "lower n_factors")
    beyond = 1 - np.cumsum(factor_share)
    enough = int(np.argmax(beyond <= IDLE)) + 1
    if width > 1 and enough < width - dead and enough <= IDLE_WIDTH * width:
        yield Finding(
            "idle-factors",
            "note",
            f"components {enough + 1}–{width} carry {beyond[enough - 1]:.1%} of the variance "
            "of the predictions",
            f"{enough} factors would do",
        )


def of_training(losses: FloatVector) -> Iterator[Finding]:
    """`unfinished` and `rising`, from the losses by epoch."""
    fall = signs.last_fall(losses)
    if signs.still_falling(losses):
        text = f"the loss still fell by {fall:.1%} in the last epoch"
        yield Finding("unfinished", "note", text, "train longer (n_epochs)")
    elif signs.rising(losses):
        text = f"the loss rose by {-fall:.1%} in the last epoch"
        remedy = "lower the learning rate or raise regularization"
        yield Finding("rising", "warning", text, remedy)


def of_popularity(
    norm_correlation: float, recommended: npt.NDArray[np.integer[Any]], idle: bool = False
) -> Iterator[Finding]:
    """`norms-are-popularity` and `spike`.

    Args:
        norm_correlation: rank correlation of norms and numbers of ratings, or NaN.
        recommended: how often each item is recommended; empty where that is not known.
        idle: whether the model has more factors than it uses, so that more would not help.
    """
    if norm_correlation > RUNAWAY:
        yield Finding(
            "norms-are-popularity",
            "note",
            f"the length of an item's factors follows its number of ratings (rank correlation "
            f"{norm_correlation:.2f}): dot products favour the popular",
            "compare items by cosine",
        )
    share = signs.head_share(recommended)
    if signs.concentrated(share):
        yield Finding(
            "spike",
            "warning",
            f"{share:.0%} of all recommendations are the same "
            f"{signs.head_size(len(recommended)):,} items",
            "lower regularization" if idle else "raise n_factors or lower regularization",
        )


NO_HISTORY = Finding(
    "no-history",
    "note",
    "the model file has no history, so its equations cannot be examined",
    "save it with the history",
)
