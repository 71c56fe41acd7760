"""A run of an evaluation as a checkpoint keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import pandas as pd

from recsys.evaluation.protocol.measure import Measurement
from recsys.models.common import Progress
from recsys.models.kept import Entry

_CURVE = "curve."
_BY_RATING = "by_rating."


@dataclass(frozen=True, eq=False)
class Measured:
    """A contender that was trained and measured."""

    found: Measurement
    spec: Mapping[str, Any]
    """Hyperparameters that were fitted."""
    log: tuple[Progress, ...]
    fit_seconds: float
    measure_seconds: float


def entry_of(run: Measured) -> Entry:
    """The run without the ids of its users, which those of the split are."""
    found = run.found
    columns = [name for name in found.values.columns if name != "user"]
    arrays = {
        "values": found.values[columns].to_numpy(np.float64),
        "segment_hits": found.segment_hits,
    }
    arrays |= {f"{_CURVE}{name}": curve for name, curve in found.curves.items()}
    arrays |= {f"{_BY_RATING}{name}": one.to_numpy() for name, one in found.by_rating.items()}
    about = {
        "columns": columns,
        "catalogue": found.catalogue,
        "curves": list(found.curves),
        "by_rating": list(found.by_rating.columns),
        "spec": dict(run.spec),
        "log": [astuple(progress) for progress in run.log],
        "seconds": [run.fit_seconds, run.measure_seconds],
    }
    return Entry(arrays, about)


def run_of(entry: Entry, users: Any) -> Measured:
    """The run that `entry_of` described, of these users."""
    arrays, about = entry
    values = dict(zip(about["columns"], arrays["values"].T, strict=True))
    found = Measurement(
        values=pd.DataFrame({"user": users} | values),
        catalogue=about["catalogue"],
        curves={name: arrays[f"{_CURVE}{name}"] for name in about["curves"]},
        segment_hits=arrays["segment_hits"],
        by_rating=pd.DataFrame({n: arrays[f"{_BY_RATING}{n}"] for n in about["by_rating"]}),
    )
    log = tuple(Progress(*line) for line in about["log"])
    return Measured(found, about["spec"], log, *about["seconds"])
