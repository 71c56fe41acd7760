"""`recsys similar`: items like an item, users like a user."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from recsys.cli.output import Count, Json, print_json, print_table, records
from recsys.errors import ArgumentError


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(similar)


def similar(
    model: Annotated[str, typer.Argument(help="Model file.", show_default=False)],
    item: Annotated[str | None, typer.Option(help="Title or id of an item.")] = None,
    user: Annotated[str | None, typer.Option(help="Id of a user.")] = None,
    n: Count = 10,
    metric: Annotated[
        str,
        typer.Option(
            help="cosine (the angle), dot (favours popular items), adjusted-cosine, damped, "
            "euclidean or l1."
        ),
    ] = "cosine",
    alpha: Annotated[
        float, typer.Option(help="Of damped: from dot, 0, to the order of cosine, 1.")
    ] = 0.5,
    json: Json = False,
) -> None:
    """Items like an item, or users like a user, by their factors."""
    from recsys.app import queries

    if (item is None) == (user is None):
        raise ArgumentError("give either --item TITLE or --user ID")
    chosen: Any = metric
    recommender = queries.load(model)
    if item is not None:
        wanted = queries.item_id(recommender, item)
        table = recommender.similar_items(wanted, n, metric=chosen, alpha=alpha)
        title = f"Like {queries.item_name(recommender, wanted)}"
    else:
        who = queries.user_id(recommender, str(user))
        table = recommender.similar_users(who, n, metric=chosen, alpha=alpha)
        title = f"Like user {who}"
    if json:
        print_json({"item": item, "user": user, "metric": metric} | records(table))
    else:
        print_table(table, title)
