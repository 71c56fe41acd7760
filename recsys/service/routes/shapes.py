"""JSON schemas that several routes share."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

ID: Json = {"anyOf": [{"type": "string", "minLength": 1}, {"type": "integer"}]}
RATINGS: Json = {
    "type": "object",
    "description": "Item (id or title) → rating.",
    "additionalProperties": {"type": "number"},
    "examples": [{"Toy Story (1995)": 5, "Heat (1995)": 3.5}],
}
CHANGES: Json = RATINGS | {
    "description": "Item (id or title) → rating, or null for none.",
    "additionalProperties": {"type": ["number", "null"]},
    "examples": [{"Toy Story (1995)": 5, "Heat (1995)": None}],
}
MODEL: Json = {
    "type": "object",
    "description": "The model that gave this answer.",
    "properties": {"name": {"type": "string"}, "version": ID, "arm": {"type": "string"}},
    "required": ["name", "version"],
}
REMARKS: Json = {
    "type": "array",
    "items": {"type": "string"},
    "description": "Remarks about the answer, in sentences.",
}


def rows(key: str = "item", value: str = "score") -> Json:
    """The rows of an answer: rank, an id, a number, and what else is known."""
    return {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "rank": {"type": "integer"},
                key: ID,
                value: {"type": ["number", "null"]},
            },
            "required": [key],
        },
    }


def answer(key: str = "item", *, folded: bool = False, **more: Json) -> Json:
    """The schema of an answer with rows."""
    properties: Json = {"model": MODEL, "remarks": REMARKS, "rows": rows(key)}
    required = ["model", "remarks", "rows"]
    if folded:
        properties["folded_in"] = {
            "type": "boolean",
            "description": "Whether the user's factors were computed for this request.",
        }
        required.append("folded_in")
    return {"type": "object", "properties": properties | more, "required": required}


def record(**properties: Json) -> Json:
    """The schema of an object with these fields, all of them there."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def page(key: str) -> Json:
    """The schema of a page of a long list."""
    return record(
        rows=rows(key),
        next={"type": ["string", "null"], "description": "The cursor of the next page."},
        total={"type": "integer"},
    )


EXPLANATION: Json = record(
    item=ID, title={"type": "string"}, score={"type": "number"}, sentence={"type": "string"},
    terms={"type": "array", "items": {"type": "object"}},
)  # fmt: skip
SERVED: Json = {
    "type": "string",
    "description": "The id of this list, for feedback; only with a store.",
}
WHY: Json = {"type": "array", "items": EXPLANATION, "description": "With why: one for each row."}
