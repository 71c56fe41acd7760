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
        meaning="Work of the search for hyperparameters, final fit included, in fits of the chosen "
        "width (or a second of work, where they take less); 0 takes them from a rule.",
    )


def time_limit_field() -> Any:
    """The setting `time_limit`."""
    return option(
        None,
        low=0,
        above=True,
        metavar="SECONDS",
        meaning="Start no trial of the search after this time; results then depend on the speed of "
        "the machine.",
        default_text="no limit",
    )
