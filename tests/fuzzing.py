"""Requests made from an OpenAPI document: right ones, wrong ones and hostile ones."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from typing import Any
from urllib.parse import quote

import httpx
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

IDS = st.one_of(
    st.integers(0, 320).map(str),
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(["", "007", "1.0", "null", "..", "%00", "\x00", "1/2", "ü", "a" * 300]),
    st.text(max_size=12),
)
NUMBERS = st.one_of(
    st.sampled_from([0, 1, 5, 10, 4.5, -1, 1e308, 2**63, 2**80, 0.1]), st.integers(), st.floats()
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=10)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
HOSTILE = st.sampled_from(
    [
        b"", b"{", b"nul", b'{"ratings": {"1": NaN}}', b"\xff\xfe", b'"\\ud800"', b"[" * 5000,
        b'{"a":' * 3000, b'{"ratings": {"1": 1e999}}', b'{"n": 1, "n": 2}', b"\x00",
    ]
)  # fmt: skip
CONDITIONS = st.one_of(
    st.sampled_from(
        [
            "year > 1990", "genres has 'Comedy'", "not year > 5 or title contains 'x'",
            "year in ()", "year>>1", "(" * 50, "'", "year = 'x'", "id = 1", "1 < year < 2",
            "\u202e", "year > 1e999",
        ]
    ),
    st.text(max_size=30),
)  # fmt: skip


def value_of(schema: Any, name: str) -> st.SearchStrategy[Any]:
    """Values that a schema allows, mostly."""
    if name == "where":
        return CONDITIONS
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of([value_of(one, name) for one in schema["anyOf"]])
    kind = schema.get("type")
    if isinstance(kind, list):
        return st.one_of([value_of({**schema, "type": one}, name) for one in kind])
    if kind == "integer":
        return st.integers(0, 40) if "minimum" in schema else st.integers(0, 320)
    if kind == "number":
        return st.sampled_from([0.5, 1, 2.5, 4, 5]) | NUMBERS
    if kind == "boolean":
        return st.booleans()
    if kind == "array":
        return st.lists(value_of(schema["items"], name), max_size=4)
    if kind == "object" and "properties" in schema:
        return object_of(schema)
    if kind == "object":
        inner = schema.get("additionalProperties", {})
        return st.dictionaries(IDS, value_of(inner, name), max_size=5)
    return st.none() if kind == "null" else IDS


def object_of(schema: Any) -> st.SearchStrategy[Any]:
    """Objects with the properties of a schema."""
    needed = set(schema.get("required", ()))
    parts = {name: value_of(one, name) for name, one in schema["properties"].items()}
    return st.fixed_dictionaries(
        {name: one for name, one in parts.items() if name in needed},
        optional={name: one for name, one in parts.items() if name not in needed},
    )


@st.composite
def asked(draw: st.DrawFn, document: Any) -> dict[str, Any]:
    """A request to one of the operations of a document."""
    path = draw(st.sampled_from(sorted(document["paths"])))
    method = draw(st.sampled_from(sorted(document["paths"][path])))
    one = document["paths"][path][method]
    for parameter in one["parameters"]:
        if parameter["in"] == "path":
            part = quote(draw(IDS), safe="") or "%20"
            path = path.replace("{" + parameter["name"] + "}", part)
    query, wrong = [], draw(st.integers(0, 9)) == 0
    for parameter in one["parameters"]:
        if parameter["in"] == "query" and (parameter["required"] or draw(st.integers(0, 4)) == 0):
            values = IDS if wrong else value_of(parameter["schema"], parameter["name"])
            value = draw(values)
            each = value if isinstance(value, list) else [value]
            query += [(parameter["name"], _text(item)) for item in each]
    request: dict[str, Any] = {"method": method.upper(), "path": path, "params": query}
    if "requestBody" in one:
        schema = one["requestBody"]["content"]["application/json"]["schema"]
        how = draw(st.integers(0, 9))
        if how == 0:
            content = draw(HOSTILE)
        else:
            body = draw(JSON if how == 1 else value_of(schema, "body"))
            content = json.dumps(body).encode("utf-8", "replace")
        request["content"] = content
        request["headers"] = {"Content-Type": "application/json"}
    return request


def _text(value: Any) -> str:
    text = json.dumps(value) if isinstance(value, bool) else str(value)
    return text.encode("utf-8", "replace").decode()


def storm(app: Any, document: Any, n: int, first: int = 0) -> dict[str, Any]:
    """Asks n requests, and says what came back."""
    requests: list[dict[str, Any]] = []

    def keep(request: dict[str, Any]) -> None:
        requests.append(request)

    often = settings(
        max_examples=n, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    while len(requests) < n:  # hypothesis ends early where it has nothing new to try
        seed(first)(often(given(asked(document))(keep)))()
        first += 1
    return asyncio.run(_answers(app, requests[:n]))


async def _answers(app: Any, requests: list[dict[str, Any]]) -> dict[str, Any]:
    statuses: Counter[int] = Counter()
    bugs: list[Any] = []
    slowest = 0.0
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        for request in requests:
            started = time.perf_counter()
            rest = {name: value for name, value in request.items() if name != "path"}
            answer = await asyncio.wait_for(client.request(url=request["path"], **rest), 60)
            slowest = max(slowest, time.perf_counter() - started)
            statuses[answer.status_code] += 1
            if answer.status_code == 500:
                bugs.append(request)
    return {
        "requests": len(requests), "statuses": dict(statuses), "bugs": bugs, "slowest_s": slowest
    }  # fmt: skip
