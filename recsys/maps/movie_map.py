"""The movie map: one page to wander through the items, which needs nothing but itself.

The page holds coordinates along the leading components, the ten most similar items of each, and
some users with their ratings, as packed arrays; its own script draws them. Nothing is loaded from
elsewhere.
"""

from __future__ import annotations

import base64
import html
import json
import os
import string
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recsys import kernels
from recsys.errors import ModelError
from recsys.maps.projection import Projection, Variant, project
from recsys.ratings.item_tables import genre_flags
from recsys.recommend.recommender import Recommender
from recsys.recommend.similarity import normalized

_COMPONENTS = 8  # at most, to choose axes from
_NEAR = 10  # similar items of each
_USER_RATINGS = 60_000  # ratings of users, at most, that the page carries
_USERS = 200
_BLOCK = 4096  # items compared with all others together
_GENRES = 32  # bits


def movie_map(
    model: Recommender,
    path: str | os.PathLike[str] | None = None,
    *,
    variant: Variant = "cosine",
    users: Sequence[object] = (),
    title: str = "Movie map",
) -> str:
    """The page as HTML; also written to `path` if given.

    Args:
        model: a trained model with factors; with its history, if sizes by ratings and users are
            wanted.
        path: file to write.
        variant: of the projection; see `project`. `cosine` shows the likeness that the lines to the
            most similar items show, and not popularity, which else takes the first component.
        users: ids of users to show for certain, beside a sample of the others.
        title: of the page.

    Raises:
        ModelError: the model has no factors to map.
        UnknownIdError: a user is not in the model.
    """
    projection = project(model, None, variant)
    k = min(_COMPONENTS, projection.items.shape[1])
    content = json.dumps(_payload(model, projection, k, users), separators=(",", ":"))
    folder = resources.files("recsys.maps")
    parts = {
        "style": folder.joinpath("page.css").read_text("utf-8"),
        "script": folder.joinpath("page.js").read_text("utf-8"),
        "title": html.escape(title),
        "about": html.escape(_about(model, projection, k)),
        # A title may hold "</script>"; inside JSON the slash may be escaped.
        "data": content.replace("</", "<\\/"),
    }
    page = string.Template(folder.joinpath("page.html").read_text("utf-8")).substitute(parts)
    if path is not None:
        Path(path).expanduser().write_text(page, "utf-8")
    return page


def neighbours(
    model: Recommender, n: int = _NEAR
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """The n most similar items (n_items, n) of each by cosine, and how similar; −1 and NaN at the
    end where there are fewer, and for items without factors.
    """
    table = normalized(model.factors.item_factors)
    n_items = len(table)
    items = np.full((n_items, n), -1, np.int32)
    scores = np.full((n_items, n), np.nan, np.float32)
    there = np.flatnonzero(table.any(axis=1)).astype(np.int32)
    wanted = min(n, max(0, len(there) - 1))
    if not wanted:
        return items, scores
    for start in range(0, len(there), _BLOCK):
        rows = there[start : start + _BLOCK]
        own = np.arange(len(rows) + 1, dtype=np.int64), rows
        found = kernels.top_k(table[rows], table, wanted, candidates=there, excluded=own)
        items[rows, :wanted], scores[rows, :wanted] = found
    return items, scores


def _payload(
    model: Recommender, projection: Projection, k: int, users: Sequence[object]
) -> dict[str, Any]:
    coords = projection.items[:, :k]
    unit = max(float(np.abs(coords).max()), 1e-12) / 32_000
    near, scores = neighbours(model)
    names, flags = genre_flags(projection.item_table)
    order = np.argsort(-flags.sum(axis=0), kind="stable")[:_GENRES]
    bits = np.zeros(len(flags), np.uint32)
    for bit, genre in enumerate(order):
        bits |= flags[:, genre].astype(np.uint32) << np.uint32(bit)
    counts, means = _ratings_of_items(model)
    lowest, highest = 0.0, 0.0
    if model.history is not None and model.history.nnz:
        lowest, highest = float(model.history.data.min()), float(model.history.data.max())
    years = projection.item_table.get("year")
    return {
        "titles": projection.item_names(),
        "coords": _packed(np.rint(coords / unit).astype("<i2")),
        "near": _packed(near.astype("<i4")),
        "nearWidth": near.shape[1],
        "nearScore": _packed(np.rint(np.nan_to_num(scores) * 10_000).astype("<i2")),
        "counts": _packed(counts.astype("<u4")),
        "means": _packed(means.astype("<f4")) if lowest < highest else None,
        "years": None if years is None else _packed(years.fillna(0).to_numpy("<u2")),
        "genres": [names[i] for i in order],
        "genreBits": _packed(bits.astype("<u4")),
        "components": [_axis(projection, j + 1) for j in range(k)],
        "users": _users(model, projection, k, unit, users),
        "lowest": lowest,
        "highest": highest,
    }


def _axis(projection: Projection, component: int) -> Mapping[str, str]:
    ends = projection.ends(component, 3)
    words = {}
    for side in ("high", "low"):
        words[side] = ", ".join(ends[f"{side}_genres"]) or ", ".join(ends[side][:2])
    told = projection.predictions[component - 1]
    share = f"{projection.explained[component - 1]:.0%} of the items' variance"
    if projection.variant != "predictions":
        share += f", {told:.0%} of the predictions'"
    short = f"{words['low'].split(',')[0]} – {words['high'].split(',')[0]} ({told:.0%})"
    return words | {"share": share, "short": short}


def _users(
    model: Recommender, projection: Projection, k: int, unit: float, wanted: Sequence[object]
) -> list[dict[str, Any]]:
    # Those asked for, then as many as the page can carry, evenly over the index.
    index, history = projection.user_ids, model.history
    rows = [index.row(one) for one in wanted]
    if history is None:
        if rows:
            raise ModelError("the model file has no history, so no user's ratings can be shown")
        return []
    carried = sum(int(history.indptr[r + 1] - history.indptr[r]) for r in rows)
    for row in np.unique(np.linspace(0, len(index) - 1, min(_USERS, len(index))).astype(int)):
        n = int(history.indptr[row + 1] - history.indptr[row])
        if n and row not in rows and carried + n <= _USER_RATINGS:
            rows.append(int(row))
            carried += n
    scaled = projection.users[:, :k] * projection.user_scale
    found = []
    for row in rows:
        part = slice(history.indptr[row], history.indptr[row + 1])
        found.append(
            {
                "name": f"user {index.ids[row]}",
                "at": [round(float(v) / unit, 1) for v in scaled[row]],
                "items": history.indices[part].tolist(),
                "ratings": [round(float(v), 2) for v in history.data[part]],
            }
        )
    return found


def _ratings_of_items(
    model: Recommender,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    n_items = len(model.factors.items)
    if model.history is None:
        return np.zeros(n_items, np.int64), np.zeros(n_items)
    columns = model.history.indices
    counts = np.bincount(columns, minlength=n_items)
    sums = np.bincount(columns, model.history.data, minlength=n_items)
    return counts, sums / np.maximum(counts, 1)


def _about(model: Recommender, projection: Projection, k: int) -> str:
    factors = model.factors
    explained = {
        "pca": "principal components of the item factors",
        "whitened": "principal components of the item factors, each scaled to variance 1",
        "cosine": "principal components of the item factors scaled to length 1",
        "predictions": "the directions that carry most of the predictions' variance",
    }[projection.variant]
    told, kept = projection.predictions[:2].sum(), projection.explained[:2].sum()
    return (
        f"{factors.spec.name}, {factors.n_factors} factors, {len(factors.items):,} items. Axes: "
        f"{explained}. The first two keep {kept:.0%} of the variance of the factors and {told:.0%} "
        f"of that of the predictions, so what is near here may be far in the other "
        f"{factors.n_factors - min(2, k)}; the lines to the most similar show it."
    )


def _packed(array: npt.NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
