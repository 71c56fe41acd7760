"""What is known of a model: when it was trained, on how much, how good it is, how old it grows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from recsys.errors import RecsysError
from recsys.evaluation.search.record import lines
from recsys.store.model_file import read_about

if TYPE_CHECKING:
    from recsys.service.calls import Json
    from recsys.service.service import Service
    from recsys.service.snapshot import Snapshot

_KEPT = "what is known of the model"
_METRICS = ("ndcg", "hit_rate", "recall", "auc", "rmse")
"""Those that say in short how accurate a model is; a file has others, too."""


def known_of(service: Service, snapshot: Snapshot) -> Json:
    """Fields for `GET /v1/model`, computed once for each model."""
    kept: Json | None = snapshot.model.derived.get(_KEPT)
    if kept is not None:
        return kept
    found: Mapping[str, Any] = {}
    whole = True
    try:
        found = _header(snapshot)
        gate = _gate(service, snapshot)
    except RecsysError:  # the file or the store is away: say what is known without it
        gate, whole = "", False
    known = _known(snapshot, found, gate)
    if whole:
        snapshot.model.derived[_KEPT] = known
    return known


def _header(snapshot: Snapshot) -> Mapping[str, Any]:
    if snapshot.file is None:
        return {}
    found = read_about(snapshot.file)
    # Another model may lie there by now.
    same = found.get("data_fingerprint") == snapshot.base.fingerprint
    return found if same else {}


def _gate(service: Service, snapshot: Snapshot) -> str:
    # By what evidence the version came into service.
    if service.store is None or not isinstance(snapshot.version, int):
        return ""
    found = service.store.models.get(snapshot.version).gate or {}
    return str(found.get("sentence", ""))


def _known(snapshot: Snapshot, about: Mapping[str, Any], gate: str) -> Json:
    model = snapshot.model
    return {
        "algorithm": type(model.fitted.spec).__name__,
        "trained": about.get("created"),
        "n_ratings": model.drift.trained,
        "accuracy": [
            {"by": by, "said": said} for by, said in _accuracy(snapshot, about, gate) if said
        ],
        "drift": model.drift.to_dict(),
    }


def _accuracy(snapshot: Snapshot, about: Mapping[str, Any], gate: str) -> Iterator[tuple[str, str]]:
    # Sentences, because a search, a gate and whoever saved the model measure different things.
    yield from _measured(about.get("measured") or {})
    if snapshot.model.search is not None:
        # Its recipe and what it says of feedback are no accuracy.
        yield from (line for line in lines(snapshot.model.search) if line[0] == "searched")
    yield "gate", gate


def _measured(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    # What `train --test` and `retrain` measured, or whatever else somebody saved with a model.
    metrics = found.get("metrics")
    if not isinstance(metrics, Mapping):
        if found:
            yield "measured", ", ".join(f"{name} {_short(one)}" for name, one in found.items())
        return
    for wanted in _METRICS:
        for name, of in metrics.items():
            if name.partition("@")[0] == wanted and isinstance(of, Mapping):
                interval = f" ({_short(of.get('low'))}–{_short(of.get('high'))})"
                yield name, _short(of.get("mean")) + (interval if "low" in of else "")
    yield "measured on", str(found.get("split", ""))


def _short(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
