"""`recsys recommend`: the best items for a user, or for a new person."""

from __future__ import annotations

from typing import Annotated

import typer

from recsys.cli.output import Count, Json, print_json, print_table, records
from recsys.errors import ArgumentError


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(recommend)


def recommend(
    model: Annotated[str, typer.Argument(help="Model file.", show_default=False)],
    user: Annotated[str | None, typer.Option(help="Id of a user in the data.")] = None,
    rate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TITLE=RATING", help="A rating of a new person, e.g. 'Toy Story=5'. Repeat."
        ),
    ] = None,
    n: Count = 10,
    liked: Annotated[int, typer.Option(help="Show this many of what the user liked, too.")] = 0,
    include_seen: Annotated[bool, typer.Option("--include-seen", help="Seen items, too.")] = False,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="ITEM", help="Leave this out. Repeat.")
    ] = None,
    json: Json = False,
) -> None:
    """The best items for a user of the data (--user), or for a new person (--rate)."""
    from recsys.app import queries

    if (user is None) == (not rate):
        raise ArgumentError("give either --user ID or --rate TITLE=RATING (once or more)")
    if user is None and (liked or include_seen):
        raise ArgumentError("liked and include-seen go with --user, not with --rate")
    if liked < 0:
        raise ArgumentError(f"liked must be at least 0, not {liked}")
    recommender = queries.load(model)
    left_out = [queries.item_id(recommender, text) for text in exclude or []]
    if user is not None:
        who = queries.user_id(recommender, user)
        answer = recommender.recommend(who, n, exclude_seen=not include_seen, exclude=left_out)
        past = recommender.liked(who, liked) if liked else None
        title = f"For user {who}"
    else:
        ratings = queries.new_person(recommender, rate or [])
        answer = recommender.recommend_for(ratings, n, exclude=left_out)
        given = [f"{queries.item_name(recommender, i)} {r:g}" for i, r in ratings.items()]
        past, title = None, f"For somebody who gave {', '.join(given)}"
    if json:
        found = {"user": user} | records(answer)
        print_json(found | ({"liked": records(past)["rows"]} if past is not None else {}))
        return
    if past is not None:
        print_table(past, f"User {user} liked")
    print_table(answer, title)
