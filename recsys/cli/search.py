"""`recsys search`: items by words of their titles."""

from __future__ import annotations

from recsys.app.search import SearchRequest, search
from recsys.cli.derive import Given, options_of
from recsys.cli.options import Json, Show
from recsys.cli.output import print_answer, print_json


@options_of(SearchRequest)
def command(given: Given, show: Show = None, json: Json = False) -> None:
    """Runs `recsys search`."""
    answer = search(SearchRequest(**given))
    if json:
        print_json(answer.to_dict())
        return
    print_answer(answer, show or ())
