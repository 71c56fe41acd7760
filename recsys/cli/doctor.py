"""`recsys doctor`: what was understood of a ratings file, and what is odd about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recsys.app.doctor import DoctorRequest, doctor
from recsys.cli.derive import Given, options_of
from recsys.cli.options import Json
from recsys.cli.output import number, print_json, print_pairs, print_paragraph, show
from recsys.ratings.account import counted


@options_of(DoctorRequest)
def command(given: Given, json: Json = False) -> None:
    """Runs `recsys doctor`."""
    found = doctor(DoctorRequest(**given))
    if json:
        print_json(found.to_dict())
        return
    lines = [] if found.account is None else list(found.account.lines())
    print_pairs([*lines, ("size", _size(found.data))])
    show()
    if found.held_out is not None:
        print_pairs(found.held_out.lines())
        show()
    for finding in found.findings:
        print_paragraph(str(finding), indent=2)
    if not found.findings:
        show("Nothing unusual was found.")


def _size(data: Mapping[str, Any]) -> str:
    nouns = "user", "item", "rating"
    counts = ", ".join(counted(data[f"{noun}s"], noun) for noun in nouns)
    medians = [number(data[f"ratings per {one}, median"]) for one in ("user", "item")]
    return (
        f"{counts} ({data['density']:.2%} of all pairs); median {medians[0]} per user and "
        f"{medians[1]} per item"
    )
