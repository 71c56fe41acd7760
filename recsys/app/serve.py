"""What a service needs to know before it starts; `recsys.service` runs it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from recsys.settings import Settings, option


@dataclass(frozen=True, kw_only=True)
class ServeRequest(Settings):
    """The model, the address, and who may ask."""

    model: str = option(meaning="Model file to serve.")
    host: str = option(
        "127.0.0.1",
        metavar="ADDRESS",
        meaning="Address to listen at. Any but this machine's own (127.0.0.1, ::1, localhost) "
        "needs --tokens.",
    )
    port: int = option(8000, low=0, high=65535, meaning="Port to listen at; 0 for any free one.")
    workers: int = option(1, low=1, high=64, meaning="Processes, each with the model in memory.")

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the address."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
