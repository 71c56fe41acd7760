"""`recsys recommend`: the best items for a user, or for a new person."""

from __future__ import annotations

from collections.abc import Sequence

from recsys.app.recommend import RecommendRequest, recommend
from recsys.cli.derive import Given, options_of
from recsys.cli.options import Csv, Json, Show
from recsys.cli.output import number, print_as, print_json, print_pairs
from recsys.cli.progress import counting
from recsys.errors import ArgumentError


@options_of(RecommendRequest)
def command(given: Given, show: Show = None, json: Json = False, csv: Csv = False) -> None:
    """Runs `recsys recommend`."""
    request = RecommendRequest(**given)
    if request.many and csv:
        raise ArgumentError(
            "csv prints a single list; write the lists of --all with --out FILE.csv"
        )
    if request.many:
        _write(request, show or (), json)
        return
    print_as(recommend(request), show or (), json, csv, f"User {request.user} liked")


def _write(request: RecommendRequest, show: Sequence[str], json: bool) -> None:
    from recsys.app.lists import write_lists

    with counting("users", quiet=json) as on_users:
        written = write_lists(request, show, on_users=on_users)
    if json:
        print_json(written.to_dict())
        return
    continued = f", {number(written.n_continued)} of them by an earlier run"
    print_pairs(
        {
            "users": number(written.n_users) + (continued if written.n_continued else ""),
            "saved": str(written.path),
        }
    )
