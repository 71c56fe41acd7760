"""Regions of a map: where its dots are dense, named in words from genres, tags and decades."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys.ratings.item_tables import YEAR, genre_flags

FloatVector = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

_SIDE = 128  # cells of the grid on which density is measured
_BLUR = 3.0, 8.0  # cells, least and most; the wider, the fewer regions
_LEAST_ITEMS = 5  # of a region with a name
_MOST = 60  # regions with names; the others have too few ratings
_SHARE = 0.3  # of a region's ratings that its word must cover
_LIFT = 4 / 3  # times as often in the region as everywhere
_DECADE_LIFT = 1.5  # more, as one decade may hold most ratings
_TITLE = 22  # characters of a title in a name
_ARTICLE = re.compile(r"(.+), (The|An?)")


@dataclass(frozen=True)
class Region:
    """A part of the map."""

    name: str
    """Such as "1950s Romance", or "around Portal 2" where no word is special to it."""
    centre: tuple[float, float]
    n_items: int
    n_ratings: int


def regions(
    places: npt.NDArray[np.float64],
    item_table: pd.DataFrame,
    names: Sequence[str],
    counts: npt.NDArray[np.integer],
) -> tuple[list[Region], Labels]:
    """The regions, most ratings first, and the region of each item (−1 for none).

    A word fits a region if it covers at least 30 % of its ratings, and 4/3 (a decade: 3/2) of
    the share that it covers of all ratings. Of those that fit, the best carry the most information,
    p · log(p / q) for shares p and q. Regions with the same name are told apart by their most rated
    item.

    Args:
        places: (n, 2) the dots.
        item_table: a row per item, with `genres`, `tags` and `year` where they are known.
        names: of the items.
        counts: (n,) ratings of each item, which are its weight.
    """
    weights = np.maximum(np.asarray(counts, np.float64), 1e-3)
    labels = basins(places)
    order = np.argsort(-np.bincount(labels, weights), kind="stable")
    sizes = np.bincount(labels)
    kept = [int(label) for label in order if sizes[label] >= _LEAST_ITEMS][:_MOST]
    place = np.full(len(sizes), -1)
    place[kept] = np.arange(len(kept))
    members = [np.flatnonzero(labels == label) for label in kept]
    words, decades, flags = _words(item_table)
    everywhere = weights @ flags / weights.sum()
    found = [
        _name(words, decades, weights[rows] @ flags[rows] / weights[rows].sum(), everywhere)
        for rows in members
    ]
    repeated = Counter(found)
    built = []
    for rows, name in zip(members, found, strict=True):
        if repeated[name] > 1 or not name:
            name = f"{name} around {_short(names[rows[np.argmax(weights[rows])]])}".strip()
        x, y = np.median(places[rows], axis=0)
        built.append(Region(name, (float(x), float(y)), len(rows), int(counts[rows].sum())))
    return built, place[labels]


def basins(places: npt.NDArray[np.float64]) -> Labels:
    """(n,) the hill of the density that each place lies on, found by steepest ascent."""
    # scipy.ndimage is needed here only.
    from scipy.ndimage import gaussian_filter

    low = places.min(axis=0)
    extent = max(float(np.ptp(places, axis=0).max()), 1e-300)
    # A margin of one cell, so that every cell has neighbours.
    side = _SIDE + 2
    at = ((places - low) / extent * (_SIDE - 1)).astype(np.int64) + 1
    cells = at @ [side, 1]
    mass = np.bincount(cells, minlength=side * side).astype(float)
    # About the distance between dots where there are few, so that a dot is not a hill.
    blur = float(np.clip(_SIDE / np.sqrt(len(places)), *_BLUR))
    density = gaussian_filter(mass.reshape(side, side), blur, mode="constant").ravel()
    steps = np.add.outer([-side, 0, side], [-1, 0, 1]).ravel()
    inner = (np.arange(1, side - 1)[:, None] * side + np.arange(1, side - 1)).ravel()
    around = inner[:, None] + steps
    uphill = np.arange(side * side)
    uphill[inner] = around[np.arange(len(inner)), density[around].argmax(axis=1)]
    while (uphill[uphill] != uphill).any():
        uphill = uphill[uphill]
    return np.unique(uphill[cells], return_inverse=True)[1]


def _words(item_table: pd.DataFrame) -> tuple[list[str], int, npt.NDArray[np.float64]]:
    # Words, how many of them, the last, are decades, and which items (n, words) they fit.
    words, parts = [], []
    for column in ("genres", "tags"):
        if column in item_table:
            table = pd.DataFrame({"genres": item_table[column]})
            found, flags = genre_flags(table)
            words += found
            parts.append(flags)
    decades = []
    if "year" in item_table:
        years = item_table["year"].fillna(0).to_numpy(np.int64) // 10 * 10
        decades = [int(decade) for decade in np.unique(years[years > 0])]
        parts.append(years[:, None] == np.array(decades, np.int64))
    words += [f"{decade}s" for decade in decades]
    empty = np.zeros((len(item_table), 0), bool)
    return words, len(decades), np.hstack([*parts, empty]).astype(np.float64)


def _name(words: list[str], n_decades: int, here: FloatVector, everywhere: FloatVector) -> str:
    # At most one decade and two other words, each with at least half the information of the best.
    first_decade = len(words) - n_decades
    lift = np.where(np.arange(len(words)) < first_decade, _LIFT, _DECADE_LIFT)
    fits = (here >= _SHARE) & (here >= lift * everywhere)
    gain = np.zeros(len(words))
    gain[fits] = here[fits] * np.log(here[fits] / everywhere[fits])
    least = gain.max(initial=0) / 2
    order = [int(j) for j in np.argsort(-gain, kind="stable") if gain[j] > 0 and gain[j] >= least]
    genres = [words[j] for j in order if j < first_decade][:2]
    decade = [words[j] for j in order if j >= first_decade][:1]
    return " ".join([*decade, ", ".join(genres)]).strip()


def _short(title: str) -> str:
    title = re.sub(YEAR, "", title).strip() or title
    article = _ARTICLE.fullmatch(title)
    title = f"{article[2]} {article[1]}" if article else title
    return title if len(title) <= _TITLE else title[: _TITLE - 1].rstrip(" ,:-") + "…"
