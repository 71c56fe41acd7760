"""A world in which genres decide taste, so that what an item without ratings gets is known."""

import numpy as np
import pandas as pd

import recsys

N_USERS, N_ITEMS, N_NEW = 60, 40, 10


def kind_of(number: int) -> str:
    """Even items are comedies, odd ones dramas; likewise women and men, who watch them."""
    return ("Comedy", "Drama")[number % 2]


def items(numbers: range) -> pd.DataFrame:
    years = [1950 + number % 7 for number in numbers]
    return pd.DataFrame(
        {"item": list(numbers), "genres": [kind_of(number) for number in numbers], "year": years}
    )


def users(numbers: range) -> pd.DataFrame:
    genders = [("F", "M")[number % 2] for number in numbers]
    return pd.DataFrame({"user": list(numbers), "gender": genders})


def world(seed: int = 0) -> recsys.Ratings:
    """Everybody has watched two thirds of their kind and a tenth of the other, and liked theirs.

    The tables also know `N_NEW` items that nobody has rated and as many users who rated nothing.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(N_USERS):
        for item in range(N_ITEMS):
            same = user % 2 == item % 2
            if rng.random() < (0.66 if same else 0.1):
                rows.append((user, item, rng.integers(4, 6) if same else rng.integers(1, 3)))
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "rating"])
    return recsys.Ratings.from_frame(
        frame, items=items(range(N_ITEMS + N_NEW)), users=users(range(N_USERS + N_NEW))
    )


NEW_ITEMS = range(N_ITEMS, N_ITEMS + N_NEW)
NEW_USERS = range(N_USERS, N_USERS + N_NEW)
