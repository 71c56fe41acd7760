"""What commands that work on a store and its models have in common."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recsys.errors import ArgumentError
from recsys.settings import Settings, option

if TYPE_CHECKING:
    from recsys.store.database.ratings_store import RatingsStore

STORE = "RECSYS_STORE"
"""Environment variable with the address of the store."""
MAIN = "main"
"""Name of the model in service where none is given."""


def name_field() -> Any:
    """The setting `name`."""
    return option(MAIN, metavar="NAME", meaning="Name of the model in service.")


def keep_for_field() -> Any:
    """The setting `keep_for`."""
    return option(
        "30d",
        metavar="TIME",
        meaning="Age at which model files of versions that are not in service are deleted: 30d, "
        "12h.",
    )


@dataclass(frozen=True, kw_only=True)
class InStore(Settings):
    """Where the ratings and the versions of models are."""

    store: str | None = option(
        None,
        metavar="URL",
        meaning="Ratings store: sqlite:///FILE or postgresql://USER@HOST/DATABASE.",
        default_text=f"the environment variable {STORE}",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.store is None:
            object.__setattr__(self, "store", os.environ.get(STORE))
        if not self.store:
            raise ArgumentError(
                f"store is missing: name it with --store URL or the environment variable {STORE}"
            )

    def opened(self) -> RatingsStore:
        """The store.

        Raises:
            StoreError: it is none, or cannot be reached.
        """
        from recsys.store.database.ratings_store import RatingsStore

        return RatingsStore.open(str(self.store))


def share_of(text: str, what: str) -> float:
    """The share for "10%" or "0.1".

    >>> share_of("10%", "ab"), share_of("0.25", "ab")
    (0.1, 0.25)

    Raises:
        ArgumentError: it is none from 0 to below 1.
    """
    number, percent, rest = text.strip().partition("%")
    try:
        share = float(number) / (100 if percent else 1)
    except ValueError:
        share = -1.0
    if rest or not 0 <= share < 1:
        raise ArgumentError(f"{what} must be a share such as 10%, below 100%, not {text!r}")
    return share


def age_of(text: str, what: str) -> float:
    """The seconds for "30d", "12h" or "90s".

    Raises:
        ArgumentError: it is no time.
    """
    from recsys.evaluation.tuning.limits import seconds

    return seconds(text, what, "30d, 12h or 90s")
