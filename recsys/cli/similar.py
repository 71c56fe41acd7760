"""`recsys similar`: items like an item, users like a user."""

from __future__ import annotations

from recsys.app.similar import SimilarRequest, similar
from recsys.cli.derive import Given, options_of
from recsys.cli.options import Json, Show
from recsys.cli.output import print_answer, print_json


@options_of(SimilarRequest)
def command(given: Given, show: Show = None, json: Json = False) -> None:
    """Runs `recsys similar`."""
    answer = similar(SimilarRequest(**given))
    if json:
        print_json(answer.to_dict())
        return
    print_answer(answer, show or ())
