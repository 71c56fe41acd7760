"""Drawing: from a model file to a map or to the health of its numbers."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from recsys.app.queries import user_id
from recsys.errors import ArgumentError
from recsys.maps.health import Health, health
from recsys.maps.movie_map import movie_map
from recsys.maps.plots import save_figure
from recsys.maps.projection import VARIANTS, Variant, project
from recsys.recommend.recommender import Recommender
from recsys.store.model_file import load

FIGURES = (".png", ".svg", ".pdf")


def draw_map(
    path: str,
    out: str,
    *,
    variant: Variant = "cosine",
    components: str = "1,2",
    users: list[str] | None = None,
) -> tuple[Path, str]:
    """The map of a model file: a page (.html) or a figure (.png, .svg, .pdf).

    Args:
        path: model file.
        out: file to write.
        variant: of the projection.
        components: of a figure, across and up, such as "1,3".
        users: ids of users to show.

    Returns:
        The file, and in words what its first two axes are.

    Raises:
        ValueError: an argument is not one. RecsysError: see its tree.
    """
    file = checked(out, (".html", *FIGURES))
    if variant not in VARIANTS:
        raise ArgumentError(f"variant must be one of {', '.join(VARIANTS)}, not {variant!r}")
    pair = _pair(components)
    model = load(path)
    ids = [user_id(model, text) for text in users or []]
    projection = project(model, None, variant)
    if file.suffix == ".html":
        title = f"Map of {Path(path).name}"
        movie_map(model, file, users=ids, title=title, projection=projection)
        return file, projection.describe(min(2, projection.items.shape[1]))
    counts = _counts(model)
    save_figure(projection.plot(counts, pair, ids), file)
    return file, projection.describe(min(2, projection.items.shape[1]))


def examine(path: str, figure: str | None = None, k: int = 10) -> Health:
    """The health of a model file; also drawn into a file (.png, .svg, .pdf) if given.

    Raises:
        ValueError: an argument is not one. RecsysError: see its tree.
    """
    file = checked(figure, FIGURES) if figure is not None else None
    found = health(load(path), k)
    if file is not None:
        save_figure(found.plot(), file)
    return found


def checked(out: str, endings: tuple[str, ...]) -> Path:
    """The file to write.

    Raises:
        ValueError: its ending is none of `endings`, or its folder cannot be written to.
    """
    file = Path(out).expanduser()
    if file.suffix not in endings:
        raise ArgumentError(f"out must end in {', '.join(endings)}, not {out!r}")
    if not file.parent.is_dir() or not os.access(file.parent, os.W_OK):
        raise ArgumentError(f"out must lie in a folder one can write to, not {out!r}")
    return file


def _pair(text: str) -> tuple[int, int]:
    try:
        across, up = (int(part) for part in text.split(","))
    except ValueError:
        raise ArgumentError(f"components must be two numbers, such as 1,2, not {text!r}") from None
    return across, up


def _counts(model: Recommender) -> np.ndarray[tuple[int], np.dtype[np.int64]] | None:
    if model.history is None:
        return None
    return np.bincount(model.history.indices, minlength=len(model.factors.items)).astype(np.int64)
