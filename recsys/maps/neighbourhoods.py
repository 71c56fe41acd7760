"""The neighbourhoods of a model's items: who is near whom, and a plane that shows it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recsys.maps.projection import Projection
from recsys.maps.regions import Region, regions
from recsys.maps.tsne import arrange
from recsys.recommend.index import ExactIndex
from recsys.recommend.recommender import Recommender
from recsys.recommend.similarity import normalized

FloatMatrix = npt.NDArray[np.float64]
Neighbours = npt.NDArray[np.int32]

_NEAR = 10  # similar items of each item
_BLOCK = 4096  # items compared with all others at a time


@dataclass(frozen=True, eq=False)
class Neighbourhoods:
    """The items in a plane that keeps the most similar close together.

    Directions and large distances have no meaning here, unlike in `Projection`.
    """

    items: FloatMatrix
    """(n_items, 2)."""
    near: Neighbours
    """(n_items, 10) rows of the most similar items of each by cosine; −1 where there are fewer."""
    likeness: npt.NDArray[np.float32]
    """(n_items, 10) their cosines; NaN where there are fewer."""
    regions: list[Region]
    """Most ratings first."""
    region_of: npt.NDArray[np.int64]
    """(n_items,) index of the region of each; −1 for none."""
    kept: float
    """Share of the ten most similar items of each that are among the ten nearest dots."""
    kept_by_components: float
    """The same in the plane of the first two principal components."""

    def describe(self) -> str:
        """In words: how much of the likeness the plane shows."""
        return (
            f"In the neighbourhood view, {self.kept:.0%} of an item's ten most similar are among "
            "the ten nearest dots; in the plane of the first two components "
            f"{self.kept_by_components:.0%}."
        )


def neighbourhoods(model: Recommender, projection: Projection) -> Neighbourhoods:
    """The neighbourhoods of a model with factors.

    The same model gives the same plane to the last bit. It starts from the first two components of
    the projection, so its large-scale arrangement is like theirs.
    """
    near, likeness = neighbours(model)
    start = projection.items[:, :2]
    plane = np.pad(start, ((0, 0), (0, 2 - start.shape[1])))
    items = _placed(near, plane)
    n_items = len(items)
    counts = np.zeros(n_items, np.int64) if projection.counts is None else projection.counts
    found, region_of = regions(items, model.item_table, projection.item_names(), counts)
    return Neighbourhoods(
        items=items,
        near=near,
        likeness=likeness,
        regions=found,
        region_of=region_of,
        kept=share_kept(near, items),
        kept_by_components=share_kept(near, plane),
    )


def neighbours(model: Recommender, n: int = _NEAR) -> tuple[Neighbours, npt.NDArray[np.float32]]:
    """The n most similar items of each by cosine, and the cosines; both (n_items, n).

    Rows end in −1 and NaN where an item has fewer than n. Items whose factors are zero have none,
    and are nobody's neighbours.
    """
    table = normalized(model.factors.item_factors)
    items = np.full((len(table), n), -1, np.int32)
    scores = np.full((len(table), n), np.nan, np.float32)
    nonzero = np.flatnonzero(table.any(axis=1)).astype(np.int32)
    index = ExactIndex(table)
    for start in range(0, len(nonzero), _BLOCK):
        rows = nonzero[start : start + _BLOCK]
        own = np.arange(len(rows) + 1), rows
        items[rows], scores[rows] = index.search(table[rows], n, own, nonzero)
    return items, scores


def share_kept(near: Neighbours, places: FloatMatrix) -> float:
    """Pairs of an item and one of its nearest (n, k) that are among its k nearest places / pairs.

    NaN without neighbours.

    >>> near = np.array([[1], [0], [0]], np.int32)
    >>> share_kept(near, np.array([[0.0, 0], [1, 0], [1.5, 0]]))
    0.3333333333333333
    """
    # scipy.spatial is needed here only.
    from scipy.spatial import cKDTree

    rows = np.flatnonzero(near[:, 0] >= 0)
    k = min(near.shape[1], len(near) - 1)
    if not len(rows) or not k:
        return float("nan")
    found = np.asarray(cKDTree(places).query(places[rows], k + 1)[1])
    # An item is its own nearest place, unless others lie exactly there.
    other = found != rows[:, None]
    other[other.all(axis=1), -1] = False
    found = found[other].reshape(len(rows), k)
    wanted = near[rows]
    hit = (wanted[:, :, None] == found[:, None, :]).any(axis=2) & (wanted >= 0)
    return float(hit.sum() / (wanted >= 0).sum())


def _placed(near: Neighbours, start: FloatMatrix) -> FloatMatrix:
    # Items without neighbours lie in a block of their own, below the others.
    known = near[:, 0] >= 0
    if known.sum() < 3:
        return start
    new = np.cumsum(known) - 1
    inside = np.where(near >= 0, new[near], -1).astype(np.int32)
    items = np.zeros_like(start)
    items[known] = arrange(inside[known], start[known])
    apart = int((~known).sum())
    if apart:
        low, high = items[known].min(axis=0), items[known].max(axis=0)
        step = (high[0] - low[0]) / max(20, np.sqrt(2 * apart) * 4)
        across = max(1, int(np.ceil(np.sqrt(2 * apart))))
        grid = np.stack(np.divmod(np.arange(apart), across)[::-1], axis=1)
        items[~known] = [low[0], low[1] - 0.08 * (high[1] - low[1])] + grid * [step, -step]
    return items
