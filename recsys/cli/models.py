"""`recsys models`: the versions of a model in service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys.app.models import ModelsRequest, models
from recsys.cli.derive import Given, options_of
from recsys.cli.options import Json
from recsys.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from recsys.app.models import Versions


@options_of(ModelsRequest, without={ModelsRequest: ("what",)})
def command(
    given: Given,
    what: Annotated[
        str | None,
        typer.Argument(help="A version, or a model file for add.", metavar="VERSION|FILE"),
    ] = None,
    json: Json = False,
) -> None:
    """Runs `recsys models`."""
    found = models(ModelsRequest(**given, what=what))
    if json:
        print_json(found.to_dict())
        return
    if found.versions:
        print_table(_columns(found))
    if found.done:
        say(found.done)
    elif not found.versions:
        say(f"{found.name} has no versions; recsys retrain trains the first one")
    say(f"files: {found.folder}")


def _columns(found: Versions) -> dict[str, list[Any]]:
    from recsys.ratings.times import iso

    columns: dict[str, list[Any]] = {}
    for one in reversed(found.versions):
        gate = one.gate or {}
        cells = {
            "version": str(one.version),
            "state": one.state if not one.share else f"{one.state}, {100 * one.share:.3g} %",
            "model": one.spec or "",
            "made": iso(float(int(one.made))),
            "parent": "" if one.parent is None else str(one.parent),
            "gate": gate.get("decision", ""),
        }
        for name, value in cells.items():
            columns.setdefault(name, []).append(value)
    return columns
