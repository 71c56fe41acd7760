"""Checks that an argument is `Ratings`, where a table or a file is easily given instead."""

from __future__ import annotations

from recsys.arguments import require
from recsys.ratings.ratings import Ratings


def require_ratings(name: str, value: object) -> None:
    """Checks that an argument is `Ratings`.

    Raises:
        ArgumentError: it is something else; says how to make ratings of a file or a table.
    """
    how = "Ratings (recsys.read_ratings of a file, Ratings.from_frame of a table)"
    require(name, value, Ratings, how)
