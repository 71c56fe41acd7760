"""What a model file holds, and whether the numbers behind it are sound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.app.answer import rows_of
from recsys.app.map import FIGURES
from recsys.errors import ArgumentError
from recsys.files import output_file
from recsys.settings import Settings, option

if TYPE_CHECKING:
    from recsys.maps.health import Health


@dataclass(frozen=True, kw_only=True)
class InspectRequest(Settings):
    """Which model file, and how deep to look."""

    model: str = option(meaning="Model file.")
    health: bool = option(False, meaning="Check the equations behind the model instead.")
    figure: str | None = option(
        None, metavar="FILE", meaning="With --health: also draw a figure, as .png, .svg or .pdf."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.figure is not None and not self.health:
            raise ArgumentError("figure needs --health")


@dataclass(frozen=True)
class Description:
    """What a model file holds."""

    about: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return dict(self.about)


@dataclass(frozen=True)
class Examination:
    """The health of the numbers behind a model."""

    health: Health
    figure: Path | None
    """The file that was written."""

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        symptoms = [vars(symptom) for symptom in self.health.symptoms]
        worst = rows_of(self.health.worst())
        summary = dict(self.health.summary())
        return summary | {"symptoms": symptoms, "worst conditioned": worst}


def inspect(request: InspectRequest) -> Description | Examination:
    """What the model file holds, or with `health` whether its numbers are sound.

    Raises:
        ArgumentError: the figure cannot be written.
        ModelFileError: the model file cannot be read.
    """
    return examine(request) if request.health else describe(request.model)


def describe(path: str) -> Description:
    """What a model file holds."""
    from recsys.store.model_file import load, read_about

    model, about = load(path), read_about(path)
    factors, history = model.fitted, model.history
    described: dict[str, Any] = {
        "file": str(path),
        "size": Path(path).stat().st_size,
        "spec": factors.spec.to_dict(),
        "feedback": str(model.feedback),
        "users": len(factors.users),
        "items": len(factors.items),
        "ratings": None if history is None else int(history.nnz),
        "mean": getattr(factors, "mean", None),
        "item columns": list(model.item_table.columns),
        "epochs": len(factors.log),
        "loss": [p.loss for p in factors.log],
        "created": about["created"],
        "versions": about["versions"],
        "data_fingerprint": about["data_fingerprint"],
        "account": model.account,
        "search": model.search,
        "measured": about.get("measured"),
        "drift": model.drift.to_dict(),
    }
    if factors.n_factors:
        described["factor norms"] = _norms(factors)
    return Description(described)


def examine(request: InspectRequest) -> Examination:
    """The health of the numbers behind a model, drawn into `figure` if that is given."""
    from recsys.maps.health import health
    from recsys.maps.plots import save_figure
    from recsys.store.model_file import load

    file = None
    if request.figure is not None:
        file = output_file(request.figure, "figure", FIGURES)
    found = health(load(request.model))
    if file is not None:
        save_figure(found.plot(), file)
    return Examination(found, file)


def _norms(factors: Any) -> Mapping[str, float]:
    # The median and the largest length of the vectors of both sides.
    import numpy as np

    found = {}
    for side in ("user", "item"):
        lengths = np.linalg.norm(getattr(factors, f"{side}_factors"), axis=1)
        found[f"{side}, median"] = float(np.median(lengths))
        found[f"{side}, largest"] = float(lengths.max(initial=0))
    return found
