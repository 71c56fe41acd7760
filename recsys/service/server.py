"""Runs the service on uvicorn, in one process or several, until a signal ends it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import uvicorn
from fastapi import FastAPI

from recsys.app.serve import ServeRequest
from recsys.errors import ArgumentError
from recsys.service.application import create_app
from recsys.service.workers import supervise
from recsys.store.model_file import read_about

GRACE = 30
"""Seconds that running requests get after SIGTERM."""

OnReady = Callable[[str], None]


def serve(request: ServeRequest, on_ready: OnReady = lambda _: None) -> None:
    """Serves until SIGTERM or Ctrl-C, and lets running requests finish.

    Args:
        request: what to serve, and where.
        on_ready: receives the address as soon as requests are answered.

    Raises:
        ArgumentError: the address cannot be used.
        ModelFileError: the model file cannot be read.
        Terminated: SIGTERM came, and running requests were answered.
        KeyboardInterrupt: likewise Ctrl-C.
    """
    read_about(request.model)  # before anything starts
    with _listening(request) as port, _environment({"RECSYS_NUM_THREADS": "1"}):
        host = f"[{request.host}]" if ":" in request.host else request.host
        ready = partial(on_ready, f"http://{host}:{port.getsockname()[1]}")
        if request.workers == 1:
            run(request, port, ready)
        else:
            supervise(partial(run, request, port), request.workers, ready, GRACE + 5)


def run(request: ServeRequest, port: socket.socket, on_ready: Callable[[], None]) -> None:
    """One process of the service; returns, or raises the signal again, when it has ended."""
    config = uvicorn.Config(
        partial(application, request),
        factory=True,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=30,
    )
    _Server(config, on_ready).run([port])


def application(request: ServeRequest) -> FastAPI:
    """The application of a request; each process makes its own."""
    return create_app(request.model)


class _Server(uvicorn.Server):
    # Says when it listens.

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()


@contextmanager
def _listening(request: ServeRequest) -> Iterator[socket.socket]:
    # The port, which all workers share.
    try:
        found = socket.getaddrinfo(request.host, request.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        port = socket.socket(family, kind, protocol)
        port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port.bind(address)
    except OSError as error:
        raise ArgumentError(
            f"cannot listen at {request.host}, port {request.port}: {error.strerror or error}; "
            "choose another with --host or --port"
        ) from None
    with port:
        yield port


@contextmanager
def _environment(wanted: Mapping[str, str]) -> Iterator[None]:
    # One thread for each question: the workers are what runs at the same time.
    missing = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(missing)
    try:
        yield
    finally:
        for name in missing:
            del os.environ[name]
