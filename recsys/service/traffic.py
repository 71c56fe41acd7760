"""`Traffic`: keeps in the store which lists were served, a moment after they were."""

from __future__ import annotations

import logging
import re
import secrets
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from recsys.errors import StoreError, UnknownIdError
from recsys.service.keeper import Keeper
from recsys.service.snapshot import Snapshot
from recsys.store.database.records import Served

if TYPE_CHECKING:
    from recsys.store.database.ratings_store import RatingsStore

LOG = logging.getLogger("recsys.service")
EVERY_S = 0.5
"""Seconds between two writes."""
_MOST = 20_000  # lists that wait; more are not kept, and counted
_AT_ONCE = 1000
_NAME = re.compile("[0-9a-f]{32}")  # of a list: which worker served it, its number, and chance


class Traffic:
    """Lists that were served and wait to be written, and the feedback on them."""

    def __init__(self, store: RatingsStore) -> None:
        self._store = store
        self._waiting: deque[Served] = deque()
        self._lock = threading.Lock()
        self.n_lost = 0
        """Lists that were not kept, because the store did not take them."""
        self._before, self._n = secrets.token_hex(8), 0
        self.keeper = Keeper(self.flush, EVERY_S, "recsys traffic")

    def keep(self, snapshot: Snapshot, user: Any, items: list[Any]) -> str:
        """Keeps a list, and returns its id."""
        self._n += 1
        name = f"{self._before}{self._n:08x}{secrets.token_hex(4)}"
        if len(self._waiting) >= _MOST:
            self.n_lost += 1
        else:
            arm = snapshot.arm
            version = str(snapshot.version)
            self._waiting.append(Served(name, items, version, user, arm, time.time()))
        return name

    def flush(self) -> None:
        """Writes what waits; what the store does not take is tried again."""
        with self._lock:
            while self._waiting:
                now = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
                try:
                    self._store.served(now)
                except StoreError as error:
                    self._waiting.extendleft(reversed(now))
                    LOG.warning("not kept", extra={"lists": len(now), "reason": str(error)})
                    return

    def feedback(self, served: str, item: Any, action: str, value: float | None) -> None:
        """Keeps what somebody did with an item of a list.

        Raises:
            ArgumentError: there is no such action.
            UnknownIdError: there is no such list, or the item is not on it.
        """
        self.flush()
        try:
            self._store.feedback(served, item, action, value)
        except UnknownIdError:
            if not _NAME.fullmatch(served) or served.startswith(self._before):
                raise
            time.sleep(2 * EVERY_S)  # another worker may have served it just now
            self._store.feedback(served, item, action, value)
