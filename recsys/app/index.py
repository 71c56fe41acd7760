"""An approximate index of a model, in a file next to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.settings import Settings, option

if TYPE_CHECKING:
    from recsys.recommend.approximate import About


@dataclass(frozen=True, kw_only=True)
class IndexRequest(Settings):
    """Of which model, how good, and where to."""

    model: str = option(meaning="Model file.")
    recall: float = option(
        0.99, low=0.5, high=1, meaning="Share of the exact top 10 that the index must find."
    )
    always: bool = option(False, meaning="Build an index even if the exact search is as fast.")
    out: str | None = option(
        None,
        metavar="FILE",
        meaning="Index file to write.",
        default_text="the model file with .index added",
    )


@dataclass(frozen=True)
class Indexed:
    """What was measured, and the file."""

    report: Mapping[Any, About]
    path: Path | None
    """None where no index pays."""

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        found = {name: one.to_dict() for name, one in self.report.items()}
        return {"indexes": found, "saved": None if self.path is None else str(self.path)}


def index(request: IndexRequest) -> Indexed:
    """Builds the indexes that pay and writes them.

    Raises:
        ModelError: the model has no factors, or usearch is not installed.
        ModelFileError: the model file cannot be read, or the index not be written.
    """
    from recsys.store.index_file import save_index
    from recsys.store.model_file import load

    model = load(request.model).indexed(request.recall, always=request.always)
    path = None
    if model.approximate:
        path = save_index(model, request.out or f"{request.model}.index")
    return Indexed(model.index_report, path)
