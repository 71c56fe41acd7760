"""Runs the service on uvicorn, in one process or several, until a signal ends it."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from recsys.app.serve import ServeRequest
from recsys.errors import ArgumentError
from recsys.files import temporary_folder
from recsys.service import logs
from recsys.service.application import create_app
from recsys.service.guard import LOCAL
from recsys.service.metrics import SHARED
from recsys.service.workers import supervise
from recsys.store.database.ratings_store import RatingsStore
from recsys.store.model_file import read_about

GRACE = 30
"""Seconds that running requests get after SIGTERM."""

_MOST_CONNECTIONS = 1000  # of one worker; more are answered with 503

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
    if request.model is not None:
        read_about(request.model)  # before anything starts
    # One thread for each question: the workers are what runs at the same time.
    environment = {"RECSYS_NUM_THREADS": "1"}
    with _listening(request) as port, temporary_folder(prefix="recsys-serve-") as folder:
        host = f"[{request.host}]" if ":" in request.host else request.host
        ready = partial(on_ready, f"http://{host}:{port.getsockname()[1]}")
        if request.workers == 1:
            with _environment(environment):
                run(request, None, port, ready)
            return
        if request.store is not None:  # made once, before the workers open it
            RatingsStore.open(request.store, create=True).close()
        changes = folder / "changes"
        changes.touch()
        with _environment(environment | {SHARED: str(folder)}):
            work = partial(run, request, changes, port)
            supervise(work, request.workers, ready, GRACE + 5)


def run(
    request: ServeRequest, changes: Path | None, port: socket.socket, on_ready: Callable[[], None]
) -> None:
    """One process of the service; returns, or raises the signal again, when it has ended."""
    logs.configure()
    gc.freeze()  # what was imported stays, and need not be looked through again and again
    config = uvicorn.Config(
        application(request, changes),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=30,
        limit_concurrency=_MOST_CONNECTIONS,
    )
    _Server(config, on_ready).run([port])


def application(request: ServeRequest, changes: Path | None = None) -> FastAPI:
    """The application of a request; each process makes its own.

    Args:
        request: what to serve.
        changes: a file in which the processes say which model they were asked to serve.
    """
    return create_app(
        request.model,
        store=request.store,
        name=request.name,
        watch=request.watch,
        tokens=_tokens(request),
        limits=request.limits(),
        hosts=(*LOCAL, request.host),
        changes=changes,
    )


def _tokens(request: ServeRequest) -> bool | str:
    if request.tokens in (None, "store"):
        return request.tokens == "store"
    return str(request.tokens)


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
    except OSError as error:
        raise _not_to_be_had(request, error) from None
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as port:
        port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            port.bind(address)
        except OSError as error:
            raise _not_to_be_had(request, error) from None
        yield port


def _not_to_be_had(request: ServeRequest, error: OSError) -> ArgumentError:
    return ArgumentError(
        f"cannot listen at {request.host}, port {request.port}: {error.strerror or error}; "
        "choose another with --host or --port"
    )


@contextmanager
def _environment(wanted: Mapping[str, str]) -> Iterator[None]:
    missing = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(missing)
    try:
        yield
    finally:
        for name in missing:
            del os.environ[name]
