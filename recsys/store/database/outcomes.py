"""What people who were served lists rated afterwards."""

from __future__ import annotations

import pandas as pd
from sqlalchemy import Connection, select

from recsys.store.database.kinds import Kinds
from recsys.store.database.schema import ratings, served


def rated_since(connection: Connection, kinds: Kinds, since: float) -> pd.DataFrame:
    """Ratings since a time of the people who were served lists since then: user, item, time."""
    people = select(served.c.user_id).where(served.c.time >= since).distinct()
    asked = select(ratings.c.user_id, ratings.c.item_id, ratings.c.time).where(
        ratings.c.time >= since, ratings.c.user_id.in_(people)
    )
    rows = connection.execute(asked).all()
    return pd.DataFrame(
        {
            "user": pd.Series(kinds.ids([row.user_id for row in rows], "user"), dtype="object"),
            "item": pd.Series(kinds.ids([row.item_id for row in rows], "item"), dtype="object"),
            "time": pd.Series([row.time for row in rows], dtype="float64"),
        }
    )
