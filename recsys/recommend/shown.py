"""A recommender in a notebook."""

from __future__ import annotations

from recsys import notebook
from recsys.models import shown
from recsys.recommend.parts import ModelParts


def html(model: ModelParts) -> str:
    """What the model is, what it knows of its items and users, and what it was trained on."""
    kept = model.history
    lines = [
        *shown.lines(model.fitted),
        ("feedback", str(model.feedback)),
        ("history", "none: it was not saved" if kept is None else f"{kept.nnz:,} ratings"),
        ("items", ", ".join(model.items.columns) or "only their ids are known"),
    ]
    for side, found in model.features.items():
        known = ", ".join(column.name for column in found.coding.columns)
        lines.append((f"features of {side}", known))
    for purpose, about in model.index_report.items():
        said = (
            f"recall {about.recall:.3f}"
            if about.approximate
            else "none, because exact search is as fast"
        )
        lines.append((f"index to {purpose}", said))
    if model.fingerprint:
        lines.append(("data", f"fingerprint {model.fingerprint[:16]}"))
    return notebook.block("Recommender", notebook.pairs(lines))
