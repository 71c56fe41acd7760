"""Which model is in service, and whether the service is well."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from recsys import __version__
from recsys.errors import ArgumentError
from recsys.service.asked import Nothing
from recsys.service.calls import Call, Json, Route
from recsys.service.known import known_of
from recsys.service.routes.shapes import MODEL, record


def model(call: Call) -> Json:
    """The model in service, and the latest file that could not replace it."""
    call.asked(Nothing)
    live, snapshot = call.service.live, call.snapshot
    fitted = snapshot.model.fitted
    before = live.before
    return {
        "model": snapshot.about,
        "spec": fitted.spec.to_dict(),
        "n_users": len(fitted.users),
        "n_items": len(fitted.items),
        "scale": snapshot.model.scale,
        "loaded": _time(snapshot.loaded),
        "file": None if snapshot.file is None else snapshot.file.name,
        "before": None if before is None else before.about,
        "refused": _refused(live.refused),
        "store": call.service.store is not None,
    } | known_of(call.service, snapshot)


def _refused(found: Mapping[str, Any] | None) -> Json | None:
    return None if found is None else {**found, "time": _time(found["time"])}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def change(call: Call) -> Json:
    """Lets another model serve: a file of the same folder, or a version of the shelf."""
    unknown = set(call.fields) - {"file", "version"}
    if unknown or len(call.fields) != 1:
        raise ArgumentError("the body must be {'file': NAME} or {'version': NUMBER}")
    return {"model": call.service.live.change(call.fields).about}


def rollback(call: Call) -> Json:
    """Lets serve what served before."""
    call.asked(Nothing)
    return {"model": call.service.live.rollback().about}


def metrics(call: Call) -> Response:
    """Counts and times, as Prometheus reads them."""
    traffic = call.service.traffic
    n_lost = 0 if traffic is None else traffic.n_lost
    return call.service.metrics.response(call.service.live, n_lost)


def health(call: Call) -> Json:
    """The process runs."""
    return {"status": "ok", "version": __version__, "seconds": time.time() - call.service.started}


def ready(call: Call) -> Json:
    """It can answer: there is a model, and the store answers where there is one."""
    if call.service.store is not None:
        _ = call.service.store.seq
    return {"status": "ready", "model": call.snapshot.about}


_STATUS = record(status={"type": "string"})

ROUTES = (
    Route(
        method="GET", path="/v1/model", handler=model, tag="service",
        summary="The model in service",
        answer=record(model=MODEL, spec={"type": "object"}, n_users={"type": "integer"}),
    ),
    Route(
        method="POST", path="/v1/model", handler=change, tag="service", scope="admin",
        body={"file": {"type": "string"}, "version": {"type": "integer"}}, threaded=True,
        summary="Serve another model file from the folder, or another version from the shelf",
        answer=record(model=MODEL), example={"file": "model.safetensors"}, patient=True,
    ),
    Route(
        method="POST", path="/v1/model/rollback", handler=rollback, tag="service", scope="admin",
        summary="Return to the previous model", answer=record(model=MODEL), threaded=True,
        patient=True,
    ),
    Route(
        method="GET", path="/v1/metrics", handler=metrics, tag="service", threaded=True,
        summary="Metrics for Prometheus",
    ),
    Route(
        method="GET", path="/v1/health", handler=health, tag="service", scope=None,
        summary="Whether the process is running", answer=_STATUS,
    ),
    Route(
        method="GET", path="/v1/ready", handler=ready, tag="service", scope=None, threaded=True,
        summary="Whether the service can answer", answer=_STATUS,
    ),
)  # fmt: skip
