"""`recsys datasets`: list what `recsys fetch` downloads."""

from __future__ import annotations

from recsys.app.datasets import listed
from recsys.cli.options import Json
from recsys.cli.output import print_json, print_table


def command(json: Json = False) -> None:
    """Runs `recsys datasets`."""
    rows = listed()
    if json:
        print_json({"datasets": rows})
        return
    print_table({name: [row[name] for row in rows] for name in rows[0]})
