"""The page: files of this package, each at an address of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_FOLDER = resources.files("recsys.service").joinpath("page")
_FIRST = "index.html"
_KINDS = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the page: nothing inline, and nothing from another address."""

_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-cache",  # asked again each time, and then mostly 304
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def routes() -> list[Route]:
    """The page at "/", and its other files under "/page/"; everything is read once, here."""
    files = {one.name: one.read_bytes() for one in _FOLDER.iterdir() if one.is_file()}
    return [
        Route("/" if name == _FIRST else f"/page/{name}", _file(name, body), methods=["GET"])
        for name, body in sorted(files.items())
    ]


def _file(name: str, body: bytes) -> Callable[[Request], Awaitable[Response]]:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers: Mapping[str, str] = {
        **_HEADERS,
        "Content-Type": _KINDS[name.rpartition(".")[2]],
        "ETag": tag,
    }

    async def answer(request: Request) -> Response:
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers)

    return answer
