"""`recsys index`: an approximate index of a model."""

from __future__ import annotations

from recsys.app.index import IndexRequest, index
from recsys.cli.derive import Given, options_of
from recsys.cli.options import Json
from recsys.cli.output import print_json, print_pairs


@options_of(IndexRequest)
def command(given: Given, json: Json = False) -> None:
    """Runs `recsys index`."""
    found = index(IndexRequest(**given))
    if json:
        print_json(found.to_dict())
        return
    lines = []
    for purpose, one in found.report.items():
        said = f"exact: {one.why}"
        if one.approximate:
            said = (
                f"finds {one.recall:.1%} of the exact best 10 on {one.n_queries:,} queries, with "
                f"{one.expansion} candidates; an exact search multiplies {one.work:,.0f} numbers"
            )
        lines.append((str(purpose), said))
    lines.append(
        (
            "saved",
            "nothing: an index would not be faster than exact search"
            if found.path is None
            else str(found.path),
        )
    )
    print_pairs(lines)
