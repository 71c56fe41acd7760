"""`recsys fetch`: download a MovieLens data set."""

from __future__ import annotations

from recsys.app.fetch import FetchRequest, fetch
from recsys.cli.derive import Given, options_of
from recsys.cli.options import Json
from recsys.cli.output import print_json, say, show
from recsys.cli.progress import download_progress


@options_of(FetchRequest)
def command(given: Given, json: Json = False) -> None:
    """Runs `recsys fetch`."""
    request = FetchRequest(**given)
    with download_progress(quiet=json) as on_bytes:
        found = fetch(request, on_bytes)
    if json:
        print_json(found.to_dict())
        return
    say(f"Licence of {found.name}:\n{found.licence}\n")
    said = "is already there" if found.was_there else f"from {found.source}"
    say(f"{found.name} {said}")
    show(found.folder)
