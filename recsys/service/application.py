"""`create_app`: the service as an application that any ASGI server runs."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response

from recsys import __version__
from recsys.app.serve import Limits
from recsys.errors import ArgumentError
from recsys.recommend.recommender import Recommender
from recsys.service import static
from recsys.service.border import Border
from recsys.service.calls import Route
from recsys.service.endpoint import endpoint
from recsys.service.guard import Guard, Keys
from recsys.service.live import Live
from recsys.service.metrics import Metrics
from recsys.service.openapi import document
from recsys.service.problems import Refusal, problem
from recsys.service.routes import catalogue, likeness, lists, places, ratings, reasons, status
from recsys.service.service import Service
from recsys.service.sources import File, Memory, OnShelf, Source

if TYPE_CHECKING:
    from recsys.store.database.ratings_store import RatingsStore

ROUTES: tuple[Route, ...] = (
    *lists.ROUTES,
    *likeness.ROUTES,
    *reasons.ROUTES,
    *catalogue.ROUTES,
    *places.ROUTES,
    *ratings.ROUTES,
    *status.ROUTES,
)
_LEAST_TO_COMPRESS = 2048  # bytes

Path_ = str | os.PathLike[str]


def create_app(
    model: Recommender | Path_ | None = None,
    *,
    store: RatingsStore | str | None = None,
    name: str | None = None,
    watch: Path_ | None = None,
    tokens: bool | Path_ = False,
    limits: Limits | None = None,
    hosts: Sequence[str] | None = None,
    changes: Path_ | None = None,
) -> FastAPI:
    """The service over a model: `uvicorn.run(create_app("model.safetensors"))`, or mounted.

    Args:
        model: a model, or its file; None for the one that serves according to the store.
        store: ratings, new items and served lists; an address, or an open store. Without one,
            nothing can be written.
        name: what answers call the model, and the name on the shelf of the store; by default the
            name of the file, or "main".
        watch: a model file that replaces the model whenever it changes.
        tokens: whether clients need tokens, which are in the store; or a file with tokens.
        limits: sizes, times and rates.
        hosts: names under which the service answers where no tokens are asked for; None for any.
        changes: a file in which several processes say which model they were asked to serve.

    Raises:
        ArgumentError: there is neither a model nor a store, or a setting is wrong.
        ModelFileError: the model file cannot be read.
        StoreError: the store cannot be used.
    """
    from recsys.store.database.ratings_store import RatingsStore

    limits = limits or Limits()
    kept = RatingsStore.open(store, create=True) if isinstance(store, str) else store
    source = _source(model, kept, name, watch, changes)
    keys = None if tokens is False else _keys(tokens, kept)
    guard = Guard(
        keys, limits.rate, limits.max_body, limits.timeout, tuple(limits.origins),
        None if keys is not None else hosts,
    )  # fmt: skip
    service = Service(Live(source, kept, int(limits.cache * 2**20)), kept, guard, Metrics())
    app = FastAPI(
        title="recsys", version=__version__, docs_url=None, redoc_url=None,
        lifespan=_lifespan(service),
    )  # fmt: skip
    app.state.service = service
    for route in ROUTES:
        app.add_api_route(route.path, endpoint(service, route), methods=[route.method])
    app.router.routes += static.routes()
    app.add_exception_handler(HTTPException, _no_route)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    app.add_middleware(GZipMiddleware, minimum_size=_LEAST_TO_COMPRESS, compresslevel=4)
    if limits.origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=list(limits.origins), allow_headers=["*"],
            allow_methods=["GET", "POST", "PUT", "DELETE"],
        )  # fmt: skip
    app.add_middleware(Border, service=service, log_requests=limits.log_requests)
    return app


def _source(
    model: Recommender | Path_ | None,
    store: RatingsStore | None,
    name: str | None,
    watch: Path_ | None,
    changes: Path_ | None,
) -> Source:
    if model is None:
        if store is None:
            raise ArgumentError("name a model file, or a store with a model in service")
        if watch is not None:
            raise ArgumentError(
                "watch needs a model file: without one, the service follows the shelf of the store"
            )
        return OnShelf(store, name or "main")
    if isinstance(model, Recommender):
        return Memory(model, name)
    if not isinstance(model, str | os.PathLike):
        raise ArgumentError(
            f"model must be a Recommender or a model file, not {type(model).__name__}"
        )
    return File(
        Path(model).expanduser(),
        name,
        None if watch is None else Path(watch).expanduser(),
        None if changes is None else Path(changes),
    )


def _keys(tokens: bool | Path_, store: RatingsStore | None) -> Keys:
    file = None if isinstance(tokens, bool) else Path(tokens).expanduser()
    if file is None and store is None:
        raise ArgumentError("tokens must come from a store or a file; name one")
    return Keys(store, file)


def _lifespan(service: Service) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        service.stop()

    return lifespan


def _document(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = document(ROUTES)
    return app.openapi_schema


_WORDS: Mapping[int, str] = {
    404: "there is no such path; GET /openapi.json lists all paths",
    405: "this path does not allow this method",
}


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = _WORDS.get(error.status_code, str(error.detail))
    return problem(Refusal(error.status_code, detail, error.headers or {}))
