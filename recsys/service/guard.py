"""`Guard`: who may ask what, how often, and from where."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from recsys.errors import ArgumentError
from recsys.service.problems import Refusal

if TYPE_CHECKING:
    from recsys.store.database.ratings_store import RatingsStore
    from recsys.store.database.tokens import Token

Scope = Literal["read", "write", "admin"]
"""What a token may do: ask, change ratings and items, change the model and forget people."""

LOCAL = ("localhost", "127.0.0.1", "[::1]", "::1")
_FRESH_S = 2.0  # seconds for which what is known of a token is not asked again
_KEPT = 10_000  # tokens and clients that are remembered
_NEEDED: Mapping[Scope, str] = {
    "read": "ask",
    "write": "change ratings and items",
    "admin": "change the model or forget a user",
}


class Keys:
    """The tokens of a store or of a file, as the guard asks for them."""

    def __init__(self, store: RatingsStore | None, file: Path | None) -> None:
        self._store, self._file = store, None if file is None else TokenFile(file)
        self._known: OrderedDict[str, tuple[float, Token | None]] = OrderedDict()

    def find(self, text: str) -> Token | None:
        """What is known of a token; None where there is none, or it is not valid any more.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        now = time.monotonic()
        digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
        when, found = self._known.get(digest, (-_FRESH_S, None))
        if now - when >= _FRESH_S:
            found = self._looked_up(text, digest)
            self._known[digest] = now, found
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return found if found is not None and found.is_valid(time.time()) else None

    def _looked_up(self, text: str, digest: str) -> Token | None:
        if self._file is not None and (found := self._file.find(digest)) is not None:
            return found
        return None if self._store is None else self._store.tokens.find(text)


class TokenFile:
    """A file with a line for each token: its SHA-256 in hexadecimal, its name, its scopes.

        2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae page read,write

    It is read again when it changes. A file that became unreadable keeps what was read.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp, self._tokens = _stamp(file), read_tokens(file)

    def find(self, digest: str) -> Token | None:
        """The token with this hash."""
        stamp = _stamp(self._file)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._tokens = read_tokens(self._file)
            except ArgumentError:
                self._tokens = {}  # a damaged list lets nobody in
        found = None
        for known, token in self._tokens.items():
            if hmac.compare_digest(known, digest):
                found = token
        return found


def read_tokens(file: Path) -> dict[str, Token]:
    """Hash → token of a token file.

    Raises:
        ArgumentError: it cannot be read, or a line is none.
    """
    from recsys.store.database.tokens import SCOPES, Token

    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"tokens {str(file)!r}: cannot be read ({error})") from None
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        parts = line.split()
        if not parts or parts[0].startswith("#"):
            continue
        digest, scopes = parts[0].lower(), tuple(parts[-1].split(","))
        is_hash = len(digest) == 64 and all(one in "0123456789abcdef" for one in digest)
        if len(parts) != 3 or not is_hash or not set(scopes) <= set(SCOPES):
            raise ArgumentError(
                f"tokens {str(file)!r}, line {number}: must be SHA-256, name and scopes "
                f"({', '.join(SCOPES)}), such as '<64 digits> page read,write'"
            )
        found[digest] = Token(parts[1], scopes, 0.0)
    if not found:
        raise ArgumentError(f"tokens {str(file)!r}: the file contains no token")
    return found


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


class Rate:
    """So many requests a second for each client, and as many again at once."""

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """Takes one request; returns 0, or after how many seconds there is one again."""
        if not self.per_second:
            return 0.0
        now, most = time.monotonic(), max(1.0, 2 * self.per_second)
        left, when = self._left.pop(client, (most, now))
        left = min(most, left + (now - when) * self.per_second)
        wait = 0.0 if left >= 1 else (1 - left) / self.per_second
        self._left[client] = (left if wait else left - 1), now
        while len(self._left) > _KEPT:
            self._left.popitem(last=False)
        return wait


@dataclass(eq=False)
class Guard:
    """Lets a request pass, or raises `Refusal`."""

    keys: Keys | None = None
    """None: no tokens are asked for, and only this machine may ask."""
    rate: float = 0.0
    """Requests a second of one client (token or address); 0 for any number."""
    max_body: int = 1_000_000
    """Bytes of a body."""
    timeout: float = 10.0
    """Seconds after which a long answer is given up."""
    origins: Sequence[str] = ()
    """Other sites whose pages may ask."""
    hosts: Sequence[str] | None = LOCAL
    """Names under which this machine may be asked; None for any."""

    def __post_init__(self) -> None:
        self._rate = Rate(self.rate)

    def check(self, scope: Mapping[str, Any], headers: Mapping[str, str], needed: Scope) -> str:
        """The name of the token that a request came with; "" where none is asked for.

        Args:
            scope: of ASGI.
            headers: of the request.
            needed: what the token must allow.

        Raises:
            Refusal: 401, 403 or 429.
            StoreUnavailable: the tokens are in a store that does not answer.
        """
        client = scope.get("client") or ("",)
        if self.keys is None:
            self._slow_down(f"at {client[0]}")
            return ""
        kind, _, text = headers.get("authorization", "").partition(" ")
        token = self.keys.find(text.strip()) if kind.lower() == "bearer" and text else None
        if token is None:
            self._slow_down(f"at {client[0]}")
            raise Refusal(
                401,
                "this service requires a token: send it as Authorization: Bearer TOKEN",
                {"WWW-Authenticate": "Bearer"},
            )
        self._slow_down(token.name)
        if needed not in token.scopes:
            raise Refusal(
                403,
                f"this token may not {_NEEDED[needed]}: it has {', '.join(token.scopes)}, and "
                f"needs {needed}",
            )
        return token.name

    def _slow_down(self, client: str) -> None:
        wait = self._rate.take(client)
        if wait:
            raise Refusal(
                429,
                f"more than {self.rate:g} requests per second; try again later",
                {"Retry-After": str(int(wait) + 1)},
            )

    def check_place(self, method: str, headers: Mapping[str, str]) -> None:
        """Refuses what another site made a browser ask.

        Without tokens only names of this machine are answered to: any site could point a name of
        its own at 127.0.0.1. A page of another site may not change anything.

        Raises:
            Refusal: 403 or 421.
        """
        host = headers.get("host", "")
        if self.hosts is not None and _name(host) not in self.hosts:
            raise Refusal(
                421, "this service only answers requests for the host names of this machine"
            )
        origin = headers.get("origin")
        if method in ("GET", "HEAD", "OPTIONS") or origin is None or origin in self.origins:
            return
        if urlsplit(origin).netloc != host:
            raise Refusal(403, "pages on other sites cannot change anything here")


def _name(host: str) -> str:
    # Without the port.
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
