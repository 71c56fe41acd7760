"""`LiveMap`: the items in a plane in which anybody with some ratings has a place, for a page.

The factors of a person and the items share a space, so a person who is folded in is placed without
computing the map again.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.ids import IdIndex, in_json
from recsys.lazy import sp
from recsys.maps.neighbourhoods import Neighbourhoods, neighbourhoods
from recsys.maps.palette import LIGHT, PALETTE
from recsys.maps.projection import Projection, project
from recsys.ratings.item_tables import genre_flags
from recsys.recommend.recommender import Recommender
from recsys.recommend.similarity import normalized
from recsys.visible import one_line

FloatMatrix = npt.NDArray[np.float64]
FloatVector = npt.NDArray[np.float64]

MOST = 5000
"""Items on a map, at most: those with the most ratings."""

_NEAR = 10  # items that say where somebody stands
_RATINGS = 20  # of such an item; with fewer its direction is chance
_LONGEST = 200  # characters of a title or another name
_STEPS = 60  # of the iteration for a median
_DIGITS = 4  # of coordinates, which are within −1 and 1
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Place:
    """Where somebody stands."""

    neighbourhoods: FloatVector | None
    """(2,) None for somebody of whom the model knows nothing."""
    components: FloatVector | None
    near: Sequence[tuple[int, float]]
    """Rows of the items of the map that are most like the person, and their cosines."""


@dataclass(frozen=True, eq=False)
class LiveMap:
    """The most rated items in two planes, both within −1 and 1.

    The neighbourhood plane keeps similar items together; the plane of the first two components
    keeps directions. See `Neighbourhoods` and `Projection`.
    """

    n_items: int
    """Of the model; the map may have fewer."""
    projection: Projection
    arrangement: Neighbourhoods
    directions: npt.NDArray[np.float32]
    """(n, f) factors of the items on the map, of length 1."""
    units: tuple[float, float]
    """What 1 stands for in the neighbourhoods and the components."""

    @cached_property
    def names(self) -> list[str]:
        """What the items are called, on one line each."""
        return [one_line(name, _LONGEST) for name in self.projection.item_names()]

    @cached_property
    def _rated(self) -> npt.NDArray[np.int64]:
        # Rows of the items that say where somebody stands: of all, where few have enough ratings.
        counts = self.projection.counts
        everything = np.arange(len(self.directions))
        enough = everything[:0] if counts is None else np.flatnonzero(counts >= _RATINGS)
        return enough if len(enough) > 5 * _NEAR else everything

    @cached_property
    def _middle(self) -> FloatVector:
        return np.asarray(self.directions.mean(axis=0, dtype=np.float64))

    @property
    def remarks(self) -> list[str]:
        """Sentences about the map: that it has not all items."""
        shown = len(self.directions)
        if shown == self.n_items:
            return []
        return [f"The map has the {shown:,} most rated of {self.n_items:,} items."]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: a list for each column, in the order of the items of the model."""
        near, far = self.units
        genres, group_of = _groups(self.projection)
        counts = self.projection.counts
        return {
            "n_items": self.n_items,
            "items": [in_json(one) for one in self.projection.item_ids.ids.tolist()],
            "titles": self.names,
            "ratings": None if counts is None else counts.tolist(),
            "groups": genres,
            "group": group_of.tolist(),
            "palette": PALETTE,
            "neighbourhoods": _columns(self.arrangement.items / near),
            "components": _columns(_plane(self.projection.items) / far),
            "regions": [
                {
                    "name": one_line(one.name, _LONGEST),
                    "x": round(one.centre[0] / near, _DIGITS),
                    "y": round(one.centre[1] / near, _DIGITS),
                    "items": one.n_items,
                }
                for one in self.arrangement.regions
            ],
            "axes": [self._axis(j) for j in range(min(2, self.projection.items.shape[1]))],
            "about": self.arrangement.describe(),
            "remarks": self.remarks,
        }

    def place(self, factors: npt.NDArray[np.floating]) -> Place:
        """Where somebody with these factors (f,) stands.

        In the plane of the components that is where an item with these factors would be. Among the
        neighbourhoods it is the geometric median of the ten items that are most like them, so that
        somebody with two tastes stands in one of them, not in the empty space between. Items with
        fewer than 20 ratings say nothing of that.
        """
        x = np.asarray(factors, np.float64)
        length = float(np.linalg.norm(x))
        if not length > 0:
            return Place(None, None, [])
        direction = x / length
        cosines = self.directions @ direction.astype(np.float32)
        order = self._rated[np.argsort(-cosines[self._rated], kind="stable")[:_NEAR]]
        off = direction - self._middle
        return Place(
            median(self.arrangement.items[order]) / self.units[0],
            _plane((self.projection.components @ off)[None, :])[0] / self.units[1],
            [(int(row), float(cosines[row])) for row in order],
        )

    def _axis(self, component: int) -> dict[str, str]:
        ends = self.projection.ends(component + 1, 2)
        words = {
            side: ", ".join(ends[f"{side}_genres"][:2] or ends[side][:1])
            for side in ("low", "high")
        }
        share = self.projection.explained[component]
        words["share"] = f"component {component + 1}, {share:.0%} of the items' variance"
        return {name: one_line(text, _LONGEST) for name, text in words.items()}


def live_map(model: Recommender, most: int = MOST) -> LiveMap:
    """The map of a model; computed once for each model, in seconds.

    Raises:
        ModelError: the model has no factors to map, or all its items have the same.
    """
    key = f"live map of {most}"
    if key not in model.derived:
        with _ONE_AT_A_TIME:  # a second caller waits for the map of the first
            if key not in model.derived:
                model.derived[key] = _computed(model, most)
    found: LiveMap = model.derived[key]
    return found


def place(found: LiveMap, model: Recommender, ratings: sp.csr_matrix) -> dict[str, Any]:
    """Where somebody with some ratings (1, n_items) stands, ready for JSON.

    Args:
        found: the map of this model, or of what it was before items joined.
        model: folds the person in.
        ratings: of the items of the model.
    """
    person = model.fitted.fold_in_users(model.feedback.of(ratings))
    factors = model.fitted.queries(person)[0][0]
    at = found.place(factors)
    ids = found.projection.item_ids.ids
    return {
        "neighbourhoods": _point(at.neighbourhoods),
        "components": _point(at.components),
        "near": [
            {
                "item": in_json(ids[row : row + 1].tolist()[0]),
                "title": found.names[row],
                "cosine": round(cosine, _DIGITS),
            }
            for row, cosine in at.near
        ],
        "remarks": [] if at.near else ["The model knows nothing about this user yet."],
    }


def median(points: FloatMatrix) -> FloatVector:
    """(2,) the geometric median of points (n, 2): the sum of distances to them is least there.

    By Weiszfeld's iteration, with distances that are never 0.

    >>> median(np.array([[0.0, 0], [0, 0], [0, 0], [9, 9]])).round(3)
    array([0., 0.])
    """
    scale = float(np.abs(points - points.mean(axis=0)).max())
    if not scale > 0:
        return np.asarray(points[0], np.float64)
    at = points.mean(axis=0)
    for _ in range(_STEPS):
        weights = 1 / np.maximum(np.linalg.norm(points - at, axis=1), 1e-6 * scale)
        at = weights @ points / weights.sum()
    return np.asarray(at)


def _computed(model: Recommender, most: int) -> LiveMap:
    n_items = len(model.fitted.items)
    part = _most_rated(model, most) if n_items > most else model
    projection = project(part, None, "cosine")
    if projection.counts is None and part.counts is not None:
        projection = replace(projection, counts=part.counts.items)
    arrangement = neighbourhoods(part, projection)
    return LiveMap(
        n_items=n_items,
        projection=projection,
        arrangement=arrangement,
        directions=normalized(part.factors.item_factors),
        units=(_largest(arrangement.items), _largest(_plane(projection.items))),
    )


def _most_rated(model: Recommender, most: int) -> Recommender:
    # The same model without the other items.
    popularity = np.zeros(len(model.fitted.items)) if model.counts is None else model.popularity
    rows = np.sort(np.argsort(-popularity, kind="stable")[:most])
    items = IdIndex(model.fitted.items.ids[rows], "item")
    counts = model.counts
    return Recommender(
        model.factors.over(model.fitted.users, items),
        item_table=model.item_table.iloc[rows].reset_index(drop=True),
        saved_counts=None if counts is None else counts._replace(items=counts.items[rows]),
    )


def _groups(projection: Projection) -> tuple[list[str], npt.NDArray[np.int64]]:
    # The most frequent genres, and of each item the rarest of those that it has; −1 for none.
    names, flags = genre_flags(projection.item_table)
    sizes = flags.sum(axis=0)
    shown = np.argsort(-sizes, kind="stable")[: len(LIGHT)]
    group_of = np.full(len(flags), -1)
    for group, genre in enumerate(shown):  # a rarer one comes later, and replaces the one before
        group_of[flags[:, genre]] = group
    return [one_line(names[genre], _LONGEST) for genre in shown], group_of


def _plane(places: FloatMatrix) -> FloatMatrix:
    # The first two components; the second is 0 where there is only one.
    return np.pad(places[:, :2], ((0, 0), (0, max(0, 2 - places.shape[1]))))


def _largest(places: FloatMatrix) -> float:
    return max(float(np.abs(places).max()), 1e-12)


def _columns(places: FloatMatrix) -> dict[str, list[float]]:
    x, y = places.round(_DIGITS).T.tolist()
    return {"x": x, "y": y}


def _point(at: FloatVector | None) -> list[float] | None:
    return None if at is None else at.round(_DIGITS).tolist()
