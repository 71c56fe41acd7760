"""What is known of a model: when it was trained, on how much, how good it is, how old it grows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from recsys.evaluation.search.record import lines
from recsys.store.model_file import read_about

if TYPE_CHECKING:
    from recsys.service.calls import Json
    from recsys.service.service import Service
    from recsys.service.snapshot import Snapshot

_KEPT = "what is known of the model"
_METRICS = ("ndcg", "hit_rate", "recall", "precision", "mrr", "map", "auc", "rmse", "mae")
"""Those that say how accurate a model is; a file has others, too."""


def known_of(service: Service, snapshot: Snapshot) -> Json:
    """Fields for `GET /v1/model`, computed once for each model."""
    kept = snapshot.model.derived.get(_KEPT)
    if kept is None:
        kept = snapshot.model.derived[_KEPT] = _known(service, snapshot)
    found: Json = kept
    return found


def _known(service: Service, snapshot: Snapshot) -> Json:
    model = snapshot.model
    about: Mapping[str, Any] = {} if snapshot.file is None else read_about(snapshot.file)
    return {
        "algorithm": type(model.fitted.spec).__name__,
        "trained": about.get("created"),
        "n_ratings": model.drift.trained,
        "accuracy": [
            {"by": by, "said": said} for by, said in _accuracy(service, snapshot, about) if said
        ],
        "drift": model.drift.to_dict(),
    }


def _accuracy(
    service: Service, snapshot: Snapshot, about: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    # Sentences, because a search, a gate and whoever saved the model measure different things.
    yield from _measured(about.get("measured") or {})
    if snapshot.model.search is not None:
        # Its recipe and what it says of feedback are no accuracy.
        yield from (line for line in lines(snapshot.model.search) if line[0] == "searched")
    if service.store is not None and isinstance(snapshot.version, int):
        gate = service.store.models.get(snapshot.version).gate or {}
        yield "gate", str(gate.get("sentence", ""))


def _measured(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    # What `train --test` and `retrain` measured, or whatever else somebody saved with a model.
    metrics = found.get("metrics")
    if not isinstance(metrics, Mapping):
        if found:
            yield "measured", ", ".join(f"{name} {_short(one)}" for name, one in found.items())
        return
    for name, of in metrics.items():
        if name.partition("@")[0] in _METRICS and isinstance(of, Mapping):
            interval = f" ({_short(of.get('low'))} to {_short(of.get('high'))})"
            yield name, _short(of.get("mean")) + (interval if "low" in of else "")
    yield "measured on", str(found.get("split", ""))


def _short(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
