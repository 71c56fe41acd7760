"""People who are forgotten: their rows go, and models that were trained with them drop them."""

from __future__ import annotations

import hashlib
import hmac
import time

from sqlalchemy import Connection, delete, select

from recsys.store.database.schema import (
    audit,
    feedback,
    meta,
    ratings,
    served,
    tombstones,
    users,
)
from recsys.store.database.upsert import upsert


def subject_hash(connection: Connection, user: str) -> str:
    """HMAC-SHA-256 of a person's id with the salt of this store."""
    salt = connection.execute(select(meta.c.value).where(meta.c.key == "salt")).scalar_one()
    return hmac.new(bytes.fromhex(str(salt)), user.encode(), hashlib.sha256).hexdigest()


def forget(connection: Connection, user: str, by: str | None) -> int:
    """Deletes everything about a person, and leaves a tombstone and a line in the audit.

    Returns:
        How many ratings there were.
    """
    lists = select(served.c.id).where(served.c.user_id == user)
    connection.execute(delete(feedback).where(feedback.c.served_id.in_(lists)))
    connection.execute(delete(served).where(served.c.user_id == user))
    n = connection.execute(delete(ratings).where(ratings.c.user_id == user)).rowcount
    connection.execute(delete(users).where(users.c.id == user))
    now = time.time()
    connection.execute(upsert(connection, tombstones, "time"), {"user_id": user, "time": now})
    note(connection, "forget", user, by)
    return n


def note(connection: Connection, action: str, user: str, by: str | None) -> None:
    """Adds a line to the audit, which does not name the person."""
    line = {
        "time": time.time(),
        "action": action,
        "subject_hash": subject_hash(connection, user),
        "by": by,
    }
    connection.execute(audit.insert(), line)


def tombstones_before(connection: Connection, moment: float) -> int:
    """Deletes tombstones from before a time, when no model from before it is left."""
    return connection.execute(delete(tombstones).where(tombstones.c.time < moment)).rowcount
