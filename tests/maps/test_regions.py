"""Regions: blocks of a known world get the names of what is in them."""

import numpy as np
import pandas as pd
import pytest

from recsys.maps.regions import basins, regions


def blocks(n_blocks: int, n_each: int = 40) -> np.ndarray:
    """Blocks of places around the corners of a grid, far from each other."""
    rng = np.random.default_rng(0)
    corners = np.stack(np.divmod(np.arange(n_blocks), 3), axis=1) * 10.0
    spread = rng.uniform(-1, 1, (n_blocks * n_each, 2))
    return np.asarray(np.repeat(corners, n_each, axis=0) + spread)


def table(genres: list[str], n_each: int = 40, **more: list[object]) -> pd.DataFrame:
    return (
        pd.DataFrame({"genres": genres} | more)
        .loc[np.repeat(np.arange(len(genres)), n_each)]
        .reset_index(drop=True)
    )


def test_each_block_is_a_region() -> None:
    places = blocks(6)
    found = basins(places)
    assert len(np.unique(found)) == 6
    assert (found.reshape(6, 40) == found.reshape(6, 40)[:, :1]).all()


def test_a_region_has_the_name_of_its_genre_and_decade() -> None:
    items = table(
        ["Horror", "Comedy|Romance", "War", "Drama", "Western", "Drama|War"],
        year=[1990, 1991, 1992, 1945, 1993, 1994],
    )
    names = [f"film {i}" for i in range(240)]
    counts = np.repeat([60, 50, 40, 30, 20, 10], 40)
    found, region_of = regions(blocks(6), items, names, counts)
    assert [one.name for one in found] == [
        "Horror", "Comedy, Romance", "War", "1940s Drama", "Western", "Drama, War",
    ]  # fmt: skip
    assert [one.n_items for one in found] == [40] * 6
    assert [one.n_ratings for one in found] == [40 * c for c in (60, 50, 40, 30, 20, 10)]
    assert region_of.tolist() == np.repeat(np.arange(6), 40).tolist()
    for one, corner in zip(found, np.stack(np.divmod(np.arange(6), 3), axis=1), strict=True):
        assert one.centre == pytest.approx(tuple(10.0 * corner), abs=0.7)


def test_ratings_are_the_weight() -> None:
    """A block of comedies in which nearly all ratings are of its few horror movies."""
    items = table(["Comedy", "Drama"])
    items.loc[:4, "genres"] = "Horror"
    counts = items["genres"].map({"Horror": 60, "Comedy": 3, "Drama": 10}).to_numpy()
    names = [f"film {i}" for i in range(80)]
    assert regions(blocks(2), items, names, counts)[0][0].name == "Horror"
    counts = np.full(80, 3)
    assert {one.name for one in regions(blocks(2), items, names, counts)[0]} == {"Comedy", "Drama"}


def test_without_words_or_with_the_same_a_region_is_named_for_its_most_rated_item() -> None:
    titles = [f"film {i}" for i in range(80)]
    titles[7], titles[50] = "Portal 2", "Wizard of Oz, The (1939)"
    counts = np.ones(80, np.int64)
    counts[[7, 50]] = 100, 90
    found, _ = regions(blocks(2), pd.DataFrame(index=range(80)), titles, counts)
    assert [one.name for one in found] == ["around Portal 2", "around The Wizard of Oz"]
    items = table(["Drama", "Drama", "Comedy", "Comedy|War"])
    titles, counts = titles * 2, np.concatenate([counts, counts // 3 + 1])
    names = {one.name for one in regions(blocks(4), items, titles, counts)[0]}
    assert names >= {"Drama around Portal 2", "Drama around The Wizard of Oz"}


def test_a_word_that_fits_everywhere_names_nothing() -> None:
    """Dramas have 80 % of the ratings of one region and 70 % of the other: no reason for a name."""
    items = table(["War", "War"])
    items.loc[items.index % 40 < 32, "genres"] = "Drama"
    items.loc[list(range(4)), "genres"] = "War"
    found, _ = regions(blocks(2), items, [f"film {i}" for i in range(80)], np.ones(80, np.int64))
    assert {one.name for one in found} == {"around film 0", "around film 40"}


def test_tags_are_words_too() -> None:
    items = table(["Drama", "Drama"]).drop(columns="genres")
    items["tags"] = np.repeat(["time travel|robots", "boxing"], 40)
    found, _ = regions(blocks(2), items, ["x"] * 80, np.ones(80, np.int64))
    assert {one.name for one in found} == {"robots, time travel", "boxing"}


def test_a_region_with_too_few_items_has_no_name() -> None:
    places = np.concatenate([blocks(1), [[100.0, 100], [100.1, 100]]])
    found, region_of = regions(places, pd.DataFrame(index=range(42)), ["x"] * 42, np.ones(42, int))
    assert len(found) == 1
    assert region_of.tolist() == [0] * 40 + [-1] * 2
