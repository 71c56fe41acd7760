"""`recsys export`: the factors of a model as files for other systems."""

from __future__ import annotations

from recsys.app.export import ExportRequest, export
from recsys.cli.derive import Given, options_of
from recsys.cli.options import Json
from recsys.cli.output import print_json, print_pairs


@options_of(ExportRequest)
def command(given: Given, json: Json = False) -> None:
    """Runs `recsys export`."""
    files = export(ExportRequest(**given))
    if json:
        print_json({"files": [str(path) for path in files]})
        return
    print_pairs([("saved", str(path)) for path in files])
