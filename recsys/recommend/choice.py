"""`Choice`: how many items to recommend, and which ones may be (`Allowed`)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np

from recsys.arguments import require, said
from recsys.errors import ArgumentError
from recsys.settings import Settings, option, settings_of

How = Literal["average", "least-misery", "most-pleasure"]
"""How the scores of several people become one."""

HOWS: tuple[How, ...] = get_args(How)

Risk = Literal["mean", "lower", "upper", "thompson"]
"""What items are ranked by: the expected rating, an end of its interval, or one draw of it."""

RISKS: tuple[Risk, ...] = get_args(Risk)

LIKE = 0.5
"""Cosine from which items count as similar to one that is to be left out with its like."""


@dataclass(frozen=True, kw_only=True)
class Allowed(Settings):
    """Which items an answer may have, whoever asks. Items are given by id or title."""

    exclude: Sequence[Any] = option([], metavar="ITEM", meaning="Leave out this item.")
    among: Sequence[Any] | None = option(
        None, metavar="ITEM", meaning="Choose only from the items named.", default_text="all items"
    )
    where: str | None = option(
        None,
        metavar="CONDITION",
        meaning="Choose only from items that meet a condition on their columns, such as "
        "\"genres has 'Comedy' and 1990 <= year < 2000\".",
        default_text="all items",
    )
    min_ratings: int = option(0, low=0, meaning="Leave out items with fewer ratings.")
    exclude_similar_to: Sequence[Any] = option(
        [],
        metavar="ITEM",
        meaning=f"Leave out this item and similar ones: cosine of their factors at least {LIKE:g}.",
    )

    def __post_init__(self) -> None:
        for name in ("exclude", "among", "exclude_similar_to"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _listed(name, getattr(self, name)))
        super().__post_init__()

    def allowed(self) -> Allowed:
        """Only the settings that say which items are allowed."""
        return Allowed(**{one.name: getattr(self, one.name) for one in settings_of(Allowed)})

    @cached_property
    def key(self) -> Hashable:
        """Equal for choices that allow the same items; None where all are allowed."""
        among = None if self.among is None else tuple(self.among)
        lists = tuple(self.exclude), tuple(self.exclude_similar_to)
        rest = among, self.where, self.min_ratings
        return None if rest == (None, None, 0) and not any(lists) else (*lists, *rest)

    @cached_property
    def without_exclude(self) -> Allowed:
        """The same without the items of `exclude`."""
        return replace(self.allowed(), exclude=[]) if self.exclude else self


@dataclass(frozen=True, kw_only=True)
class Choice(Allowed):
    """What may be recommended, and how much of it."""

    n: int = option(10, low=1, flags=("-n", "--count"), meaning="Number of items.")
    exclude_seen: bool = option(
        True,
        flags=("--exclude-seen/--include-seen",),
        meaning="Leave out the items that the user has rated.",
    )
    rerank: str | None = option(
        None,
        metavar="WAY[=STRENGTH]",
        meaning="Re-rank the best items for variety: mmr or dpp (different items), calibrated "
        "(genres as in the history), less-popular; with a strength from 0 to 1, such as mmr=0.3.",
        default_text="the best scores",
    )
    risk: str | None = option(
        None,
        choices=lambda: RISKS,
        meaning="For a model that estimates uncertainty: rank by the mean, by the lower or upper "
        "end of its 90 % interval, or by one posterior sample (thompson); the answer has the "
        "interval as low and high.",
        default_text="the mean, without the interval",
    )
    seed: int = option(0, low=0, meaning="Seed for the sample of thompson.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rerank is not None:
            from recsys.recommend.rerank.ways import parse

            parse(self.rerank)

    @cached_property
    def only_risk(self) -> Choice | None:
        """Nothing but the risk of this choice; None where there is none."""
        return None if self.risk is None else Choice(risk=self.risk, seed=self.seed)

    def but(self, n: int | None = None, **changes: Any) -> Choice:
        """The same choice with some settings changed; n stays where it is None.

        >>> Choice(exclude=[3]).but(n=5).n
        5

        Raises:
            ArgumentError: there is no such setting, or a value is out of range.
        """
        changes = changes if n is None else {"n": n} | changes
        unknown = set(changes) - set(self.values())
        if unknown:
            have = ", ".join(self.values())
            raise ArgumentError(f"a choice has {have}, but not {', '.join(sorted(unknown))}")
        return replace(self, **changes) if changes else self


def chosen(choice: Choice | None, n: int | None, changes: Mapping[str, Any]) -> Choice:
    """What the arguments of a question choose; see `Choice.but`.

    Raises:
        ArgumentError: `choice` is no `Choice`, there is no such setting, or a value is wrong.
    """
    if choice is not None:
        require("choice", choice, Choice, "a Choice, such as Choice(n=3), or None")
    return (choice or Choice()).but(n, **changes)


def _listed(argument: str, items: Any) -> list[Any]:
    # Any iterable of items: a set, a column of a table, an array.
    is_list = isinstance(items, Iterable) and not isinstance(items, str | bytes | bytearray)
    if not is_list or getattr(items, "ndim", 1) != 1:
        raise ArgumentError(f"{argument} must be a list of items, not {said(items)}")
    listed = [one.item() if isinstance(one, np.generic) else one for one in items]
    for one in listed:
        if not isinstance(one, Hashable):  # a list in the list, say: no id and no title
            raise ArgumentError(f"{argument} must be a list of items, and {said(one)} is not one")
    return listed
