"""`Answer`: what a question to a model returns, ready for a terminal or for JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recsys import notebook
from recsys.ids import in_json

if TYPE_CHECKING:
    import pandas as pd

    from recsys.recommend.answer import Table
    from recsys.recommend.explain import Explanation


@dataclass(frozen=True, eq=False)
class Answer:
    """A table of items or users, best first, and what belongs to it."""

    title: str
    """What the table shows, such as "For user 196"."""
    asked: Mapping[str, Any]
    """What was asked, for JSON."""
    table: Table
    """Columns rank, item or user, score, and what is known of the items."""
    past: Table | None = None
    """What the user liked, where that was asked for."""
    noun: str = "rating"
    """What people call the values of the column `rating`: rating, count, hours, ..."""
    reasons: Sequence[Explanation] = ()
    """Why each row of the table is there, where that was asked for."""

    @property
    def remarks(self) -> list[str]:
        """Sentences about the table: why it is short, and what its scores do not say."""
        return self.table.remarks

    def _repr_html_(self) -> str:
        columns = {name: self.table.column(name) for name in self.table.shown}
        return notebook.block(self.title, notebook.table(columns), notes=self.remarks)

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON. Missing values are None."""
        found = dict(self.asked) | self.table.to_dict()
        if self.reasons:
            found["why"] = [one.to_dict() for one in self.reasons]
        return found | ({} if self.past is None else {"liked": self.past.to_dict()["rows"]})


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a DataFrame, ready for JSON. Missing values are None, ids beyond 2⁵³ text."""
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=6))
    return [{name: in_json(value) for name, value in row.items()} for row in rows]
