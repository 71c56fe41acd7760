"""The movie map: a self-contained HTML page for exploring the items.

The page holds coordinates along the leading components, the ten most similar items of each item,
and some users with their ratings, as packed arrays. Its script draws them. Nothing is loaded from
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
from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.errors import ModelError
from recsys.files import write_text
from recsys.maps.projection import Projection, Variant, project
from recsys.ratings.item_tables import genre_flags
from recsys.recommend.index import ExactIndex
from recsys.recommend.recommender import Recommender
from recsys.recommend.similarity import normalized

_COMPONENTS = 8  # at most this many axes to choose from
_NEAR = 10  # similar items of each item
_USER_RATINGS = 60_000  # at most this many ratings of users in a page
_USERS = 200
_BLOCK = 4096  # items compared with all others at a time
_GENRES = 32  # one bit each

_PAGE = resources.files("recsys.maps").joinpath("page")


def movie_map(
    model: Recommender,
    path: str | os.PathLike[str] | None = None,
    *,
    variant: Variant = "cosine",
    users: Sequence[object] = (),
    title: str = "Movie map",
    projection: Projection | None = None,
) -> str:
    """The page as HTML; also written to `path` if given.

    Args:
        model: a trained model with factors. Sizes by number of ratings, and users, need its
            history.
        path: file to write; an existing file is replaced only by a complete page.
        variant: variant of the projection; see `project`. With `cosine`, closeness is the
            similarity that the lines to the most similar items show; otherwise popularity
            dominates the first component.
        users: ids of users to include; a sample of the others is added.
        title: title of the page.
        projection: the projection to show, if it has been computed already; replaces `variant`.

    Raises:
        ModelError: the model has no factors to map.
        UnknownIdError: a user is not in the model.
    """
    if projection is None:
        projection = project(model, None, variant)
    k = min(_COMPONENTS, projection.items.shape[1])
    content = json.dumps(_payload(model, projection, k, users), separators=(",", ":"))
    parts = {
        "style": _resource("page.css"),
        "script": page_script(),
        "title": html.escape(title),
        "about": html.escape(_about(model, projection, k)),
        # A title may contain "</script>"; in JSON the slash may be escaped.
        "data": content.replace("</", "<\\/"),
    }
    page = string.Template(_resource("page.html")).substitute(parts)
    if path is not None:
        write_text(path, page)
    return page


def page_script() -> str:
    """The script of the page: its files joined in order of their names, one JavaScript module."""
    names = sorted(file.name for file in _PAGE.iterdir() if file.name.endswith(".js"))
    return "\n".join(_resource(name) for name in names)


def neighbours(
    model: Recommender, n: int = _NEAR
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
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
    predicted = projection.predictions[component - 1]
    share = f"{projection.explained[component - 1]:.0%} of the items' variance"
    if projection.variant != "predictions":
        share += f", {predicted:.0%} of the predictions'"
    short = f"{words['low'].split(',')[0]} – {words['high'].split(',')[0]} ({predicted:.0%})"
    return words | {"share": share, "short": short}


def _users(
    model: Recommender, projection: Projection, k: int, unit: float, wanted: Sequence[object]
) -> list[dict[str, Any]]:
    # Those that were asked for, then as many as fit into the page, evenly spaced in the index.
    index, history = projection.user_ids, model.history
    rows = [index.row(one) for one in wanted]
    if history is None:
        if rows:
            raise ModelError("the model has no history, so no user's ratings can be shown")
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
    predicted, kept = projection.predictions[:2].sum(), projection.explained[:2].sum()
    return (
        f"{factors.spec.name}, {factors.n_factors} factors, {len(factors.items):,} items. Axes: "
        f"{explained}. The first two keep {kept:.0%} of the variance of the factors and "
        f"{predicted:.0%} of that of the predictions, so items that are close here may be far "
        f"apart in the other {factors.n_factors - min(2, k)}; the lines lead to the most similar "
        "items."
    )


def _packed(array: npt.NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def _resource(name: str) -> str:
    return _PAGE.joinpath(name).read_text("utf-8")
