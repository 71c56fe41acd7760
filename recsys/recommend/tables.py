"""Answers as tables of items, and the words for a short one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.models.common import FloatArray
from recsys.recommend.answer import Table
from recsys.recommend.choice import Choice
from recsys.recommend.parts import ModelParts

FROM_FEATURES = "from features: no ratings that count"
"""The remark on an item that is known by its features alone."""


def why_filtered(model: ModelParts, where: str, n: int, otherwise: str) -> str:
    """Why a condition that n items meet leaves few: a text that no item has, perhaps."""
    from recsys.recommend.filters.masks import hint

    found = hint(where, model.item_columns)
    if found:
        return f"{n} items meet the condition, and {found}"
    return otherwise if n else "no item meets the condition"


def item_table(
    model: ModelParts,
    rows: npt.NDArray[np.integer],
    scores: FloatArray,
    n: int,
    why_short: str,
    called: str = "score",
) -> Table:
    """Items by row, best first, with their scores; short of n, with the reason."""
    ranks = np.arange(1, len(rows) + 1)
    answer: dict[str, Any] = {"rank": ranks, "item": model.fitted.items.ids[rows], called: scores}
    if "items" in model.features:
        described = model.from_features("items")[rows]
        if described.any():
            answer["remark"] = marked(described)
    return shortened(Table(answer, model.items, rows), n, why_short)


def marked(described: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """The remarks on some items, of which those that are described come from features."""
    remarks = np.full(len(described), None, object)
    remarks[described] = FROM_FEATURES
    return remarks


def shortened(table: Table, n: int, why: str) -> Table:
    """The table, with a note where it has fewer than n rows."""
    if len(table) >= n:
        return table
    return table.noting(shortfall=f"{len(table)} of the {n} requested: {why}")


def why_no_more(vector: FloatArray, kind: str) -> str:
    """Why there are no more items or users like one with this vector."""
    if vector.any():
        return f"there are no more {kind}"
    return "it has no ratings that count for the model, so nothing is similar"


def checked_n(n: int) -> int:
    """A number of rows; raises ArgumentError where n is none."""
    return int(Choice(n=n).n)
