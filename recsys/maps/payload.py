"""What the page of the movie map holds, ready for JSON."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.errors import ModelError
from recsys.maps.neighbourhoods import Neighbourhoods
from recsys.maps.palette import PALETTE
from recsys.maps.projection import Projection
from recsys.ratings.item_tables import genre_flags
from recsys.ratings.words import words_of
from recsys.recommend.recommender import Recommender
from recsys.visible import one_line

_COMPONENTS = 8  # at most this many axes to choose from
_USER_RATINGS = 60_000  # at most this many ratings of users in a page
_USERS = 200
_GENRES = 32  # one bit each
_RECOMMENDED = 10
_LONGEST = 200  # characters of a title or another name
_NOWHERE = 255  # in place of a region


def payload(
    model: Recommender,
    projection: Projection,
    arrangement: Neighbourhoods,
    users: Sequence[int],
) -> dict[str, Any]:
    """The data of the page; arrays are little-endian, in base 64.

    Args:
        model: the model that is shown.
        projection: its principal components.
        arrangement: its neighbourhoods.
        users: rows of the users that must be there; a sample of the others is added.

    Raises:
        ModelError: users are wanted, and the model has no history.
    """
    k = min(_COMPONENTS, projection.items.shape[1])
    coords, unit = _in_units(projection.items[:, :k])
    years = projection.item_table.get("year")
    return {
        "titles": _short(_titles(model, projection)),
        "coords": _packed(coords),
        "components": [_axis(projection, j + 1) for j in range(k)],
        "years": None if years is None else _packed(years.fillna(0).to_numpy("<u2")),
        "users": _users(model, projection, unit, users),
        "open": "user" if users else "item",
        "palette": PALETTE,
        "words": asdict(words_of(model.account)),
        **_genres(projection),
        **_ratings(model, projection),
        **_neighbourhoods(arrangement),
    }


def _titles(model: Recommender, projection: Projection) -> list[str]:
    described = model.from_features("items")
    return [
        f"{name} (from features)" if by_features else name
        for name, by_features in zip(projection.item_names(), described, strict=True)
    ]


def _short(texts: Iterable[str]) -> list[str]:
    return [one_line(text, _LONGEST) for text in texts]


def _neighbourhoods(arrangement: Neighbourhoods) -> dict[str, Any]:
    plane, unit = _in_units(arrangement.items)
    likeness = np.rint(np.nan_to_num(arrangement.likeness) * 10_000)
    region_of = np.where(arrangement.region_of < 0, _NOWHERE, arrangement.region_of)
    return {
        "plane": _packed(plane),
        "near": _packed(arrangement.near.astype("<i4")),
        "nearWidth": arrangement.near.shape[1],
        "nearScore": _packed(likeness.astype("<i2")),
        "regions": [
            {
                "name": one_line(one.name, _LONGEST),
                "at": [round(v / unit, 1) for v in one.centre],
                "items": one.n_items,
            }
            for one in arrangement.regions
        ],
        "regionOf": _packed(region_of.astype("u1")),
    }


def _genres(projection: Projection) -> dict[str, Any]:
    names, flags = genre_flags(projection.item_table)
    order = np.argsort(-flags.sum(axis=0), kind="stable")[:_GENRES]
    bits = np.zeros(len(flags), np.uint32)
    for bit, genre in enumerate(order):
        bits |= flags[:, genre].astype(np.uint32) << np.uint32(bit)
    return {"genres": _short(names[i] for i in order), "genreBits": _packed(bits.astype("<u4"))}


def _ratings(model: Recommender, projection: Projection) -> dict[str, Any]:
    # How many ratings each item has, their mean, and the range of all of them.
    counts = projection.counts
    if model.history is None or counts is None or not model.history.nnz:
        zeros = np.zeros(len(projection.items), "<u4")
        return {"counts": _packed(zeros), "means": None, "lowest": 0.0, "highest": 0.0}
    values = model.history.data
    means = np.bincount(model.history.indices, values, len(counts)) / np.maximum(counts, 1)
    lowest, highest = float(values.min()), float(values.max())
    return {
        "counts": _packed(counts.astype("<u4")),
        "means": _packed(means.astype("<f4")) if lowest < highest else None,
        "lowest": lowest,
        "highest": highest,
    }


def _axis(projection: Projection, component: int) -> Mapping[str, str]:
    ends = projection.ends(component, 3)
    words = {}
    for side in ("high", "low"):
        words[side] = ", ".join(ends[f"{side}_genres"]) or ", ".join(ends[side][:2])
    predicted = projection.predictions[component - 1]
    share = f"{projection.explained[component - 1]:.0%} of the items' variance"
    if projection.variant != "predictions":
        share += f", {predicted:.0%} of the predictions'"
    short = f"{words['low'].split(',')[0]} – {words['high'].split(',')[0]} ({predicted:.0%})"
    return {
        name: one_line(text, _LONGEST)
        for name, text in {**words, "share": share, "short": short}.items()
    }


def _users(
    model: Recommender, projection: Projection, unit: float, wanted: Sequence[int]
) -> list[dict[str, Any]]:
    index, history = projection.user_ids, model.history
    if history is None:
        if wanted:
            raise ModelError("the model has no history, so no user's ratings can be shown")
        return []
    rows = _chosen(history.indptr, wanted)
    scaled = projection.users[:, : min(_COMPONENTS, projection.users.shape[1])]
    scaled = scaled[rows] * (projection.user_scale / unit)
    ids = index.ids[rows]
    table = model.recommend_many(ids, _RECOMMENDED)
    items = model.factors.items.rows(table["item"])
    recommended: dict[Any, list[int]] = {}
    for user, item in zip(table["user"], items, strict=True):
        recommended.setdefault(user, []).append(int(item))
    found = []
    for row, user, at in zip(rows, ids, scaled, strict=True):
        part = slice(history.indptr[row], history.indptr[row + 1])
        found.append(
            {
                "name": one_line(f"user {user}", _LONGEST),
                "at": [round(float(v), 1) for v in at],
                "items": history.indices[part].tolist(),
                "ratings": [round(float(v), 2) for v in history.data[part]],
                "recommended": recommended.get(user, []),
            }
        )
    return found


def _chosen(starts: npt.NDArray[np.integer], wanted: Sequence[int]) -> list[int]:
    # Those that were asked for, then as many as fit into the page, evenly spaced in the index.
    rows, sizes = list(dict.fromkeys(wanted)), np.diff(starts)
    carried = int(sizes[rows].sum())
    for row in np.unique(np.linspace(0, len(sizes) - 1, min(_USERS, len(sizes))).astype(int)):
        n = int(sizes[row])
        if n and row not in rows and carried + n <= _USER_RATINGS:
            rows.append(int(row))
            carried += n
    return rows


def _in_units(places: npt.NDArray[np.float64]) -> tuple[npt.NDArray[Any], float]:
    # Whole numbers of two bytes, and what one of them stands for.
    unit = max(float(np.abs(places).max()), 1e-12) / 32_000
    return np.rint(places / unit).astype("<i2"), unit


def _packed(array: npt.NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
