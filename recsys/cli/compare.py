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
    from recsys.evaluation.result.wording import within

    if json:
        print_json(found.to_dict())
        return
    # Rows are of different metrics, so each has decimals of its own.
    ends = found.table[["low", "high"]].to_numpy(float).tolist()
    places = [within(low, high) for low, high in ends]
    numbers = ("first", "second", "difference", "low", "high")
    print_table(found.table.to_dict("list"), decimals=dict.fromkeys(numbers, places))
    for remark in found.remarks:
        say(f"Note: {remark}.")
    if found.is_tested:
        say(
            "difference: second − first, with its 95 % bootstrap interval over users; p: paired "
            "permutation test with Holm's correction."
        )
