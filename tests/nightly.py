"""A made-up shop over two days, for tests of the gate."""

import numpy as np
import pandas as pd

N_USERS, N_GROUPS, N_ITEMS = 300, 5, 60


def ratings(n: int = 12_000, seed: int = 0) -> pd.DataFrame:
    """Ratings in order of time: each of five groups of users has items of its own, some of which
    are much more popular than others."""
    rng = np.random.default_rng(seed)
    user = rng.integers(0, N_USERS, n)
    item = user % N_GROUPS * N_ITEMS + rng.geometric(0.05, n).clip(max=N_ITEMS)
    frame = pd.DataFrame({"user": user, "item": item, "rating": 5.0})
    frame = frame.drop_duplicates(["user", "item"], ignore_index=True)
    return frame.assign(timestamp=1_600_000_000 + 60 * np.arange(len(frame)))


def with_shuffled_items(frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows, their items in another order: a job joined the wrong columns."""
    return frame.assign(item=frame["item"].sample(frac=1, random_state=0).to_numpy())
