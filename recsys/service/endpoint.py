"""From a `Route` to what FastAPI calls: token, body, snapshot, handler, answer or problem."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from recsys.service.asked import parsed_body
from recsys.service.calls import Call, Route, as_json
from recsys.service.problems import Refusal, kind_of, problem
from recsys.service.service import Service

LOG = logging.getLogger("recsys.service")
_PATIENCE = 300.0  # seconds for loading a model

T = TypeVar("T")


def endpoint(service: Service, route: Route) -> Callable[[Request], Awaitable[Response]]:
    """The function that answers requests to a route."""
    threaded = route.threaded or not service.store_is_near
    timeout = _PATIENCE if route.patient else service.guard.timeout

    async def answer(request: Request) -> Response:
        try:
            service.start()
            by = await _allowed(service, route, request)
            body = await _body(request, service) if route.has_body else None
            snapshot = service.live.now(request.path_params.get("user"))
            call = Call(service, snapshot, request, body, by)
            if threaded:
                found = await _in_time(timeout, route.handler, call)
            else:
                found = route.handler(call)
            return found if isinstance(found, Response) else as_json(found)
        except Exception as error:
            return _failed(error, route)

    answer.__name__ = f"{route.method.lower()}_{route.handler.__name__}"
    return answer


async def _allowed(service: Service, route: Route, request: Request) -> str:
    if route.scope is None:
        return ""
    guard, needed = service.guard, route.scope
    if service.store_is_near or guard.keys is None:
        return guard.check(request.scope, request.headers, needed)
    return await _in_time(
        guard.timeout, lambda scope: guard.check(scope, request.headers, needed), request.scope
    )


async def _in_time(seconds: float, ask: Callable[[Any], T], given: Any) -> T:
    # The answer in time or none: what runs goes on, and its result is dropped.
    try:
        async with asyncio.timeout(seconds):
            return await anyio.to_thread.run_sync(ask, given, abandon_on_cancel=True)
    except TimeoutError:
        late = f"no answer within {seconds:g} s; request less, or try again later"
        raise Refusal(503, late, {"Retry-After": "5"}) from None


async def _body(request: Request, service: Service) -> Any:
    # A simple form of another site cannot send JSON, and a length is no promise.
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(415, "send JSON, with Content-Type: application/json")
    guard = service.guard
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > guard.max_body:
        raise _too_large(guard.max_body)
    parts, size = [], 0
    try:
        async with asyncio.timeout(guard.timeout):
            async for part in request.stream():
                size += len(part)
                if size > guard.max_body:
                    raise _too_large(guard.max_body)
                parts.append(part)
    except TimeoutError:
        raise Refusal(408, f"the body did not arrive within {guard.timeout:g} s") from None
    return parsed_body(b"".join(parts))


def _too_large(most: int) -> Refusal:
    return Refusal(413, f"the body must have at most {most:,} bytes")


def _failed(error: Exception, route: Route) -> Response:
    if isinstance(error, ClientDisconnect):
        return Response(status_code=400)  # nobody reads it
    if kind_of(error)[0] == 500:
        # Where it happened, without the message, which may quote what somebody asked for.
        places = traceback.extract_tb(error.__traceback__)
        where = [f"{one.filename}:{one.lineno} {one.name}" for one in places[-8:]]
        about = {"route": route.path, "error": type(error).__name__, "where": where}
        LOG.error("bug", extra=about)
    return problem(error)
