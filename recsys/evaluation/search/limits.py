"""The settings of a search, declared once: for `Auto` and for the command line."""

from __future__ import annotations

from typing import Any

from recsys.settings import option


def budget_field() -> Any:
    """The setting `budget`."""
    return option(
        8.0,
        low=0,
        high=1e6,
        metavar="X",
        meaning="Total work of the hyperparameter search and the final fit, in units of one fit at "
        "the chosen width, or of two seconds if that is more; 0 uses a rule without a search.",
    )


def time_limit_field() -> Any:
    """The setting `time_limit`."""
    return option(
        None,
        low=0,
        above=True,
        metavar="SECONDS",
        meaning="Start no trial of the search after this time; the result then depends on the "
        "speed of the machine.",
        default_text="no limit",
    )
