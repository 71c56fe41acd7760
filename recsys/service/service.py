"""`Service`: what all requests of one application share."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from recsys.service.people import Somebody, trained

if TYPE_CHECKING:
    from recsys.recommend.recommender import Recommender
    from recsys.service.snapshot import Live


@dataclass(eq=False)
class Service:
    """The model in service, the store, and the limits."""

    live: Live
    store: Any = None
    max_body: int = 1_000_000
    """Bytes that a body may have."""
    timeout: float = 10.0
    """Seconds after which a long answer is given up."""
    started: float = field(default_factory=time.time)

    def person(self, model: Recommender, user: int | str) -> Somebody:
        """Somebody by id.

        Raises:
            UnknownIdError: nobody knows them.
        """
        return trained(model, user)
