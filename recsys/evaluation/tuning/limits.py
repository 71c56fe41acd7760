"""The settings of a tuning, declared once: for `Tuner` and for the command line."""

from __future__ import annotations

import math
from typing import Any

from recsys import settings
from recsys.models.registry import SPECS
from recsys.settings import option

MODELS = "implicit-als", "normalized-svd", "ease", "blend"
"""What is searched unless models are named."""

MOST_ITEMS = 10_000
"""Items up to which `ease` is searched unless models are named: its fits take the cube of them."""


def models_field() -> Any:
    """The setting `models`."""
    return option(
        list(MODELS),
        choices=lambda: list(SPECS),
        metavar="NAME,NAME,...",
        meaning="Models to search; blend combines the best factorizations. The default leaves out "
        f"ease if there are more than {MOST_ITEMS:,} items.",
        default_text=",".join(MODELS),
    )


def metric_field() -> Any:
    """The setting `metric`."""
    return option(
        "ndcg@10",
        metavar="METRIC",
        meaning="Metric to optimize on held-out training ratings: a list metric such as ndcg@10 "
        "or recall@20, or rmse for models that predict ratings.",
    )


def trials_field() -> Any:
    """The setting `trials`."""
    return option(
        100,
        low=1,
        meaning="Total number of trials of all models, including those of a resumed study.",
    )


def budget_field() -> Any:
    """The setting `budget`."""
    return option(
        None,
        metavar="TIME",
        meaning="Start no new trial once the trials have taken this long in total: 90 or 90s, "
        "10m, 2h.",
        default_text="no limit",
    )


def processes_field() -> Any:
    """The setting `processes`."""
    return option(
        1,
        low=1,
        high=1024,
        meaning="Number of settings to try at a time, each in a process with its share of the "
        "threads. The processes share the ratings. Settings of one round are proposed without "
        "each other's results, so another number tries different settings; the score of a "
        "setting is the same.",
    )


def hyperparameters_field() -> Any:
    """The setting `hyperparameters`."""
    return option(
        {},
        flags=("--set",),
        metavar="MODEL.NAME=VALUE",
        meaning="Hyperparameter to fix, or with LOW:HIGH the range to search, such as "
        "implicit-als.n_factors=32:128. Repeatable.",
    )


def seconds(
    budget: str | float | None, what: str = "budget", examples: str = "90s, 10m or 2h"
) -> float:
    """The seconds of a budget; infinity for none.

    Args:
        budget: a number of seconds, or one with a unit.
        what: what messages call it.
        examples: what they show.

    Raises:
        ArgumentError: it is no time.
    """
    return math.inf if budget is None else settings.seconds(budget, what, examples)
