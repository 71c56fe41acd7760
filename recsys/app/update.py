"""Updating a model file with new ratings, without training it again."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.app.reading import OnAccount, no_account, read_and_account
from recsys.app.recipe import model_file_to_write
from recsys.ratings.source import Source
from recsys.settings import option

if TYPE_CHECKING:
    from recsys.recommend.drift import Drift
    from recsys.recommend.recommender import Recommender


@dataclass(frozen=True, kw_only=True)
class UpdateRequest(Source):
    """Which model, the new ratings, and where to write the result."""

    model: str = option(meaning="Model file, with its history.")
    out: str | None = option(
        None,
        flags=("--out", "-o"),
        metavar="FILE",
        meaning="Model file to write.",
        default_text="replaces MODEL",
    )


@dataclass(frozen=True)
class Updated:
    """What an update did."""

    model: Recommender
    path: Path
    joined: Drift
    """What this update added."""
    remarks: tuple[str, ...]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        joined = self.joined
        return {
            "path": str(self.path),
            "added": {"ratings": joined.added, "users": joined.users, "items": joined.items},
            "changed": joined.changed,
            "drift": self.model.drift.to_dict(),
            "remarks": list(self.remarks),
            "seconds": self.seconds,
        }


def update(request: UpdateRequest, on_account: OnAccount = no_account) -> Updated:
    """Reads the new ratings as those of the training were read, updates, saves.

    Raises:
        ArgumentError: the file cannot be written, or an id is of another kind than the model's.
        DataError: the ratings cannot be read, or do not suit the model.
        ModelError: the model has no history, or a row has no finite solution.
        ModelFileError: the model file cannot be read.
    """
    from recsys.recommend.update import remarks, require_history
    from recsys.store.model_file import load, read_about, save

    started = time.perf_counter()
    model, measured = load(request.model), read_about(request.model).get("measured")
    out = model_file_to_write(request.model if request.out is None else request.out, "out")
    require_history(model)
    new = read_and_account(_as_in_training(request, model), on_account)
    updated = model.update(new)
    path = save(updated, out, measured=measured)
    joined = updated.drift.since(model.drift)
    return Updated(updated, path, joined, remarks(updated), time.perf_counter() - started)


def _as_in_training(request: UpdateRequest, model: Recommender) -> UpdateRequest:
    # Repeats and missing values mean what they meant, unless the request says otherwise.
    from recsys.recommend.update import duplicates_of

    missing = request.missing
    if missing is None:
        missing = (model.account or {}).get("missing") or None
    return replace(request, duplicates=duplicates_of(model), missing=missing)
