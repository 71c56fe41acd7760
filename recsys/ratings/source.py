"""`Source`: where ratings come from and how to read them, as declared settings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from recsys.errors import ArgumentError
from recsys.ratings.columns import ROLES
from recsys.settings import Settings, near, option
from recsys.visible import brief

Incomplete = Literal["error", "drop"]
INCOMPLETE: tuple[Incomplete, ...] = ("error", "drop")
Duplicates = Literal["latest", "mean", "max", "sum", "count", "error"]
DUPLICATES: tuple[Duplicates, ...] = ("latest", "mean", "max", "sum", "count", "error")


@dataclass(frozen=True)
class Source(Settings):
    """A ratings file and how to read it; `readers.read` returns its ratings.

    The fields are keys of a recipe file and options of the command line.
    """

    ratings: str = option(
        meaning="MovieLens folder or zip, CSV, TSV or Parquet file, or database: sqlite:///FILE, "
        "postgresql://USER@HOST/DATABASE."
    )
    columns: Mapping[str, str] = option(
        {},
        meaning="Column that holds the user, item, rating or timestamp, if its name is not "
        "recognized, such as user=customer_id, or its number from 1; timestamp= for none. "
        "Repeatable.",
        flags=("--column",),
        metavar="ROLE=NAME|NUMBER",
    )
    items: str | None = option(
        None,
        metavar="FILE",
        meaning="File with the items' titles, if it is not next to the ratings.",
    )
    separator: str | None = option(
        None, meaning="Separator between the fields of a text file.", default_text="detected"
    )
    encoding: str | None = option(
        None, meaning="Encoding of a text file.", default_text="UTF-8, else ISO-8859-1"
    )
    header: bool | None = option(
        None,
        meaning="Whether the first line of a text file names the columns.",
        flags=("--header/--no-header",),
        default_text="detected",
    )
    duplicates: str | None = option(
        None,
        meaning="What counts when a user rated an item several times: the latest rating, the mean, "
        "the largest, the sum, the number of rows, or an error.",
        choices=DUPLICATES,
        default_text="latest, or sum for counts and events",
    )
    missing: Sequence[float] | None = option(
        None,
        meaning="Value that stands for not rated, such as -1, 0 or 99; none if there is no such "
        "value. Repeatable.",
        metavar="VALUE",
        default_text="-1 apart from a scale of positive ratings",
    )
    decimal: str | None = option(
        None,
        meaning="Decimal separator of the ratings in a text file, a point or a comma.",
        choices=(".", ","),
        default_text="detected",
    )
    date_format: str | None = option(
        None,
        meaning="Format of the dates in the time column, as for strptime, such as %d-%m-%Y.",
        metavar="FORMAT",
        default_text="numbers or ISO 8601",
    )
    layout: str | None = option(
        None,
        metavar="NAME",
        meaning="Layout of the file, such as netflix-prize or wide-matrix.",
        default_text="recognized by the file's name and first lines",
    )
    user_table: str | None = option(
        None,
        metavar="FILE",
        meaning="File with what is known of the users, if it is not next to the ratings.",
    )
    table: str | None = option(
        None,
        metavar="NAME",
        meaning="Table of a database with a row per rating.",
        default_text="ratings, or the only one with a user and an item column",
    )
    query: str | None = option(
        None,
        metavar="SQL",
        meaning="Query of a database whose rows are the ratings, in place of a table.",
    )
    incomplete: str = option(
        "error",
        meaning="What to do with rows without a user, item, rating or time: raise an error, or "
        "drop and count them.",
        choices=INCOMPLETE,
    )
    map_above: float | None = option(
        None,
        low=0,
        metavar="MB",
        meaning="Keep arrays larger than this many megabytes in a temporary file instead of in "
        "memory. The results are the same, but slower if memory is short.",
        default_text="a quarter of the free memory",
    )

    @property
    def drops(self) -> bool:
        """Whether incomplete rows are left out."""
        return self.incomplete == "drop"

    @property
    def map_bytes(self) -> float | None:
        """`map_above` in bytes."""
        return None if self.map_above is None else 1e6 * self.map_above

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "missing", missing_values(self.missing))
        if self.table is not None and self.query is not None:
            raise ArgumentError("give a table or a query, not both")
        for role in self.columns:
            if role not in ROLES:
                raise ArgumentError(
                    f"columns are {', '.join(ROLES)}, not {brief(role)}{near(role, ROLES)}"
                )


def missing_values(given: Sequence[float | str] | None) -> list[float] | None:
    """Values that stand for "not rated" as numbers; `["none"]` gives an empty list.

    Raises:
        ArgumentError: one is not a number.
    """
    if given is None:
        return None
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise ArgumentError(f"missing must be a list of numbers, not {brief(given)}")
    if [str(value).lower() for value in given] == ["none"]:
        return []
    found = []
    for value in given:
        try:
            found.append(float(value))
        except (TypeError, ValueError):
            found.append(math.nan)
        if isinstance(value, bool) or not math.isfinite(found[-1]):
            raise ArgumentError(f"missing must be numbers, not {brief(value)}")
    return found
