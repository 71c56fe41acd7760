"""`recsys compare`: two evaluations side by side."""

from __future__ import annotations

from recsys.app.compare import CompareRequest, compare
from recsys.cli.derive import Given, options_of
from recsys.cli.options import Json
from recsys.cli.output import print_json, print_table, say


@options_of(CompareRequest)
def command(given: Given, json: Json = False) -> None:
    """Runs `recsys compare`."""
    found = compare(CompareRequest(**given))
    if json:
        print_json(found.to_dict())
        return
    print_table(found.table.to_dict("list"))
    for remark in found.remarks:
        say(f"Note: {remark}.")
    if found.is_tested:
        say(
            "difference: second − first, with its 95 % bootstrap interval over users; p: paired "
            "permutation test with Holm's correction."
        )
