"""`recsys similar`: items like an item, users like a user."""

from __future__ import annotations

from recsys.app.similar import SimilarRequest, similar
from recsys.cli.derive import Given, options_of
from recsys.cli.options import Csv, Json, Show
from recsys.cli.output import print_as


@options_of(SimilarRequest)
def command(given: Given, show: Show = None, json: Json = False, csv: Csv = False) -> None:
    """Runs `recsys similar`."""
    print_as(similar(SimilarRequest(**given)), show or (), json, csv)
