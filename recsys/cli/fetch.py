"""`recsys fetch`: bring a MovieLens data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recsys.cli.output import Json, download_progress, print_json, say
from recsys.errors import ArgumentError


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(fetch)


def fetch(
    name: Annotated[
        str,
        typer.Argument(
            help="ml-100k, ml-1m, ml-10m, ml-20m, ml-25m, ml-32m, ml-latest or ml-latest-small."
        ),
    ],
    to: Annotated[Path, typer.Option(help="Folder that will hold the data set's folder.")] = Path(
        "data"
    ),
    timeout: Annotated[float, typer.Option(help="Seconds without a byte before giving up.")] = 30.0,
    json: Json = False,
) -> None:
    """Download a MovieLens data set: whole, checksum verified, resumed where it was cut off."""
    from recsys.ratings import datasets

    if timeout <= 0:
        raise ArgumentError(f"timeout must be above 0 seconds, not {timeout:g}")
    with download_progress(quiet=json) as on_bytes:
        fetched = datasets.fetch(name, to, timeout=timeout, on_bytes=on_bytes)
    if json:
        print_json(
            {"folder": str(fetched.folder), "source": fetched.source, "licence": fetched.licence}
        )
        return
    say(f"Licence of {name}:\n{fetched.licence}\n")
    there = fetched.source == "already there"
    say(f"{name} is already there" if there else f"{name} from {fetched.source}")
    print(fetched.folder)
