"""What a service needs to know before it starts; `recsys.service` runs it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from recsys.errors import ArgumentError
from recsys.settings import Settings, option, settings_of


@dataclass(frozen=True, kw_only=True)
class Limits(Settings):
    """Sizes, times and rates of a service."""

    rate: float = option(
        0.0,
        low=0,
        metavar="N",
        meaning="Requests per second allowed to each client (a token or an address) on each "
        "worker, with short bursts of twice as many.",
        default_text="any number",
    )
    max_body: int = option(1_000_000, low=1000, metavar="BYTES", meaning="Largest request body.")
    timeout: float = option(
        10.0,
        low=0,
        above=True,
        high=600,
        metavar="SECONDS",
        meaning="Time after which a request is abandoned, with status 503.",
    )
    cache: float = option(
        32.0,
        low=0,
        high=100_000,
        metavar="MB",
        meaning="Memory for cached lists; a list is computed again when the model, the user's "
        "ratings or the request differ. 0 for no cache.",
    )
    origins: Sequence[str] = option(
        [],
        flags=("--origin",),
        metavar="URL",
        meaning="Another site whose pages may send requests (CORS), such as https://shop.example. "
        "Repeatable.",
    )
    log_requests: bool = option(
        False,
        meaning="Log a line per request with route, status and time, but no ids or addresses.",
    )

    def limits(self) -> Limits:
        """Only these settings."""
        return Limits(**{one.name: getattr(self, one.name) for one in settings_of(Limits)})


@dataclass(frozen=True, kw_only=True)
class ServeRequest(Limits):
    """The model, the address, and who may ask."""

    model: str | None = option(
        metavar="MODEL",
        meaning="Model file to serve. Without it, the model in service in the store is served.",
    )
    store: str | None = option(
        None,
        metavar="URL",
        meaning="Ratings store: sqlite:///FILE, which is created if needed, or "
        "postgresql://USER@HOST/DATABASE. Without a store, nothing can be written.",
        default_text="none",
    )
    name: str | None = option(
        None,
        metavar="NAME",
        meaning="Name of the model in answers and in the store.",
        default_text="the name of the file, or main",
    )
    watch: str | None = option(
        None,
        metavar="FILE",
        meaning="Model file to load whenever it changes, often MODEL itself.",
        default_text="none",
    )
    host: str = option(
        "127.0.0.1",
        metavar="ADDRESS",
        meaning="Address to listen on. Any except loopback (127.0.0.1, ::1, localhost) needs "
        "tokens.",
    )
    port: int = option(8000, low=0, high=65535, meaning="Port to listen on; 0 for any free one.")
    workers: int = option(
        1, low=1, high=64, meaning="Number of processes, each with its own copy of the model."
    )
    tokens: str | None = option(
        None,
        metavar="FILE|store",
        meaning="Require tokens: from a file with one line per token (SHA-256, name and scopes), "
        "or from the store (recsys store token add).",
        default_text="store if the address is open to others, else none",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model is None and self.store is None:
            raise ArgumentError(
                "name a model file, or with --store a store that has a model in service"
            )
        if self.tokens == "store" and self.store is None:
            raise ArgumentError(
                "there is no store to read tokens from: name one with --store, or a file of tokens"
            )
        if not self.is_local and self.tokens is None:
            if self.store is None:
                raise ArgumentError(
                    f"host {self.host} can be reached from other machines, so clients need tokens: "
                    "name a file of them with --tokens FILE, or a store with --store"
                )
            object.__setattr__(self, "tokens", "store")

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the address."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
