"""`recsys explain`: why an item has its score for somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recsys.app.explain import ExplainRequest, explain
from recsys.cli.derive import Given, options_of
from recsys.cli.options import Json
from recsys.cli.output import print_json, print_paragraph, print_table, say

if TYPE_CHECKING:
    from recsys.recommend.explain import Explanation


@options_of(ExplainRequest)
def command(given: Given, json: Json = False) -> None:
    """Runs `recsys explain`."""
    request = ExplainRequest(**given)
    found = explain(request)
    if json:
        print_json(found.to_dict())
        return
    _print(found, request.n)


def _print(found: Explanation, n: int) -> None:
    # The terms of the model, the largest shares on either side, and the sum of the others.
    rows: list[dict[str, Any]] = found.rows()
    own = [row for row in rows if row["source"] != "rating"]
    ratings = [row for row in rows if row["source"] == "rating"]
    positive = [row for row in ratings if row["share"] > 0]
    negative = [row for row in ratings if row["share"] <= 0]
    shown = positive[:n] + (negative[-n:] if negative else [])
    left = [row for row in ratings if row not in shown]
    table = [*shown, *own]
    if left:
        rest = f"{len(left)} other {found.words.many}"
        table.append({"source": rest, "rating": None, "share": sum(row["share"] for row in left)})
    table.append({"source": "score", "rating": None, "share": found.score})
    print_table(
        {
            "because of": [row.get("title") or row["source"] for row in table],
            found.words.value: [row["rating"] for row in table],
            "share": [row["share"] for row in table],
        },
        found.title,
        decimals={"share": 4},
    )
    print_paragraph(found.sentence())
    if not ratings:
        say(found.words.said("no rating of theirs counts for the model"))
