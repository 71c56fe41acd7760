"""Small charts as SVG text; the page defines the colours (light and dark) in CSS.

Every chart is `WIDTH` wide, so that letters keep their size from a phone to a wide screen, where
charts are placed side by side. Every mark has a tooltip with its numbers, and every text is
escaped.
"""

from __future__ import annotations

import html
import math
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from recsys.visible import one_line

WIDTH = 380
_RIGHT, _TOP, _BOTTOM = 12, 12, 42
_TITLE = 22  # width of the rotated title of the y axis
_LETTER, _WIDE_LETTER = 6.8, 11.5  # widths of letters of an 11-pixel font, on average
_LABELS = 190.0  # the widest column of row labels
_BAR = 8
_LONGEST = 300  # characters of a text


@dataclass(frozen=True)
class Series:
    """One model's points."""

    name: str
    style: int
    """Index of its colour, dash and marker, the same in every chart."""
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True)
class Axis:
    """An axis from the data, with round ticks; linear or logarithmic."""

    label: str
    low: float
    high: float
    log: bool = False

    @classmethod
    def over(
        cls, label: str, values: Sequence[float], *, zero: bool = False, log: bool = False
    ) -> Axis:
        """An axis over the finite values with a margin.

        Args:
            label: its title.
            values: what it shows.
            zero: whether a linear axis begins at zero.
            log: whether it is logarithmic, for values that are all above zero.
        """
        finite = [v for v in values if math.isfinite(v)] or [0.0, 1.0]
        low, high = min(finite), max(finite)
        if log:
            room = (high / low) ** 0.05
            return cls(f"{label} (log scale)", low / room, high * room, log=True)
        room = 0.05 * (high - low) or 0.1 * abs(high) or 1.0
        if zero:
            return cls(label, min(0.0, low - room if low < 0 else 0.0), max(high + room, 0.0))
        return cls(label, low - room, high + room)

    def within(self, value: float) -> float:
        """The value, or the end of the axis that it is beyond."""
        return min(self.high, max(self.low, value))

    def side(self, value: float) -> int:
        """-1 for a value below the axis, 1 above, 0 within."""
        return int(value > self.high) - int(value < self.low)

    def ticks(self, most: int = 6) -> list[float]:
        """About `most` round numbers within the axis.

        >>> Axis("", 0.0, 1.0).ticks()
        [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
        >>> Axis("", 3.0, 40_000.0, log=True).ticks()
        [10.0, 100.0, 1000.0, 10000.0]
        """
        if self.log:
            return self._powers(most)
        raw = (self.high - self.low) / most
        power = 10 ** math.floor(math.log10(raw))
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [float(f"{i * step:.10g}") for i in range(first, last + 1)]

    def _powers(self, most: int) -> list[float]:
        # Multiples of powers of ten, as many as there is room for; at last every few powers.
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        choices = [((1, 2, 5), 1), ((1, 3), 1), *(((1,), step) for step in range(1, len(powers)))]
        found: list[float] = []
        for multiples, step in choices:
            found = [float(f"{m}e{p}") for p in powers[::step] for m in multiples]
            found = [tick for tick in found if self.low <= tick <= self.high]
            if len(found) <= most:
                break
        return found

    def scale(self, start: float, stop: float) -> Callable[[float], float]:
        """From values to pixels."""
        if self.log:
            low, ratio = self.low, math.log(self.high / self.low)
            return lambda value: start + math.log(value / low) / ratio * (stop - start)
        span = self.high - self.low
        return lambda value: start + (value - self.low) / span * (stop - start)


def lines(series: Sequence[Series], x: Axis, y: Axis, title: str, height: int = 250) -> str:
    """Curves with a marker at every point."""
    frame, at_x, at_y, _ = _frame(x, y, height)
    parts = [frame]
    for one in series:
        points = [(at_x(a), at_y(b)) for a, b in zip(one.x, one.y, strict=True)]
        path = "M" + "L".join(f"{a:.1f},{b:.1f}" for a, b in points)
        parts.append(f'<path class="line s{one.style}" d="{path}"/>')
        if len(points) <= 30:
            for (a, b), (value_x, value_y) in zip(
                points, zip(one.x, one.y, strict=True), strict=True
            ):
                tip = f"{one.name}: {number(value_y)} at {number(value_x)}"
                parts.append(_marker(a, b, one.style, tip, 2.6))
    return _svg(parts, height, title)


def scatter(series: Sequence[Series], x: Axis, y: Axis, title: str, height: int = 250) -> str:
    """One point per model, labelled where there is room; `low` and `high` are whiskers of y."""
    frame, at_x, at_y, edge = _frame(x, y, height)
    parts, boxes = [frame], []
    points = [(one, at_x(one.x[0]), at_y(one.y[0])) for one in series]
    boxes += [(a - 5, b - 5, a + 5, b + 5) for _, a, b in points]
    for one, a, b in points:
        if one.low:
            ends = at_y(one.low[0]), at_y(one.high[0])
            boxes.append((a - 1, ends[1], a + 1, ends[0]))  # no label crosses it
            parts.append(_whisker(a, ends[0], a, ends[1], one.style))
        tip = f"{one.name}: {y.label} {number(one.y[0])}, {x.label} {number(one.x[0])}"
        parts.append(_marker(a, b, one.style, tip, 4.5))
    for one, a, b in points:
        width = _width(one.name)
        spots = [
            (a + 8, b + 4), (a - 8 - width, b + 4), (a - width / 2, b - 9), (a - width / 2, b + 17),
            (a + 7, b - 8), (a + 7, b + 15), (a - 7 - width, b - 8), (a - 7 - width, b + 15),
        ]  # fmt: skip
        for left, base in spots:
            box = left - 1, base - 10, left + width + 1, base + 3
            inside = box[0] > edge and box[2] < WIDTH and box[1] > 0
            if inside and box[3] < height - _BOTTOM and not any(_meet(box, o) for o in boxes):
                boxes.append(box)
                parts.append(f'<text x="{left:.1f}" y="{base:.1f}">{_text(one.name)}</text>')
                break
    return _svg(parts, height, title)


def dots(series: Sequence[Series], x: Axis, y: Axis, title: str, path: Series | None = None) -> str:
    """Points of several kinds, with a line among them; outside y there is an arrow at its end.

    Args:
        series: the points; those of a kind have one name.
        x: horizontal axis.
        y: vertical axis.
        title: what the picture shows, for those who cannot see it.
        path: points that a line of steps connects.
    """
    height = 250
    frame, at_x, at_y, _ = _frame(x, y, height)
    parts = [frame]
    if path is not None and path.x:
        steps = f"M{at_x(path.x[0]):.1f},{at_y(y.within(path.y[0])):.1f}" + "".join(
            f"H{at_x(a):.1f}V{at_y(y.within(b)):.1f}"
            for a, b in zip(path.x[1:], path.y[1:], strict=True)
        )
        parts.append(f'<path class="line s{path.style}" d="{steps}"/>')
    for one in series:
        for a, b in zip(one.x, one.y, strict=True):
            tip = f"{one.name}: {number(b)} at {number(a)}"
            turn = {-1: 90, 0: None, 1: -90}[y.side(b)]
            parts.append(_dot(at_x(a), at_y(y.within(b)), turn, one.style, tip))
    return _svg(parts, height, title)


def strips(rows: Sequence[Series], x: Axis, title: str) -> str:
    """A row per series with a point for each of its x, name on the left.

    Outside the axis there is an arrow at its end.
    """
    left = _label_width([one.name for one in rows])
    height = 26 * len(rows) + _BOTTOM + 8
    at_x = x.scale(left, WIDTH - _RIGHT)
    parts = [_x_axis(x, at_x, 4, height - _BOTTOM, left)]
    for i, one in enumerate(rows):
        parts.append(_row_label(one.name, left, 20 + 26 * i))
        for value in one.x:
            tip, turn = f"{one.name}: {number(value)}", {-1: 180, 0: None, 1: 0}[x.side(value)]
            parts.append(_dot(at_x(x.within(value)), 20 + 26 * i, turn, one.style, tip))
    return _svg(parts, height, title)


def intervals(series: Sequence[Series], x: Axis, title: str) -> str:
    """A row per series: a point at x[0] with a whisker from low[0] to high[0], name on the left."""
    left = _label_width([one.name for one in series])
    height = 26 * len(series) + _BOTTOM + 8
    at_x = x.scale(left, WIDTH - _RIGHT)
    parts = [_x_axis(x, at_x, 4, height - _BOTTOM, left)]
    for i, one in enumerate(series):
        y = 20 + 26 * i
        tip = f"{one.name}: {number(one.x[0])} [{number(one.low[0])}, {number(one.high[0])}]"
        parts.append(_row_label(one.name, left, y))
        parts.append(_whisker(at_x(one.low[0]), y, at_x(one.high[0]), y, one.style))
        parts.append(_marker(at_x(one.x[0]), y, one.style, tip, 4.5))
    return _svg(parts, height, title)


def bars_height(n_rows: int, n_series: int) -> float:
    """The height that `bars` needs."""
    return max(_BAR * n_series + 8, 28) * n_rows + _BOTTOM + 6


def bars(
    rows: Sequence[tuple[str, str]], series: Sequence[Series], x: Axis, title: str, height: float
) -> str:
    """Horizontal bars: a group per row, a bar per series, whiskers where there are intervals.

    Args:
        rows: label and second line of each row.
        series: a value per row each.
        x: their axis.
        title: what the picture shows, for those who cannot see it.
        height: at least `bars_height`; rows are spread over it, so that pictures side by side
            end at one line.
    """
    left = _label_width([text for row in rows for text in row])
    at_x = x.scale(left, WIDTH - _RIGHT)
    parts = [_x_axis(x, at_x, 4, height - _BOTTOM, left)]
    pitch = (height - _BOTTOM - 6) / len(rows)
    for r, (label, note) in enumerate(rows):
        middle = 5 + pitch * (r + 0.5)
        parts.append(_row_label(label, left, middle - (6 if note else 0)))
        parts.append(_row_label(note, left, middle + 6, "end label") if note else "")
        top = middle - _BAR * len(series) / 2
        for s, one in enumerate(series):
            parts.append(_bar(one, r, label, top + _BAR * s, x, at_x))
    return _svg(parts, height, title)


def _bar(one: Series, r: int, row: str, y: float, x: Axis, at_x: Callable[[float], float]) -> str:
    value = one.x[r]
    if not math.isfinite(value):
        return ""
    tip = f"{row}, {one.name}: {number(value)}"
    whisker = ""
    if one.low:
        tip += f" [{number(one.low[r])}, {number(one.high[r])}]"
        ends = f"M{at_x(one.low[r]):.1f},{y + (_BAR - 1) / 2:.1f}H{at_x(one.high[r]):.1f}"
        whisker = f'<path class="whisker ink" d="{ends}"/>'
    begin, end = sorted((at_x(max(x.low, 0.0)), at_x(value)))
    return (
        f'<rect class="fill s{one.style}" x="{begin:.1f}" y="{y:.1f}" '
        f'width="{end - begin:.1f}" height="{_BAR - 1}">'
        f"<title>{_text(tip)}</title></rect>{whisker}"
    )


def legend(names: Sequence[tuple[str, int]]) -> str:
    """The legend: line and marker of each name, as HTML that wraps."""
    entries = []
    for name, style in names:
        mark = _marker(14, 7, style, name, 3.6)
        entries.append(
            f'<span class="entry"><svg viewBox="0 0 28 14" width="28" height="14" '
            f'aria-hidden="true"><path class="line s{style}" d="M0,7H28"/>{mark}</svg>'
            f"{_text(name)}</span>"
        )
    return f'<p class="legend">{"".join(entries)}</p>'


def number(value: float) -> str:
    """A number as short as its size allows.

    >>> number(0.31567), number(3.14159), number(353.87), number(12.0)
    ('0.3157', '3.142', '354', '12')
    """
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return (
        f"{value:.4f}" if abs(value) < 1 else f"{value:.4g}" if abs(value) < 100 else f"{value:.0f}"
    )


def _tick(value: float) -> str:
    # Five letters at most where numbers are large: more would run into the title of the axis.
    if abs(value) < 1e4:
        return f"{value:.10g}"
    size, letter = next(
        unit for unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")) if abs(value) >= unit[0]
    )
    return f"{value / size:.4g}{letter}" if abs(value) < 1e12 else f"{value:.0e}"


def _frame(
    x: Axis, y: Axis, height: int
) -> tuple[str, Callable[[float], float], Callable[[float], float], float]:
    # Both axes, from values to pixels, and where the plot begins: behind its longest tick label.
    ticks = {tick: _tick(tick) for tick in y.ticks()}
    left = _TITLE + max(map(_width, ticks.values()), default=0.0) + 8
    at_x, at_y = x.scale(left, WIDTH - _RIGHT), y.scale(height - _BOTTOM, _TOP)
    parts = [_x_axis(x, at_x, _TOP, height - _BOTTOM, left)]
    for tick, shown in ticks.items():
        line = f'<path class="grid" d="M{left:.1f},{at_y(tick):.1f}H{WIDTH - _RIGHT}"/>'
        text = f'<text class="end" x="{left - 6:.1f}" y="{at_y(tick) + 4:.1f}">{shown}</text>'
        parts.append(line + text)
    if y.low < 0 < y.high:
        parts.append(f'<path class="zero" d="M{left:.1f},{at_y(0):.1f}H{WIDTH - _RIGHT}"/>')
    middle = (_TOP + height - _BOTTOM) / 2
    parts.append(
        f'<text class="middle label" transform="translate(11,{middle:.0f}) rotate(-90)">'
        f"{_text(y.label)}</text>"
    )
    return "".join(parts), at_x, at_y, left


def _x_axis(x: Axis, at_x: Callable[[float], float], top: float, bottom: float, left: float) -> str:
    parts = []
    room = (WIDTH - _RIGHT - left) / (max(_width(_tick(t)) for t in x.ticks()) + 14)
    for tick in x.ticks(max(2, min(7, int(room)))):
        at, shown = at_x(tick), _tick(tick)
        within = min(at, WIDTH - _width(shown) / 2 - 2)  # the last one would be cut
        parts.append(f'<path class="grid" d="M{at:.1f},{top}V{bottom:.1f}"/>')
        parts.append(f'<text class="middle" x="{within:.1f}" y="{bottom + 15:.1f}">{shown}</text>')
    # Under the middle of the plot, or as near as it is whole.
    half = _width(x.label) / 2 + 2
    middle = max(half, min((left + WIDTH - _RIGHT) / 2, WIDTH - half))
    where = f'x="{middle:.0f}" y="{bottom + 34:.1f}"'
    parts.append(f'<text class="middle label" {where}>{_text(x.label)}</text>')
    return "".join(parts)


def _text(text: str) -> str:
    return html.escape(one_line(text, _LONGEST))


def _width(text: str) -> float:
    # About, in pixels: fonts differ. Chinese, Japanese and Korean letters are square.
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return _LETTER * (len(text) - wide) + _WIDE_LETTER * wide


def _label_width(labels: Sequence[str]) -> float:
    return min(_LABELS, max(map(_width, labels), default=0.0) + 12)


def _row_label(text: str, left: float, y: float, style: str = "end") -> str:
    shown = one_line(text, _LONGEST)
    while len(shown) > 1 and _width(shown) > left - 10:
        shown = shown.removesuffix("…")[:-1] + "…"
    return f'<text class="{style}" x="{left - 8:.0f}" y="{y + 4:.1f}">{_text(shown)}</text>'


def _whisker(x1: float, y1: float, x2: float, y2: float, style: int) -> str:
    return f'<path class="whisker s{style}" d="M{x1:.1f},{y1:.1f}L{x2:.1f},{y2:.1f}"/>'


def _marker(x: float, y: float, style: int, tip: str, r: float) -> str:
    # Models differ in shape as well as colour, for print and for the colour-blind.
    shapes = (
        f"M{x - r:.1f},{y:.1f}a{r},{r} 0 1,0 {2 * r},0a{r},{r} 0 1,0 {-2 * r},0Z",
        f"M{x - r:.1f},{y - r:.1f}h{2 * r}v{2 * r}h{-2 * r}Z",
        f"M{x:.1f},{y - 1.3 * r:.1f}l{1.2 * r:.2f},{2.2 * r:.2f}h{-2.4 * r:.2f}Z",
        f"M{x:.1f},{y - 1.35 * r:.1f}l{1.35 * r:.2f},{1.35 * r:.2f}l{-1.35 * r:.2f},{1.35 * r:.2f}"
        f"l{-1.35 * r:.2f},{-1.35 * r:.2f}Z",
    )
    return f'<path class="fill s{style}" d="{shapes[style % 4]}"><title>{_text(tip)}</title></path>'


def _dot(x: float, y: float, turn: int | None, style: int, tip: str) -> str:
    # A point; or, for one beyond the axis, an arrow to the right, turned clockwise by degrees.
    if turn is None:
        return _marker(x, y, style, tip, 2.6)
    place = f"translate({x:.1f},{y:.1f}) rotate({turn})"
    path = f'<path class="whisker s{style}" d="M-6,-4L0,0L-6,4" transform="{place}">'
    return f"{path}<title>{_text(tip)}</title></path>"


def _meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _svg(parts: Sequence[str], height: float, title: str) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'aria-label="{_text(title)}">{"".join(parts)}</svg>'
    )
