"""`Border`: what happens to each request before and after its route, whichever that is."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recsys.service.calls import SLASH
from recsys.service.problems import Refusal, problem
from recsys.service.service import Service

LOG = logging.getLogger("recsys.service")
_SLASH = re.compile("%2f", re.I)
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; "
        b"frame-ancestors 'none'; object-src 'none'",
    ),
)
_PRIVATE = (b"cache-control", b"no-store")  # answers are about somebody


class Border:
    """Middleware: slashes in ids, other sites, headers, counts, and a line in the log."""

    def __init__(self, app: ASGIApp, service: Service, log_requests: bool = False) -> None:
        self._app, self._service, self._log = app, service, log_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        raw = scope.get("raw_path") or b""
        if b"%2" in raw:
            _keep_slashes(scope, raw)
        metrics, started, status = self._service.metrics, time.perf_counter(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_ours(message.get("headers", []), scope["path"])
            await send(message)

        metrics.running += 1
        try:
            try:
                self._service.guard.check_place(scope["method"], Headers(scope=scope))
            except Refusal as refusal:
                await problem(refusal)(scope, receive, sending)
            else:
                await self._app(scope, receive, sending)
        finally:
            metrics.running -= 1
            self._note(scope, status, time.perf_counter() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        # The route, not the path: a path has ids of people in it.
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._service.metrics.count(route, method, status, seconds)
        if self._log:
            about: Mapping[str, Any] = {
                "route": route,
                "method": method,
                "status": status,
                "ms": round(1000 * seconds, 2),
                "request": secrets.token_hex(4),
            }
            LOG.info("request", extra=about)


_METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH")


def _keep_slashes(scope: Scope, raw: bytes) -> None:
    # Routes are found in the decoded path, in which an id with a slash would look like two parts.
    text = _SLASH.sub(SLASH, raw.decode("latin-1").partition("?")[0])
    if SLASH in text:
        root = scope.get("root_path", "")
        path = unquote(text)
        scope["path"] = path if not root or path.startswith(root) else root + path


def _with_ours(headers: list[tuple[bytes, bytes]], path: str) -> list[tuple[bytes, bytes]]:
    names = {name.lower() for name, _ in headers}
    found = [*headers, *(one for one in _HEADERS if one[0] not in names)]
    if "/v1/" in path and b"cache-control" not in names:
        found.append(_PRIVATE)
    return found
