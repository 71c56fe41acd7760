"""Conditions on items as people write them on a command line: `--genre Comedy --year 1990-1999`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from recsys.app.names import item_id
from recsys.errors import ArgumentError
from recsys.recommend.choice import Allowed
from recsys.settings import option, settings_of

if TYPE_CHECKING:
    from recsys.recommend.recommender import Recommender

_YEARS = re.compile(r"(?P<only>\d{1,4})|(?P<first>\d{1,4})?-(?P<last>\d{1,4})?")


@dataclass(frozen=True, kw_only=True)
class ShortForms(Allowed):
    """What is allowed, with short forms of the most usual conditions."""

    genre: Sequence[str] = option(
        [],
        metavar="NAME",
        meaning="Only items of this genre. Repeatable: items must have every genre given.",
    )
    year: str | None = option(
        None,
        metavar="YEAR[-YEAR]",
        meaning="Only items from these years, such as 1994, 1990-1999, 1990- or -1999.",
        default_text="all years",
    )

    def conditions(self) -> Allowed:
        """What is allowed, the short forms written out in `where`.

        Raises:
            ArgumentError: a year or a genre cannot be read.
        """
        parts = [] if self.where is None else [f"({self.where})"]
        parts += [f"genres has {_quoted(name)}" for name in self.genre]
        parts += [] if self.year is None else [_years(self.year)]
        where = " and ".join(parts) if parts else None
        if self.where is not None and len(parts) == 1:
            where = self.where  # errors point at what was written
        own = {one.name: getattr(self, one.name) for one in settings_of(Allowed)}
        return replace(Allowed(**own), where=where)

    def of_model(self, model: Recommender) -> dict[str, Any]:
        """The settings of `Allowed`, with items as the model knows them."""
        settings = self.conditions().values()
        for name in ("exclude", "among", "exclude_similar_to"):
            if settings[name] is not None:
                settings[name] = [item_id(model, text) for text in settings[name]]
        return settings


def _quoted(text: str) -> str:
    if "'" not in text:
        return f"'{text}'"
    if '"' in text:
        raise ArgumentError(f"genre must not have both kinds of quotes: {text!r}")
    return f'"{text}"'


def _years(text: str) -> str:
    found = _YEARS.fullmatch(text.strip())
    only, first, last = found.group("only", "first", "last") if found else (None, None, None)
    if only:
        return f"year = {only}"
    if not (first or last) or (first and last and int(first) > int(last)):
        raise ArgumentError(f"year must look like 1994, 1990-1999, 1990- or -1999, not {text!r}")
    return f"{first or 0} <= year <= {last}" if last else f"year >= {first}"
