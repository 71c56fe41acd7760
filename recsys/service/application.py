"""`create_app`: the service as an application that any ASGI server runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from recsys import __version__
from recsys.errors import ArgumentError
from recsys.recommend.recommender import Recommender
from recsys.service import static
from recsys.service.endpoint import endpoint
from recsys.service.openapi import document
from recsys.service.problems import Refusal, problem
from recsys.service.routes import catalogue, likeness, lists, places, reasons, status
from recsys.service.service import Service
from recsys.service.snapshot import Live, in_memory, opened

ROUTES = (
    *lists.ROUTES,
    *likeness.ROUTES,
    *reasons.ROUTES,
    *catalogue.ROUTES,
    *places.ROUTES,
    *status.ROUTES,
)


def create_app(
    model: Recommender | str | os.PathLike[str],
    *,
    name: str | None = None,
) -> FastAPI:
    """The service over a model: `uvicorn.run(create_app("model.safetensors"))`, or mounted.

    Args:
        model: a model, or its file.
        name: what answers call the model; the name of the file by default.

    Raises:
        ArgumentError: the model is neither.
        ModelFileError: the model file cannot be read.
    """
    if isinstance(model, Recommender):
        first = in_memory(model, name)
    elif isinstance(model, str | os.PathLike):
        first = opened(Path(model), name=name)
    else:
        raise ArgumentError(
            f"model must be a Recommender or a model file, not {type(model).__name__}"
        )
    service = Service(Live(first))
    app = FastAPI(title="recsys", version=__version__, docs_url=None, redoc_url=None)
    app.state.service = service
    for route in ROUTES:
        app.add_api_route(route.path, endpoint(service, route), methods=[route.method])
    app.router.routes += static.routes()
    app.add_exception_handler(HTTPException, _no_route)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    return app


def _document(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = document(ROUTES)
    return app.openapi_schema


_WORDS: Mapping[int, str] = {
    404: "there is no such address; GET /openapi.json lists those there are",
    405: "this address does not take this method",
}


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = _WORDS.get(error.status_code, str(error.detail))
    return problem(Refusal(error.status_code, detail, error.headers or {}))
