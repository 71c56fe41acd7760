"""`recsys online`: what people did with the lists they were served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recsys.app.online import OnlineRequest, online
from recsys.cli.derive import Given, options_of
from recsys.cli.options import Json
from recsys.cli.output import print_json, print_paragraph, print_table, say

if TYPE_CHECKING:
    from recsys.app.online import OnlineReport
    from recsys.evaluation.online.rates import Rate


@options_of(OnlineRequest)
def command(given: Given, json: Json = False) -> None:
    """Runs `recsys online`."""
    found = online(OnlineRequest(**given))
    if json:
        print_json(found.to_dict())
        return
    if found.file is not None:
        say(f"report: {found.file}")
    from recsys.ratings.times import iso

    if not found.online.versions:
        say(f"no lists were served since {iso(float(int(found.since)))} UTC")
        return
    print_table(_columns(found))
    for one in found.online.differences:
        print_paragraph(one.sentence, indent=2)
    say(
        "click-through: lists with a click / lists; hits: lists with an item that the user "
        "clicked or rated in time / lists; with 95 % bootstrap intervals over users"
    )


def _columns(found: OnlineReport) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    for one in found.online.versions:
        cells = {
            "version": one.version,
            "arm": one.arm,
            "lists": one.n_lists,
            "people": one.n_people,
            "click-through": _shown(one.rates["click_through"]),
            "hits": _shown(one.rates["hit_rate"]),
            "dismissed": _shown(one.rates["dismissed"]),
        }
        for name, value in cells.items():
            columns.setdefault(name, []).append(value)
    if not any(one.rates["dismissed"].mean for one in found.online.versions):
        del columns["dismissed"]
    return columns


def _shown(rate: Rate) -> str:
    return f"{100 * rate.mean:.1f} % [{100 * rate.low:.1f}, {100 * rate.high:.1f}]"
