"""Options that no request declares, because only the command line has them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from recsys.errors import ArgumentError

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV, with every column.")]
Config = Annotated[
    Path | None,
    typer.Option(
        help="Recipe file (TOML); command-line options override it.",
        metavar="FILE",
        show_default=False,
    ),
]

Show = Annotated[
    list[str] | None,
    typer.Option(
        "--show",
        help="Column of the item table to show in addition to title, year and genres. Repeatable.",
        metavar="NAME",
        show_default=False,
    ),
]


def overridden(entries: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The entries of a recipe file, with what was given on the command line in their place.

    A table is overridden entry by entry: `--column user=who` keeps the recipe's other columns.
    """
    both = entries | given
    for name, value in given.items():
        if isinstance(value, dict):
            both[name] = dict(entries.get(name, {})) | value
    return both


def with_ratings(entries: dict[str, Any]) -> dict[str, Any]:
    """The entries themselves, which must say where the ratings are.

    Raises:
        ArgumentError: they do not.
    """
    if "ratings" not in entries:
        raise ArgumentError(
            "RATINGS is missing: name a ratings file or folder, or use a --config file that does"
        )
    return entries
