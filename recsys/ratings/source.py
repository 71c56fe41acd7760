"""`Source`: where ratings come from and how to read them, as declared settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from recsys.errors import ArgumentError
from recsys.ratings.columns import ROLES
from recsys.settings import Settings, near, option

Duplicates = Literal["latest", "mean", "error"]
DUPLICATES: tuple[Duplicates, ...] = ("latest", "mean", "error")


@dataclass(frozen=True)
class Source(Settings):
    """A ratings file and how to read it; `readers.read` returns its ratings.

    The fields are keys of a recipe file and options of the command line.
    """

    ratings: str = option(meaning="MovieLens folder or zip, CSV, TSV or Parquet file.")
    columns: Mapping[str, str] = option(
        {},
        meaning="Column that holds the user, item, rating or timestamp, where its name is not "
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
    duplicates: str = option(
        "latest",
        meaning="What counts when a user rated an item several times: the latest rating, the "
        "mean, or an error.",
        choices=DUPLICATES,
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

    def __post_init__(self) -> None:
        super().__post_init__()
        for role in self.columns:
            if role not in ROLES:
                raise ArgumentError(
                    f"columns are {', '.join(ROLES)}, not {role!r}{near(role, ROLES)}"
                )
