"""Counts and times for Prometheus, of one process or of all workers together."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.responses import Response

if TYPE_CHECKING:
    from recsys.service.live import Live

SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable of prometheus_client: the folder in which workers add up their counts."""

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_OF_PROCESS = (
    ("running", "Requests in progress.", "livesum"),
    ("reloads", "Number of times another model was put into service.", "livemax"),
    ("model_loaded_seconds", "When the model was loaded.", "livemin"),
    ("model_users", "Users of the model.", "livemax"),
    ("model_items", "Items of the model.", "livemax"),
    ("model_refused", "Whether the latest new model was refused.", "livemax"),
    ("lists_lost", "Served lists that could not be written to the store.", "livesum"),
)
"""Name, meaning, and how the values of several workers become one."""


class Metrics:
    """What one application counts."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        more: Any = {"registry": self._registry}
        self._requests = Counter(
            "recsys_requests", "Requests by route, method and status.",
            ["route", "method", "status"], **more,
        )  # fmt: skip
        self._seconds = Histogram(
            "recsys_request_seconds", "Time to answer, by route.", ["route"],
            buckets=_SECONDS, **more,
        )  # fmt: skip
        self._folded = Counter("recsys_folded_in", "Lists for users who were folded in.", **more)
        self._stored = Counter("recsys_stored", "Lists from stored factors.", **more)
        modes: Any = _OF_PROCESS
        self._of_process: dict[str, Gauge] = {
            name: Gauge(f"recsys_{name}", meaning, multiprocess_mode=mode, **more)
            for name, meaning, mode in modes
        }  # fmt: skip
        self._routes: dict[tuple[str, str, int], tuple[Any, Any]] = {}
        self.running = 0

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """One request."""
        key = route, method, status
        found = self._routes.get(key)
        if found is None:
            labels = self._requests.labels(route, method, str(status))
            found = self._routes[key] = labels, self._seconds.labels(route)
        found[0].inc()
        found[1].observe(seconds)

    def listed(self, folded_in: bool) -> None:
        """One list for one person."""
        (self._folded if folded_in else self._stored).inc()

    def response(self, live: Live, n_lost: int) -> Response:
        """The text that Prometheus reads."""
        snapshot = live.now()
        values = {
            "running": self.running,
            "reloads": live.n_reloads,
            "model_loaded_seconds": snapshot.loaded,
            "model_users": len(snapshot.model.fitted.users),
            "model_items": len(snapshot.model.fitted.items),
            "model_refused": float(live.refused is not None),
            "lists_lost": n_lost,
        }
        for name, value in values.items():
            self._of_process[name].set(value)
        registry = self._registry
        if SHARED in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        about = snapshot.about
        text = generate_latest(registry).decode() + _info(about["name"], about["version"])
        return Response(text, media_type=CONTENT_TYPE_LATEST)


def _info(name: str, version: object) -> str:
    # The model as labels. prometheus_client's own Info does not work with several processes.
    escaped = [str(one).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
               for one in (name, version)]  # fmt: skip
    return (
        "# HELP recsys_model_info The model in service.\n# TYPE recsys_model_info gauge\n"
        f'recsys_model_info{{name="{escaped[0]}",version="{escaped[1]}"}} 1.0\n'
    )
