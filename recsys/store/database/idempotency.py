"""Requests that may be sent again: what was answered is answered again, and done once."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlalchemy import Connection, delete, select

from recsys.errors import ArgumentError, StoreConflict
from recsys.store.database.schema import requests

KEPT_S = 7 * 24 * 3600
"""How long a key is known, in seconds."""
_LONGEST = 200


def digest_of(*parts: Any) -> str:
    """SHA-256 of a request."""
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def answered(connection: Connection, key: str, digest: str) -> dict[str, Any] | None:
    """What was answered to the request with this key; None if it is new.

    Raises:
        StoreConflict: the key came with another request.
        ArgumentError: the key is too long.
    """
    if not 0 < len(key) <= _LONGEST or "\0" in key:
        raise ArgumentError(f"an idempotency key has 1 to {_LONGEST} characters, not {len(key)}")
    asked = select(requests.c.digest, requests.c.answer).where(requests.c.key == key)
    found = connection.execute(asked).first()
    if found is None:
        return None
    if found.digest != digest:
        raise StoreConflict(
            f"idempotency key {key!r} was already used for another request; use a new key"
        )
    answer: dict[str, Any] = found.answer
    return answer


def keep(connection: Connection, key: str, digest: str, answer: dict[str, Any], now: float) -> None:
    """Keeps an answer, and drops those that are older than a week."""
    connection.execute(delete(requests).where(requests.c.time < now - KEPT_S))
    row = {"key": key, "digest": digest, "answer": answer, "time": now}
    connection.execute(requests.insert(), row)
