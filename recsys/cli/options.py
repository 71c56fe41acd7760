"""Options that several commands have, and what is made of them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from recsys.errors import ArgumentError

RatingsFile = Annotated[
    str | None,
    typer.Argument(help="MovieLens folder or zip, CSV, TSV or Parquet file.", show_default=False),
]
Column = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="ROLE=NAME", help="E.g. user=customer_id. Repeat."),
]
Separator = Annotated[str | None, typer.Option(help="Between fields.", show_default="found out")]
Encoding = Annotated[
    str | None, typer.Option(help="Of the text.", show_default="UTF-8, else ISO-8859-1")
]
Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header", help="First line names columns.", show_default="found out"
    ),
]
Duplicates = Annotated[
    str | None,
    typer.Option(help="Several ratings of one pair: latest, mean or error.", show_default="latest"),
]
Items = Annotated[str | None, typer.Option(help="File of titles, if not beside the ratings.")]


def merged(entries: dict[str, Any], given: dict[str, Any], column: list[str] | None) -> None:
    """Puts what was given on the command line before the entries of a recipe, in place.

    Raises:
        ValueError: a column is no assignment, or there are no ratings.
    """
    from recsys.app.source import COLUMNS

    entries |= {name: value for name, value in given.items() if value is not None}
    entries["columns"] = entries.get("columns", {}) | assignments("column", column, COLUMNS)
    if "ratings" not in entries:
        raise ArgumentError(
            "RATINGS is missing: name a ratings file or folder, or a --config with one"
        )


def assignments(
    option: str, texts: list[str] | None, names: tuple[str, ...] = ()
) -> dict[str, str]:
    """NAME=VALUE, by name.

    Raises:
        ValueError: a text is no assignment, or to none of `names`.
    """
    found = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise ArgumentError(f"--{option} must look like NAME=VALUE, not {text!r}")
        if names and name.strip() not in names:
            raise ArgumentError(f"--{option} names one of {', '.join(names)}, not {name.strip()!r}")
        found[name.strip()] = value.strip()
    return found
