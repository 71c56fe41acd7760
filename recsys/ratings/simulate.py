"""Simulated ratings with known structure, for examples, tests and benchmarks."""

from __future__ import annotations

import numpy as np
import pandas as pd

GENRES = ("Action", "Comedy", "Drama", "Horror", "Romance", "Sci-Fi")


def simulate(
    n_users: int = 300, n_items: int = 200, n_ratings: int = 9_000, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ratings (userId, movieId, rating, timestamp) and items (movieId, title, genres).

    There are at most `n_ratings` ratings, sorted by user and movie. Every movie has one or two of
    six genres, and every user a taste for each genre. A rating is 3.5 plus both biases plus the dot
    product of taste and genres plus noise, in half stars from 0.5 to 5. Activity is lognormal,
    popularity follows Zipf's law, and users are more likely to rate what they like.
    """
    rng = np.random.default_rng(seed)
    taste = rng.normal(0, 1, (n_users, len(GENRES)))
    traits = np.zeros((n_items, len(GENRES)))
    first = rng.integers(len(GENRES), size=n_items)
    second = rng.integers(len(GENRES), size=n_items)
    traits[np.arange(n_items), first] = 1
    traits[np.arange(n_items), second] = 1
    liking = taste @ traits.T / np.sqrt(traits.sum(axis=1))
    popularity = rng.permutation(1 / np.arange(1, n_items + 1) ** 0.8)
    activity = rng.lognormal(0, 0.7, n_users)
    activity = np.maximum(5, activity / activity.sum() * n_ratings).astype(int)
    chance = np.log(popularity) + liking + rng.gumbel(size=liking.shape)
    user_bias, item_bias = rng.normal(0, 0.3, n_users), rng.normal(0, 0.4, n_items)
    frames = []
    for u in range(n_users):
        items = np.sort(np.argsort(-chance[u])[: activity[u]])
        stars = 3.5 + user_bias[u] + item_bias[items] + 0.6 * liking[u, items]
        stars = np.round(2 * (stars + rng.normal(0, 0.5, len(items)))) / 2
        start = rng.integers(1_000_000_000, 1_500_000_000)
        frames.append(
            pd.DataFrame(
                {
                    "userId": u + 1,
                    "movieId": items + 1,
                    "rating": stars.clip(0.5, 5),
                    "timestamp": start + rng.integers(0, 10_000_000, len(items)),
                }
            )
        )
    years = rng.integers(1950, 2020, n_items)
    names = [sorted({GENRES[a], GENRES[b]}) for a, b in zip(first, second, strict=True)]
    items_frame = pd.DataFrame(
        {
            "movieId": np.arange(1, n_items + 1),
            "title": [
                f"Simulated {' '.join(g)} {i:03d} ({y})"
                for i, (g, y) in enumerate(zip(names, years, strict=True), start=1)
            ],
            "genres": ["|".join(g) for g in names],
        }
    )
    return pd.concat(frames, ignore_index=True)[:n_ratings], items_frame
