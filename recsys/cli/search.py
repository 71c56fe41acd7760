"""`recsys search`: items by words of their titles."""

from __future__ import annotations

from recsys.app.search import SearchRequest, search
from recsys.cli.derive import Given, options_of
from recsys.cli.options import Csv, Json, Show
from recsys.cli.output import print_as


@options_of(SearchRequest)
def command(given: Given, show: Show = None, json: Json = False, csv: Csv = False) -> None:
    """Runs `recsys search`."""
    print_as(search(SearchRequest(**given)), show or (), json, csv)
