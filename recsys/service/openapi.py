"""The OpenAPI document, from the declared routes and settings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from recsys import __version__
from recsys.service.asked import MOST
from recsys.service.calls import Route
from recsys.service.problems import MEDIA_TYPE
from recsys.service.routes.shapes import record
from recsys.settings import Setting, Settings, settings_of

Json = dict[str, Any]

_KINDS: Mapping[type, str] = {int: "integer", float: "number", str: "string", bool: "boolean"}
_EXAMPLES: Mapping[str, Any] = {
    "user": "196",
    "item": "50",
    "where": "genres has 'Comedy' and 1990 <= year < 2000",
    "rerank": "mmr=0.3",
    "q": "toy story",
    "year": "1990-1999",
    "genre": ["Comedy"],
}
_PROBLEM = record(
    type={"type": "string"}, title={"type": "string"}, status={"type": "integer"},
    detail={"type": "string", "description": "What is wrong and what to do."},
)  # fmt: skip
_ABOUT = (
    "Recommendations by matrix factorization. Errors are `application/problem+json`. "
    "Users and items in addresses are ids, percent-encoded; items may also be titles."
)


def document(routes: Sequence[Route]) -> Json:
    """The OpenAPI 3.1 document of some routes."""
    paths: Json = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "recsys", "version": __version__, "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": {"Problem": _PROBLEM},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route) -> Json:
    found: Json = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": [*_in_path(route), *_in_query(route), *_in_headers(route)],
        "responses": _responses(route),
    }
    if route.has_body:
        media: Json = {"schema": _body(route)}
        if route.example is not None:
            media["example"] = route.example
        found["requestBody"] = {"required": True, "content": {"application/json": media}}
    if route.scope is not None:
        found["security"] = [{}, {"token": []}]
        found["description"] = f"Needs a token with the scope `{route.scope}` where tokens are on."
    return found


def _operation_id(route: Route) -> str:
    words = re.findall(r"[a-z]+", route.path.removeprefix("/v1"))
    return "_".join([route.method.lower(), *words])


def _in_path(route: Route) -> list[Json]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string"},
            "example": _EXAMPLES.get(name, "1"),
        }
        for name in re.findall(r"{(\w+)}", route.path)
    ]


def _in_query(route: Route) -> list[Json]:
    found = []
    for setting in settings_of(route.query):
        one: Json = {
            "name": setting.name,
            "in": "query",
            "description": setting.meaning,
            "required": setting.required,
            "schema": schema_of(setting),
        }
        if setting.name in _EXAMPLES:
            one["example"] = _EXAMPLES[setting.name]
        found.append(one)
    return found


def _in_headers(route: Route) -> list[Json]:
    return [
        {"name": name, "in": "header", "description": meaning, "schema": {"type": "string"}}
        for name, meaning in route.headers.items()
    ]


def _responses(route: Route) -> Json:
    content: Json = {"application/json": {"schema": dict(route.answer)}} if route.answer else {}
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        "200": {"description": "The answer.", "content": content},
        "default": {"description": "What went wrong.", "content": {MEDIA_TYPE: problem}},
    }


def _body(route: Route) -> Json:
    if route.body_schema is not None:
        return dict(route.body_schema)
    properties = dict(route.body or {}) | properties_of(route.fields)
    return {
        "type": "object",
        "properties": properties,
        "required": list(route.required),
        "additionalProperties": False,
    }


def properties_of(cls: type[Settings]) -> Json:
    """The declared settings of a class as properties of a JSON object."""
    return {one.name: schema_of(one) | {"description": one.meaning} for one in settings_of(cls)}


def schema_of(setting: Setting) -> Json:
    """The JSON schema of a declared setting."""
    if setting.kind is list:
        id_or_title = {"anyOf": [{"type": "string", "minLength": 1}, {"type": "integer"}]}
        items = {"type": "string"} if setting.name == "genre" else id_or_title
        found: Json = {"type": "array", "items": items, "maxItems": MOST}
    else:
        found = {"type": _KINDS[setting.kind]} | _range(setting)
    if setting.allowed:
        found["enum"] = list(setting.allowed)
    if not setting.required and setting.default is not None:
        found["default"] = setting.default
    return found


def _range(setting: Setting) -> Json:
    if setting.kind is str:
        return {"maxLength": MOST}
    found: Json = {}
    if setting.low > -float("inf"):
        found["exclusiveMinimum" if setting.above else "minimum"] = setting.low
    high = MOST if setting.name in ("n", "limit") else setting.high
    if high < float("inf"):
        found["maximum"] = high
    return found
