"""What a run says: a Markdown table of ours, other libraries' and published rows, and remarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from benchmark_tables import row

from protocols.record import Material, Measure, Procedure
from protocols.run import Row
from protocols.summary import Difference, Value, difference


def section(
    procedure: Procedure, material: Material, rows: Sequence[Row], remarks: Sequence[str]
) -> str:
    """The table and everything that is to be known about it, in Markdown."""
    parts = [
        f"{procedure.title}. "
        + ", ".join(f"{n:,} {name}" for name, n in material.counts.items())
        + ".",
        table(procedure, rows),
        differences(procedure.task.measures, rows),
        _by_part(rows[0]),
    ]
    parts.append("\n".join(f"- {remark}" for remark in all_remarks(procedure, material, remarks)))
    return "\n\n".join(part for part in parts if part) + "\n"


def table(procedure: Procedure, rows: Sequence[Row]) -> str:
    """A line per contender, then one per published row."""
    measures = procedure.task.measures
    heads = ["", *(one.name for one in measures), "seconds a fit", "settings or source"]
    lines = [row(heads), "|---" * len(heads) + "|"]
    for one in rows:
        cells = (cell(measure, one.values[measure.name]) for measure in measures)
        name = one.name if one.is_peer else f"**{one.name}**"
        lines.append(row([name, *cells, f"{one.seconds:.3g}", one.settings]))
    for published in procedure.published:
        given = (published.values.get(measure.name) for measure in measures)
        cells = ("" if value is None else as_published(value) for value in given)
        lines.append(row([published.name, *cells, "", published.source]))
    return "\n".join(lines)


def differences(measures: Sequence[Measure], rows: Sequence[Row]) -> str:
    """How far ours are from the best of the other libraries by the first measure, if any ran."""
    best = best_peer(measures, rows)
    if best is None:
        return ""
    shown = [one for one in measures if one.interval]
    heads = [f"less {best.name}", *(one.name for one in shown)]
    lines = [row(heads), "|---" * len(heads) + "|"]
    for one in rows:
        if not one.is_peer:
            found = (difference(measure, one.runs, best.runs) for measure in shown)
            lines.append(row([f"**{one.name}**", *map(as_difference, found)]))
    return "\n".join(lines)


def best_peer(measures: Sequence[Measure], rows: Sequence[Row]) -> Row | None:
    """The best of the other libraries by the first measure; None where none ran."""
    first, theirs = measures[0], [one for one in rows if one.is_peer]
    choose = min if first.is_error else max
    return choose(theirs, key=lambda one: one.values[first.name].mean, default=None)


def as_difference(found: Difference) -> str:
    """A difference, also as a share, with its interval over users.

    >>> as_difference(Difference(-0.009, -0.012, -0.006, -0.01))
    '-0.0090 (-1.0 %) [-0.0120, -0.0060]'
    """
    share, interval = 100 * found.share, f"[{found.low:+.4f}, {found.high:+.4f}]"
    return f"{found.mean:+.4f} ({share:+.1f} %) {interval}"


def cell(measure: Measure, value: Value) -> str:
    """A mean with its interval over users, and with that over seeds where there are several.

    >>> cell(Measure("RMSE"), Value(0.9, 0.88, 0.92, [0.9], {"all": 0.9}))
    '0.9000 [0.8800, 0.9200]'
    """
    if not measure.interval:
        return f"{value.mean:.3f}"
    text = f"{value.mean:.4f} [{value.low:.4f}, {value.high:.4f}]"
    return text if np.isnan(value.over_seeds) else f"{text} ± {value.over_seeds:.4f}"


def as_published(value: float) -> str:
    """All digits of a number, and at least three after the point.

    >>> as_published(0.91), as_published(0.782414)
    ('0.910', '0.782414')
    """
    digits = f"{value:.6f}".rstrip("0")
    return digits if len(digits) >= 5 else f"{value:.3f}"


def all_remarks(procedure: Procedure, material: Material, more: Sequence[str]) -> tuple[str, ...]:
    """Everything that does not match, or that is to be known."""
    differing = [
        f"The data differ from the published: {material.counts[name]:,} {name}, not {n:,}."
        for name, n in (procedure.counts or {}).items()
        if material.counts[name] != n
    ]
    return (*differing, *material.remarks, *procedure.remarks, *more)


def _by_part(first: Row) -> str:
    # The parts of the first contender, by its first measure.
    name = first.measures[0].name
    parts = [f"{part} {value:.4f}" for part, value in first.values[name].by_part.items()]
    return f"{name} of {first.name} by part: {', '.join(parts)}." if len(parts) > 1 else ""


def document(
    procedure: Procedure, material: Material, rows: Sequence[Row], remarks: Sequence[str]
) -> dict[str, Any]:
    """Everything, ready for JSON."""
    measured = [
        {
            "name": one.name,
            "kind": "peer" if one.is_peer else "ours",
            "settings": one.settings,
            "seconds": one.seconds,
            "values": {name: value.to_dict() for name, value in one.values.items()},
        }
        for one in rows
    ]
    published = [
        {"name": one.name, "kind": "published", "source": one.source, "values": dict(one.values)}
        for one in procedure.published
    ]
    return {
        "protocol": procedure.name,
        "title": procedure.title,
        "counts": dict(material.counts),
        "rows": [*measured, *published],
        "remarks": list(all_remarks(procedure, material, remarks)),
    }
