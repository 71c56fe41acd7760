#!/usr/bin/env python3
"""Writes data/sample, the small simulated data set for examples and tests."""

from pathlib import Path

from recsys.ratings.simulate import simulate


def write(folder: Path) -> None:
    """Writes the simulated ratings and movies in the CSV layout of MovieLens."""
    folder.mkdir(parents=True, exist_ok=True)
    ratings, movies = simulate()
    ratings.to_csv(folder / "ratings.csv", index=False)
    movies.to_csv(folder / "movies.csv", index=False)


if __name__ == "__main__":
    write(Path(__file__).resolve().parents[1] / "data" / "sample")
