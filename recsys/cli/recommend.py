"""`recsys recommend`: the best items for a user, or for a new person."""

from __future__ import annotations

from recsys.app.recommend import RecommendRequest, recommend
from recsys.cli.derive import Given, options_of
from recsys.cli.options import Json, Show
from recsys.cli.output import print_answer, print_json


@options_of(RecommendRequest)
def command(given: Given, show: Show = None, json: Json = False) -> None:
    """Runs `recsys recommend`."""
    answer = recommend(RecommendRequest(**given))
    if json:
        print_json(answer.to_dict())
        return
    print_answer(answer, show or (), f"User {answer.asked['user']} liked")
