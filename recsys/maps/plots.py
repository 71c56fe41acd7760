"""Figures for papers and notebooks: the only module that imports matplotlib."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.diagnosis.conditions import examined_of
from recsys.diagnosis.health import Health
from recsys.errors import ModelError
from recsys.files import expanded, replacing
from recsys.maps.palette import LIGHT

_OTHER = "#9aa4af"
_HALO = 1.8  # width of the white around letters, in points

_STAR = {"marker": "*", "color": "black", "edgecolor": "white", "linewidth": 0.8}

Groups = tuple[Sequence[str], npt.NDArray[np.bool_]]
"""Names (n_groups) and membership (n_items, n_groups)."""

_Box = tuple[float, float, float, float]


def pyplot() -> Any:
    """matplotlib.pyplot, set up to draw without a screen unless it is in use already.

    Raises:
        ModelError: matplotlib is not installed.
    """
    # Optional, and slow to import.
    try:
        import matplotlib
    except ImportError:
        raise ModelError(
            "figures need matplotlib; install it with pip install 'recsys-mf[maps]'"
        ) from None
    if "matplotlib.pyplot" not in sys.modules and not os.environ.get("MPLBACKEND"):
        matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    return plt


def plot_points(
    points: npt.NDArray[np.float64],
    names: Sequence[str],
    counts: npt.NDArray[np.integer] | None,
    *,
    groups: Groups,
    group: str,
    axis_labels: Sequence[str],
    kinds: tuple[str, str],
    marks: Mapping[str, npt.NDArray[np.float64]],
    labels: int,
) -> Any:
    """Points in a plane, coloured by group, sized by count, those with the highest count labelled.

    Labels never overlap: a label that does not fit is left out.

    Args:
        points: (n, 2).
        names: (n,) the labels.
        counts: (n,) for sizes and the order of the labels; None for equal ones.
        groups: a point has the colour of the rarest of its common groups.
        group: title of the legend.
        axis_labels: of the horizontal and the vertical axis.
        kinds: what a point and a mark are, for the legend.
        marks: further points (2,) by name, drawn as stars.
        labels: at most this many points are labelled.

    Returns:
        A matplotlib figure.
    """
    figure, axes = pyplot().subplots(figsize=(9, 6.6), layout="constrained")
    counts = np.ones(len(points), np.int64) if counts is None else np.asarray(counts)
    order = np.argsort(counts, kind="stable")  # those with the highest count on top
    sizes = 4 + 90 * counts / max(1, counts.max())
    colours, legend = _group_colours(groups)
    axes.scatter(*points[order].T, s=sizes[order], c=colours[order], alpha=0.75, linewidths=0)
    _legends(axes, legend, group, kinds, bool(marks))
    axes.axhline(0, color="#cccccc", lw=0.8, zorder=0)
    axes.axvline(0, color="#cccccc", lw=0.8, zorder=0)
    for at in marks.values():
        axes.scatter(*at, **_STAR, s=140, zorder=4)
    _frame(axes, "", *axis_labels)
    # Labels are placed by pixels, so all that is drawn and the layout must be settled first.
    figure.canvas.draw()
    figure.set_layout_engine("none")
    taken = [_around(axes, at) for at in marks.values()]
    for name, at in marks.items():
        _label(axes, name, at, taken, weight="bold")
    done = 0
    for i in order[::-1][: 5 * labels]:
        if done < labels and _label(axes, names[i], points[i], taken):
            done += 1
    return figure


def _legends(
    axes: Any, groups: list[tuple[str, str]], title: str, kinds: tuple[str, str], marked: bool
) -> None:
    # Beside the picture: the groups above, the star below; without groups, what a point is, too.
    above = [axes.scatter([], [], color=colour, label=name, s=24) for name, colour in groups]
    below = []
    if marked:
        below = [axes.scatter([], [], **_STAR, s=90, label=kinds[1])]
        if not groups:
            below.insert(0, axes.scatter([], [], color=_OTHER, label=kinds[0], s=24))
    if below:
        axes.legend(handles=below, loc="lower left", bbox_to_anchor=(1, 0), frameon=False)
    if above:
        first = axes.get_legend()
        axes.legend(
            handles=above, loc="upper left", bbox_to_anchor=(1, 1), frameon=False, title=title
        )
        if first is not None:
            axes.add_artist(first).set_clip_on(False)  # it is outside the axes


def plot_health(health: Health) -> Any:
    """Spectra, conditions, loss, norms and recommendation counts in one figure."""
    figure, grid = pyplot().subplots(2, 3, figsize=(13, 7.4), layout="constrained")
    panels = (_spectra, _conditions, _loss, _shares, _norms, _recommended)
    for axes, panel in zip(grid.ravel(), panels, strict=True):
        panel(axes, health)
    return figure


def _spectra(axes: Any, health: Health) -> None:
    predictions = np.maximum(health.predictions_spectrum, 1e-12)
    axes.semilogy(np.arange(1, len(predictions) + 1), predictions, ".-", label="predictions")
    if len(health.ratings_spectrum):
        ranks = np.arange(1, len(health.ratings_spectrum) + 1)
        axes.semilogy(ranks, health.ratings_spectrum, ".-", color=LIGHT[1], label="ratings")
    axes.legend(frameon=False)
    _frame(axes, "Singular values", "rank", "σ")


def _conditions(axes: Any, health: Health) -> None:
    sides = health.conditions.groupby("side", sort=False)
    for colour, (side, rows) in zip(LIGHT, sides, strict=False):
        values = np.log10(np.minimum(rows["condition"].dropna().to_numpy(), 1e16))
        label = examined_of(str(side), rows)
        axes.hist(values, 40, alpha=0.6, color=colour, label=label)
    if len(health.conditions):
        axes.legend(frameon=False)
    _frame(axes, "Condition of the normal matrices", "log₁₀ of the condition number", "rows")


def _loss(axes: Any, health: Health) -> None:
    parts = [column for column in health.loss.columns if column != "epoch"]
    for colour, part in zip(LIGHT, parts, strict=False):
        axes.plot(health.loss["epoch"], health.loss[part], ".-", color=colour, label=part)
    if len(health.loss):
        axes.set_yscale("log")
        axes.legend(frameon=False)
    _frame(axes, "Loss by epoch", "epoch", "loss")


def _shares(axes: Any, health: Health) -> None:
    axes.plot(np.arange(1, len(health.factor_share) + 1), np.cumsum(health.factor_share), ".-")
    axes.set_ylim(0, 1.02)
    _frame(axes, "Variance of the predictions", "components", "share kept")


def _norms(axes: Any, health: Health) -> None:
    rated = health.norms[health.norms["ratings"] > 0]
    axes.scatter(rated["ratings"], rated["norm"], s=5, alpha=0.4, linewidths=0)
    if len(rated):
        axes.set_xscale("log")
    _frame(axes, "Length of the item factors", "ratings of the item", "norm")


def _recommended(axes: Any, health: Health) -> None:
    counts = np.sort(health.recommended["recommended"].to_numpy(np.int64))[::-1]
    axes.plot(np.arange(1, len(counts) + 1), counts)
    if len(counts):
        axes.set_xscale("log")
        axes.set_yscale("symlog")
        axes.set_ylim(bottom=0)
    title = f"How often an item is in a top {health.k}"
    _frame(axes, title, "items, most recommended first", "users")


def plot_bars(names: Sequence[str], values: npt.NDArray[np.floating], title: str, unit: str) -> Any:
    """Horizontal bars, the first at the top."""
    plt = pyplot()
    figure, axes = plt.subplots(figsize=(7, 0.6 + 0.32 * max(1, len(names))), layout="constrained")
    places = np.arange(len(names))[::-1]
    axes.barh(places, values, color=LIGHT[0], height=0.7)
    axes.set_yticks(places, list(names), fontsize=8)
    _frame(axes, title, unit, "")
    return figure


def plot_matrix(names: Sequence[str], matrix: npt.NDArray[np.floating], unit: str) -> Any:
    """A heat map of a matrix, with its numbers where there is room."""
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
    """A dendrogram: which items and groups join, and at which distance."""
    # Slow to import.
    from scipy.cluster.hierarchy import dendrogram

    plt = pyplot()
    figure, axes = plt.subplots(figsize=(8, 0.8 + 0.26 * len(names)), layout="constrained")
    dendrogram(
        linkage, labels=list(names), orientation="right", ax=axes, color_threshold=0,
        above_threshold_color=LIGHT[0], leaf_font_size=8,
    )  # fmt: skip
    axes.set_xlabel(f"distance (highest {unit} − {unit}) at which groups join")
    axes.spines[["top", "right", "left"]].set_visible(False)
    return figure


def plot_norms(norms: Any, correlation: float) -> Any:
    """Length of the item factors against the number of ratings; the title has the correlation."""
    plt = pyplot()
    figure, axes = plt.subplots(figsize=(7, 4.6), layout="constrained")
    rated = norms[norms["ratings"] > 0]
    axes.scatter(rated["ratings"], rated["norm"], s=7, alpha=0.45, linewidths=0, color=LIGHT[0])
    axes.set_xscale("log")
    title = f"More popular items have longer vectors: rank correlation {correlation:.2f}"
    if not correlation > 0.5:
        title = f"Rank correlation {correlation:.2f}"
    _frame(axes, title, "ratings of the item", "length of its factors")
    return figure


def save_figure(figure: Any, path: str | os.PathLike[str]) -> Path:
    """Writes the figure in the format that the ending names (png, svg, pdf), and closes it.

    Returns:
        The file. A file that exists is replaced only by a complete one.
    """
    file = expanded(path)
    with replacing(file) as stream:
        figure.savefig(stream, dpi=200, format=file.suffix[1:])
    pyplot().close(figure)
    return file


def _frame(axes: Any, title: str, x: str, y: str) -> None:
    axes.set_title(title, fontsize=11)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)


def _group_colours(groups: Groups) -> tuple[npt.NDArray[np.str_], list[tuple[str, str]]]:
    names, flags = groups
    common = np.argsort(-flags.sum(axis=0), kind="stable")[: len(LIGHT)]
    colours = np.full(len(flags), _OTHER, dtype="<U7")
    # From the most common to the rarest, so that the rarest wins, as on the movie map.
    for colour, group in zip(LIGHT, common, strict=False):
        colours[flags[:, group]] = colour
    legend = [(names[group], colour) for colour, group in zip(LIGHT, common, strict=False)]
    return colours, [*legend, ("other", _OTHER)] if legend else []


def _around(axes: Any, at: npt.NDArray[np.float64]) -> _Box:
    # Where a star is, in pixels; a little less than the distance of its label.
    half = 5.5 * axes.figure.dpi / 72
    x, y = axes.transData.transform(at)
    return (x - half, y - half, x + half, y + half)


def _label(
    axes: Any,
    text: str,
    at: npt.NDArray[np.float64],
    taken: list[_Box],
    weight: str = "normal",
) -> bool:
    # To the right, left, above or below the point: the first place, in pixels, that is free and
    # inside. Returns whether there was one.
    inside = axes.get_window_extent()
    halo = _halo()
    places = ((6, 0, "left", "center"), (-6, 0, "right", "center"), (0, 6, "center", "bottom"),
              (0, -6, "center", "top"))  # fmt: skip
    for dx, dy, across, up in places:
        note = axes.annotate(
            text, at, (dx, dy), textcoords="offset points", ha=across, va=up, fontsize=7,
            weight=weight, path_effects=halo,
        )  # fmt: skip
        box = note.get_window_extent(axes.figure.canvas.get_renderer())
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


def _halo() -> list[Any]:
    # White around letters, so that they are legible over dots.
    from matplotlib import patheffects

    return [patheffects.withStroke(linewidth=_HALO, foreground="white")]
