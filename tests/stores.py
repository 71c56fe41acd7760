"""What tests that need a filled ratings store share."""

import pandas as pd

from recsys.store.database.ratings_store import RatingsStore
from recsys.store.database.records import UserRating


def write(store: RatingsStore, rows: pd.DataFrame) -> None:
    """Writes ratings: columns user, item, rating, timestamp."""
    columns = rows[["user", "item", "rating", "timestamp"]].itertuples(index=False)
    store.write_many([UserRating(int(u), int(i), float(r), float(t)) for u, i, r, t in columns])
