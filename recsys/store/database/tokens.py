"""Tokens with which clients show what they may do. The store has their hashes only."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Engine, select, update
from sqlalchemy.exc import IntegrityError

from recsys.errors import ArgumentError, UnknownIdError
from recsys.settings import near
from recsys.store.database.engine import reading, writing
from recsys.store.database.schema import tokens

SCOPES = ("read", "write", "admin")


@dataclass(frozen=True)
class Token:
    """What is known of a token."""

    name: str
    scopes: tuple[str, ...]
    made: float
    """Seconds since 1970."""
    expires: float | None = None
    revoked: bool = False

    def is_valid(self, now: float) -> bool:
        """Whether it may be used at this time."""
        return not self.revoked and (self.expires is None or now < self.expires)


class Tokens:
    """The tokens of a store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, name: str, scopes: Iterable[str], expires: float | None = None) -> str:
        """A new token, which cannot be read again later.

        Args:
            name: whose it is; names are unique, and that of a revoked token is free again.
            scopes: what it allows: read, write, admin.
            expires: seconds since 1970; None for never.

        Raises:
            ArgumentError: a scope does not exist, or the name is taken.
        """
        allowed = tuple(dict.fromkeys(scopes))
        for scope in allowed:
            if scope not in SCOPES:
                raise ArgumentError(
                    f"scopes are {', '.join(SCOPES)}, not {scope!r}{near(scope, SCOPES)}"
                )
        if not allowed or not name:
            raise ArgumentError("a token needs a name and at least one scope")
        text = secrets.token_urlsafe(32)
        row = {
            "hash": hash_of(text),
            "name": name,
            "scopes": " ".join(allowed),
            "made": time.time(),
            "expires": expires,
            "revoked": False,
        }
        with writing(self._engine) as connection:
            connection.execute(tokens.delete().where(tokens.c.name == name, tokens.c.revoked))
            try:
                connection.execute(tokens.insert(), row)
            except IntegrityError:
                raise ArgumentError(
                    f"there is a token {name!r} already; revoke it first, or choose another name"
                ) from None
        return text

    def find(self, text: str) -> Token | None:
        """The token with this text, also one that is not valid any more; None if there is none."""
        with reading(self._engine) as connection:
            row = connection.execute(select(tokens).where(tokens.c.hash == hash_of(text))).first()
        return None if row is None else _token(row._mapping)

    def list(self) -> list[Token]:
        """All tokens, the oldest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(tokens).order_by(tokens.c.made)).mappings().all()
        return [_token(row) for row in rows]

    def revoke(self, name: str) -> None:
        """Makes a token invalid.

        Raises:
            UnknownIdError: there is no token of this name.
        """
        made = update(tokens).where(tokens.c.name == name).values(revoked=True)
        with writing(self._engine) as connection:
            if not connection.execute(made).rowcount:
                raise UnknownIdError(f"there is no token {name!r}")


def hash_of(text: str) -> str:
    """SHA-256 of a token, which has 256 random bits, so that it needs no salt."""
    return hashlib.sha256(text.encode()).hexdigest()


def _token(row: object) -> Token:
    found: dict[str, object] = dict(row)  # type: ignore[call-overload]
    return Token(
        name=str(found["name"]),
        scopes=tuple(str(found["scopes"]).split()),
        made=float(found["made"]),  # type: ignore[arg-type]
        expires=found["expires"],  # type: ignore[arg-type]
        revoked=bool(found["revoked"]),
    )
