"""A map of the items of a model: a page or a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recsys.app.names import user_id
from recsys.errors import ArgumentError
from recsys.files import output_file
from recsys.settings import Settings, option

FIGURES = (".png", ".svg", ".pdf")


def _variants() -> Sequence[str]:
    from recsys.maps.projection import VARIANTS

    return VARIANTS


@dataclass(frozen=True, kw_only=True)
class MapRequest(Settings):
    """Which model, and how it is drawn."""

    model: str = option(meaning="Model file.")
    out: str = option(
        "map.html",
        flags=("--out", "-o"),
        metavar="FILE",
        meaning="File to write: .html for an interactive page, .png, .svg or .pdf for a figure.",
    )
    variant: str = option(
        "cosine",
        choices=_variants,
        metavar="NAME",
        meaning="What the map shows: cosine for similarity, predictions for the main components "
        "of the scores.",
    )
    components: str = option(
        "1,2", metavar="I,J", meaning="Components on the horizontal and vertical axis of a figure."
    )
    users: Sequence[str] = option(
        [], flags=("--user",), metavar="ID", meaning="User to show on the map. Repeatable."
    )


@dataclass(frozen=True)
class Drawn:
    """A map that was written."""

    path: Path
    axes: tuple[str, ...]
    """What its first axes are, a line each."""
    likeness: str = ""
    """How much of the likeness the views of a page show, in words."""
    kept: Mapping[str, float] | None = None
    """The same as shares, by view."""

    @property
    def is_page(self) -> bool:
        """Whether it is a page for a browser, not a figure."""
        return self.path.suffix == ".html"

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"path": str(self.path), "axes": list(self.axes), "kept": self.kept}


def draw_map(request: MapRequest) -> Drawn:
    """The map of a model file, written to `out`.

    Raises:
        ArgumentError: a setting is wrong.
        UnknownIdError: a user is not in the data.
        ModelFileError: the model file cannot be read.
    """
    from recsys.maps.movie_map import movie_map
    from recsys.maps.neighbourhoods import neighbourhoods
    from recsys.maps.plots import save_figure
    from recsys.maps.projection import project
    from recsys.store.model_file import load

    file, pair = output_file(request.out, "out", (".html", *FIGURES)), _pair(request.components)
    model = load(request.model)
    users = [user_id(model, text) for text in request.users]
    projection = project(model, None, request.variant)  # type: ignore[arg-type]  # checked above
    words = projection.describe(min(2, projection.items.shape[1])).splitlines()
    if file.suffix == ".html":
        arrangement = neighbourhoods(model, projection)
        title = f"Map of {Path(request.model).stem}"
        movie_map(
            model, file, users=users, title=title, projection=projection, arrangement=arrangement
        )
        kept = {
            "neighbourhoods": arrangement.kept,
            "components": arrangement.kept_by_components,
        }
        return Drawn(file, tuple(words), arrangement.describe(), kept)
    save_figure(projection.plot(projection.counts, pair, users), file)
    return Drawn(file, tuple(words))


def _pair(text: str) -> tuple[int, int]:
    try:
        across, up = (int(part) for part in text.split(","))
    except ValueError:
        raise ArgumentError(f"components must be two numbers, such as 1,2, not {text!r}") from None
    return across, up
