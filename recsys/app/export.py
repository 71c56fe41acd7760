"""The factors of a model as files for other systems."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.settings import Settings, option

if TYPE_CHECKING:
    from recsys.recommend.recommender import Recommender


@dataclass(frozen=True, kw_only=True)
class ExportRequest(Settings):
    """Which model, to what, and where to."""

    model: str = option(meaning="Model file.")
    to: str = option(
        "parquet",
        choices=("parquet", "npz"),
        meaning="Format: two Parquet files, or one file of NumPy arrays.",
    )
    out: str = option("factors", metavar="FOLDER", meaning="Folder to write the files to.")


def export(request: ExportRequest, model: Recommender | None = None) -> list[Path]:
    """Writes the files and returns them; see `recsys.store.export.export`.

    Raises:
        ArgumentError: the folder cannot be written to.
        ModelError: the model has no factors.
        ModelFileError: the model file cannot be read.
    """
    from recsys.store import export as store
    from recsys.store.model_file import load

    model = load(request.model) if model is None else model
    return store.export(model, request.out, request.to)
