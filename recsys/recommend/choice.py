"""`Choice`: how many items to recommend, and which ones may be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from recsys.errors import ArgumentError
from recsys.settings import Settings, option


@dataclass(frozen=True)
class Choice(Settings):
    """What may be recommended. Items are given by id or title."""

    n: int = option(10, low=1, flags=("-n", "--count"), meaning="Number of items.")
    exclude_seen: bool = option(
        True,
        flags=("--exclude-seen/--include-seen",),
        meaning="Leave out the items that the user has rated.",
    )
    exclude: Sequence[Any] = option([], metavar="ITEM", meaning="Leave out this item.")
    among: Sequence[Any] | None = option(
        None, metavar="ITEM", meaning="Choose only from the items named.", default_text="all items"
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "exclude", _listed("exclude", self.exclude))
        if self.among is not None:
            object.__setattr__(self, "among", _listed("among", self.among))
        super().__post_init__()

    def but(self, n: int | None = None, **changes: Any) -> Choice:
        """The same choice with some settings changed; n stays where it is None.

        >>> Choice(exclude=[3]).but(n=5)
        Choice(n=5, exclude_seen=True, exclude=[3], among=None)

        Raises:
            ArgumentError: there is no such setting, or a value is out of range.
        """
        changes = changes if n is None else {"n": n} | changes
        unknown = set(changes) - set(self.values())
        if unknown:
            have = ", ".join(self.values())
            raise ArgumentError(f"a choice has {have}, but no {', '.join(sorted(unknown))}")
        return replace(self, **changes) if changes else self


def _listed(argument: str, items: Any) -> list[Any]:
    # Any iterable of items: a set, a column of a table, an array.
    if isinstance(items, str) or not isinstance(items, Iterable):
        raise ArgumentError(f"{argument} must be a list of items, not {items!r}")
    return [one.item() if isinstance(one, np.generic) else one for one in items]
