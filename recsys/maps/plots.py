"""Figures for paper and notebook: the only importer of matplotlib."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recsys.errors import ArgumentError, ModelError
from recsys.maps.projection import Projection
from recsys.ratings.item_tables import genre_flags

if TYPE_CHECKING:
    from recsys.maps.health import Health

COLOURS = (
    "#0b6bcb", "#d1495b", "#2a9d62", "#e08a00", "#8a4fbf", "#009aa6", "#b5488f", "#6b7a1e",
)  # fmt: skip
_OTHER = "#9aa4af"
_LABELS = 40


def pyplot() -> Any:
    """matplotlib.pyplot, for figures without a screen.

    Raises:
        ModelError: matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError:
        raise ModelError(
            "figures need matplotlib; install it with pip install 'recsys-mf[maps]'"
        ) from None
    if "matplotlib.pyplot" not in __import__("sys").modules and not os.environ.get("MPLBACKEND"):
        matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    return plt


def plot_projection(
    projection: Projection,
    counts: npt.NDArray[np.integer] | None = None,
    components: tuple[int, int] = (1, 2),
    users: Sequence[object] = (),
    labels: int = _LABELS,
) -> Any:
    """The items in a plane, coloured by genre, sized by ratings, the most rated named.

    Labels never overlap: the most rated come first, and one that finds no room is left out.

    Args:
        projection: what to draw.
        counts: (n_items,) ratings of each, for sizes and for whose name comes first.
        components: across and up, 1 is the first.
        users: ids of users to draw among the items.
        labels: at most so many.

    Returns:
        A matplotlib figure.
    """
    plt = pyplot()
    width = projection.items.shape[1]
    for component in components:
        if not 1 <= component <= width:
            raise ArgumentError(f"components must be between 1 and {width}, not {component!r}")
    across, up = (c - 1 for c in components)
    points = projection.items[:, [across, up]]
    counts = np.ones(len(points), np.int64) if counts is None else np.asarray(counts)
    figure, axes = plt.subplots(figsize=(9, 6.6), layout="constrained")
    sizes = 4 + 90 * counts / max(1, counts.max())
    order = np.argsort(counts, kind="stable")  # the most rated on top
    colours, legend = _genre_colours(projection)
    axes.scatter(*points[order].T, s=sizes[order], c=colours[order], alpha=0.75, linewidths=0)
    for name, colour in legend:
        axes.scatter([], [], color=colour, label=name, s=24)
    if legend:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, title="genre")
    for end, set_label in ((across, axes.set_xlabel), (up, axes.set_ylabel)):
        set_label(_axis_label(projection, end + 1))
    axes.axhline(0, color="#cccccc", lw=0.8, zorder=0)
    axes.axvline(0, color="#cccccc", lw=0.8, zorder=0)
    axes.spines[["top", "right"]].set_visible(False)
    # Labels are placed by pixels, so the layout must be settled first, and stay.
    figure.canvas.draw()
    figure.set_layout_engine("none")
    taken: list[tuple[float, float, float, float]] = []
    for user in users:
        row = projection.user_ids.row(user)
        at = projection.users[row, [across, up]] * projection.user_scale
        axes.scatter(*at, marker="*", s=140, color="black", zorder=4)
        _label(axes, figure, f"user {user}", at, taken, weight="bold")
    names = projection.item_names()
    done = 0
    for i in order[::-1][: 5 * labels]:
        if done < labels and _label(axes, figure, names[i], points[i], taken):
            done += 1
    return figure


def plot_health(health: Health) -> Any:
    """Spectra, conditions, loss, norms and recommendation counts in one figure."""
    plt = pyplot()
    figure, grid = plt.subplots(2, 3, figsize=(13, 7.4), layout="constrained")
    spectra, conditions, loss, shares, norms, shown = grid.ravel()
    ranks = np.arange(1, len(health.predictions_spectrum) + 1)
    spectra.semilogy(
        ranks, np.maximum(health.predictions_spectrum, 1e-12), ".-", label="predictions"
    )
    if len(health.ratings_spectrum):
        ranks = np.arange(1, len(health.ratings_spectrum) + 1)
        spectra.semilogy(ranks, health.ratings_spectrum, ".-", color=COLOURS[1], label="ratings")
    spectra.legend(frameon=False)
    _named(spectra, "Singular values", "rank", "σ")
    for colour, (side, rows) in zip(
        COLOURS, health.conditions.groupby("side", sort=False), strict=False
    ):
        values = np.log10(np.minimum(rows["condition"].to_numpy(), 1e16))
        conditions.hist(values, 40, alpha=0.6, color=colour, label=str(side))
    if len(health.conditions):
        conditions.legend(frameon=False)
    _named(conditions, "Condition of the normal matrices", "log₁₀ of the condition number", "rows")
    for colour, part in zip(
        COLOURS, [c for c in health.loss.columns if c != "epoch"], strict=False
    ):
        loss.plot(health.loss["epoch"], health.loss[part], ".-", color=colour, label=part)
    if len(health.loss):
        loss.set_yscale("log")
        loss.legend(frameon=False)
    _named(loss, "Loss by epoch", "epoch", "loss")
    shares.plot(np.arange(1, len(health.factor_share) + 1), np.cumsum(health.factor_share), ".-")
    shares.set_ylim(0, 1.02)
    _named(shares, "Variance of the predictions", "components", "share kept")
    rated = health.norms[health.norms["ratings"] > 0]
    norms.scatter(rated["ratings"], rated["norm"], s=5, alpha=0.4, linewidths=0)
    if len(rated):
        norms.set_xscale("log")
    _named(norms, "Length of the item factors", "ratings of the item", "norm")
    counts = np.sort(health.recommended["recommended"].to_numpy(np.int64))[::-1]
    shown.plot(np.arange(1, len(counts) + 1), counts)
    if len(counts):
        shown.set_xscale("log")
        shown.set_yscale("symlog")
        shown.set_ylim(bottom=0)
    _named(
        shown, f"How often an item is in a top {health.k}", "items, most recommended first", "users"
    )
    return figure


def plot_bars(names: Sequence[str], values: npt.NDArray[np.floating], title: str, unit: str) -> Any:
    """Horizontal bars, the first on top."""
    plt = pyplot()
    figure, axes = plt.subplots(figsize=(7, 0.6 + 0.32 * max(1, len(names))), layout="constrained")
    places = np.arange(len(names))[::-1]
    axes.barh(places, values, color=COLOURS[0], height=0.7)
    axes.set_yticks(places, list(names), fontsize=8)
    _named(axes, title, unit, "")
    return figure


def plot_matrix(names: Sequence[str], matrix: npt.NDArray[np.floating], unit: str) -> Any:
    """A matrix in colours, with its numbers where there is room."""
    plt = pyplot()
    side = 3 + 0.36 * len(names)
    figure, axes = plt.subplots(figsize=(side + 1, side), layout="constrained")
    picture = axes.imshow(matrix, cmap="viridis")
    axes.set_xticks(range(len(names)), list(names), rotation=90, fontsize=8)
    axes.set_yticks(range(len(names)), list(names), fontsize=8)
    if len(names) <= 16:
        middle = (float(matrix.min()) + float(matrix.max())) / 2
        for i, row in enumerate(matrix):
            for j, value in enumerate(row):
                ink = "white" if value < middle else "black"
                axes.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=6, color=ink)
    figure.colorbar(picture, ax=axes, label=unit, shrink=0.8)
    return figure


def plot_dendrogram(linkage: npt.NDArray[np.floating], names: Sequence[str], unit: str) -> Any:
    """Which items and groups join, and at which distance."""
    from scipy.cluster.hierarchy import dendrogram

    plt = pyplot()
    figure, axes = plt.subplots(figsize=(8, 0.8 + 0.26 * len(names)), layout="constrained")
    dendrogram(
        linkage, labels=list(names), orientation="right", ax=axes, color_threshold=0,
        above_threshold_color=COLOURS[0], leaf_font_size=8,
    )  # fmt: skip
    axes.set_xlabel(f"distance (highest {unit} − {unit}) at which groups join")
    axes.spines[["top", "right", "left"]].set_visible(False)
    return figure


def plot_norms(norms: Any, correlation: float) -> Any:
    """Length of the item factors against the number of ratings, said in the title, too."""
    plt = pyplot()
    figure, axes = plt.subplots(figsize=(7, 4.6), layout="constrained")
    rated = norms[norms["ratings"] > 0]
    axes.scatter(rated["ratings"], rated["norm"], s=7, alpha=0.45, linewidths=0, color=COLOURS[0])
    axes.set_xscale("log")
    title = f"The longer vector is the more popular item: rank correlation {correlation:.2f}"
    _named(axes, title if correlation > 0.5 else f"Rank correlation {correlation:.2f}",
           "ratings of the item", "length of its factors")  # fmt: skip
    return figure


def save_figure(figure: Any, path: str | os.PathLike[str]) -> Path:
    """Writes the figure in the format of the ending (png, svg, pdf) and closes it."""
    file = Path(path).expanduser()
    figure.savefig(file, dpi=200)
    pyplot().close(figure)
    return file


def _named(axes: Any, title: str, x: str, y: str) -> None:
    axes.set_title(title, fontsize=11)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)


def _axis_label(projection: Projection, component: int) -> str:
    ends = projection.ends(component, 2)
    low, high = (
        ", ".join(ends[f"{side}_genres"][:2] or ends[side][:1]) for side in ("low", "high")
    )
    told = projection.predictions[component - 1]
    kept = projection.explained[component - 1]
    return (
        f"← {low}        {high} →\n"
        f"component {component}: {kept:.0%} of the items' variance, {told:.0%} of the predictions'"
    )


def _genre_colours(
    projection: Projection,
) -> tuple[npt.NDArray[np.str_], list[tuple[str, str]]]:
    # The rarest of an item's common genres, as on the page.
    names, flags = genre_flags(projection.item_table)
    common = np.argsort(-flags.sum(axis=0), kind="stable")[: len(COLOURS)]
    colours = np.full(len(projection.items), _OTHER, dtype="<U7")
    for colour, genre in zip(COLOURS, common, strict=False):
        colours[flags[:, genre]] = colour
    legend = [(names[genre], colour) for colour, genre in zip(COLOURS, common, strict=False)]
    return colours, [*legend, ("other", _OTHER)] if legend else []


def _label(
    axes: Any,
    figure: Any,
    text: str,
    at: npt.NDArray[np.float64],
    taken: list[tuple[float, float, float, float]],
    weight: str = "normal",
) -> bool:
    # Beside, above or below the point, where that is free and inside, measured in pixels.
    inside = axes.get_window_extent()
    places = ((6, 0, "left", "center"), (-6, 0, "right", "center"), (0, 6, "center", "bottom"),
              (0, -6, "center", "top"))  # fmt: skip
    for dx, dy, across, up in places:
        note = axes.annotate(
            text, at, (dx, dy), textcoords="offset points", ha=across, va=up, fontsize=7,
            weight=weight,
        )  # fmt: skip
        box = note.get_window_extent(figure.canvas.get_renderer())
        frame = (box.x0, box.y0, box.x1, box.y1)
        free = not any(
            frame[0] < o[2] and o[0] < frame[2] and frame[1] < o[3] and o[1] < frame[3]
            for o in taken
        )
        if free and inside.x0 <= box.x0 and box.x1 <= inside.x1:
            taken.append(frame)
            return True
        note.remove()
    return False
