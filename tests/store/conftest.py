from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import recsys


@pytest.fixture(scope="session")
def random_world() -> recsys.Ratings:
    """60 users × 40 items, a third of the pairs rated, items with titles, years and genres."""
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((60, 40)) < 0.3)
    frame = pd.DataFrame(
        {
            "user_id": [f"u{user:02d}" for user in users],
            "item_id": items + 500,
            "rating": rng.integers(1, 6, len(users)).astype(float),
        }
    )
    table = pd.DataFrame(
        {
            "item_id": np.arange(500, 540),
            "title": [f"Film {i} ({1950 + i})" for i in range(40)],
            "year": pd.array([None if i % 7 == 0 else 1950 + i for i in range(40)], "Int64"),
            "genres": ["Drama|Action" if i % 2 else None for i in range(40)],
        }
    )
    return recsys.Ratings.from_frame(frame, items=table)
