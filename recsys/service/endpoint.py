"""From a `Route` to what FastAPI calls: body, snapshot, handler, answer or problem."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from recsys.service.asked import parsed_body
from recsys.service.calls import Call, Route, as_json
from recsys.service.problems import Refusal, kind_of, problem
from recsys.service.service import Service

LOG = logging.getLogger("recsys.service")
_BODIES = ("application/json", "application/problem+json")


def endpoint(service: Service, route: Route) -> Callable[[Request], Awaitable[Response]]:
    """The function that answers requests to a route."""

    async def answer(request: Request) -> Response:
        try:
            body = await _body(request, service.max_body) if route.has_body else None
            return await _answered(Call(service, service.live.now(), request, body), route)
        except Exception as error:
            return _failed(error, route)

    answer.__name__ = f"{route.method.lower()}_{route.handler.__name__}"
    return answer


async def _answered(call: Call, route: Route) -> Response:
    if not route.threaded:
        found = route.handler(call)
    else:
        # The answer in time or none: what runs goes on, and its result is dropped.
        try:
            async with asyncio.timeout(call.service.timeout):
                found = await anyio.to_thread.run_sync(route.handler, call, abandon_on_cancel=True)
        except TimeoutError:
            raise Refusal(
                503,
                f"no answer within {call.service.timeout:g} s; ask for less, or later",
                {"Retry-After": "5"},
            ) from None
    return found if isinstance(found, Response) else as_json(found)


async def _body(request: Request, most: int) -> Any:
    # A simple form of another site cannot send JSON, and a length is no promise.
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(415, "send JSON, with Content-Type: application/json")
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > most:
        raise _too_large(most)
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise _too_large(most)
        parts.append(part)
    return parsed_body(b"".join(parts))


def _too_large(most: int) -> Refusal:
    return Refusal(413, f"the body must have at most {most:,} bytes")


def _failed(error: Exception, route: Route) -> Response:
    if isinstance(error, ClientDisconnect):
        return Response(status_code=499)  # nobody reads it
    if kind_of(error)[0] == 500:
        # Where it happened, without the message, which may quote what somebody asked for.
        places = traceback.extract_tb(error.__traceback__)
        where = [f"{one.filename}:{one.lineno} {one.name}" for one in places[-8:]]
        LOG.error("bug", extra={"route": route.path, "error": type(error).__name__, "where": where})
    return problem(error)
