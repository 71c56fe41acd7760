"""A client that asks an application in this process, without a port."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx


class Client:
    """Each call is one request; `headers` go with all of them."""

    def __init__(
        self,
        app: Any,
        headers: Mapping[str, str] | None = None,
        address: tuple[str, int] = ("127.0.0.1", 1234),
        base: str = "http://127.0.0.1:8000",
    ) -> None:
        self.app, self._headers = app, dict(headers or {})
        self._address, self._base = address, base

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        # In a thread of its own: the browser of other tests runs an event loop in this one.
        with ThreadPoolExecutor(1) as thread:
            asked = partial(self._request, method, path, **more)
            return thread.submit(lambda: asyncio.run(asked())).result()

    async def _request(self, method: str, path: str, **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, client=self._address)
        async with httpx.AsyncClient(
            transport=transport, base_url=self._base, headers=self._headers
        ) as client:
            return await client.request(method, path, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, json: Any = None, **more: Any) -> httpx.Response:
        if json is not None:
            more["json"] = json
        return self.request("POST", path, **more)

    def put(self, path: str, json: Any = None, **more: Any) -> httpx.Response:
        return self.request("PUT", path, json=json, **more)

    def delete(self, path: str, **more: Any) -> httpx.Response:
        return self.request("DELETE", path, **more)

    def ok(self, method: str, path: str, **more: Any) -> Any:
        """The JSON of an answer that must be one."""
        found = self.request(method, path, **more)
        assert found.status_code == 200, found.text
        return found.json()


def problem(answer: Any, status: int) -> str:
    """The line of a problem with this status."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert said["status"] == status
    assert said["type"].startswith("urn:recsys:")
    assert said["title"]
    assert "\n" not in said["detail"]
    return str(said["detail"])
