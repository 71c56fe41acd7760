"""`Live`: what serves now, what served before, and how one becomes the other."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from recsys.errors import ArgumentError, RecsysError, StoreUnavailable
from recsys.memory import give_back
from recsys.service.growing import grown
from recsys.service.kept import MOST_BYTES
from recsys.service.snapshot import Arms, Snapshot
from recsys.service.sources import Source

if TYPE_CHECKING:
    from recsys.store.database.ratings_store import RatingsStore

LOG = logging.getLogger("recsys.service")
_REST = 10  # times as long as growing took, before the model is grown again


class Live:
    """What serves. Replacing it is one assignment.

    A request asks once, at its start, so that one answer comes from one version. What takes its
    place was loaded, grown and used once before.
    """

    def __init__(
        self, source: Source, store: RatingsStore | None = None, keep_bytes: int = MOST_BYTES
    ) -> None:
        self._source, self._store, self._keep = source, store, keep_bytes
        self._lock = threading.Lock()
        self.refused: Mapping[str, Any] | None = None
        """The latest that could not take the place of the model in service: when, and why."""
        self.n_reloads = 0
        self._said = ""
        self._seq, self._forgotten = -1, -1
        self._due = 0.0
        self._before: Arms | None = None
        self._arms = self._grown(source.first())

    def now(self, user: object = None) -> Snapshot:
        """The snapshot for a request; where several share the traffic, the one for this user."""
        return self._arms.of(user)

    @property
    def before(self) -> Snapshot | None:
        """What served before, as far as it is in memory."""
        return None if self._before is None else self._before.snapshots[0]

    @property
    def serving(self) -> Arms:
        """All that serves."""
        return self._arms

    def change(self, wanted: Mapping[str, Any]) -> Snapshot:
        """Lets a file or version serve; see `Source.change`."""
        with self._lock, self._refusing(wanted):
            self._replace(self._source.change(wanted))
        return self.now()

    def rollback(self) -> Snapshot:
        """Lets serve what served before.

        Raises:
            ArgumentError: nothing did.
        """
        with self._lock:
            if self._store is None and self._before is None:
                raise ArgumentError("there is no earlier model to roll back to")
            found = self._source.back()
            self._replace(self._last() if found == "back" else found)
        return self.now()

    def look(self) -> None:
        """Looks for a new version, and for what the store has that the model has not.

        What goes wrong is logged, and a model that cannot serve is kept in `refused`; what serves
        goes on serving.
        """
        try:
            with self._lock, self._refusing({}):
                news = self._source.news()
                if news is not None:
                    self._replace(self._last() if news == "back" else news)
                elif self._store is not None and time.monotonic() >= self._due:
                    self._follow_store()
            self._said = ""
        except (RecsysError, OSError, MemoryError) as error:
            # Once: a store that does not answer is asked again twice a second.
            if str(error) != self._said:
                self._said = str(error)
                LOG.warning("not followed", extra={"reason": self._said})

    def follow(self) -> None:
        """Takes in at once what this process has just written to the store: a new item, a person
        to forget.
        """
        with self._lock:
            self._follow_store()

    def _follow_store(self) -> None:
        if self._store is None:
            return
        seq, before = self._store.seq, self._seq
        if seq == before:
            return
        changed = self._store.items_since(before)
        known = [one.base.fitted.items for one in self._arms.snapshots]
        late = bool(changed) and any((index.find(changed) < 0).any() for index in known)
        if late or len(self._store.forgotten()) != self._forgotten:
            self._arms = self._grown(self._arms)
        else:
            self._seq = seq

    def _grown(self, arms: Arms) -> Arms:
        # Each model with what the store has; as it was where that does not suit it.
        if self._store is None:
            kept = (replace(one, keep_bytes=self._keep) for one in arms.snapshots)
            return arms._replace(snapshots=tuple(kept))
        started = time.monotonic()
        self._seq = self._store.seq  # before the rest is read, so that nothing is missed
        self._forgotten = len(self._store.forgotten())
        found = tuple(self._one_grown(one, self._store) for one in arms.snapshots)
        self._due = time.monotonic() + _REST * (time.monotonic() - started)
        return arms._replace(snapshots=found)

    def _one_grown(self, snapshot: Snapshot, store: RatingsStore) -> Snapshot:
        try:
            model = grown(snapshot.base, store)
        except RecsysError as error:
            LOG.warning("not grown", extra={"reason": str(error)})
            return snapshot
        if model is snapshot.model and snapshot.keep_bytes == self._keep:
            return snapshot
        return replace(snapshot, model=model, keep_bytes=self._keep).warm()

    def _last(self) -> Arms:
        if self._before is None:
            raise ArgumentError("there is no earlier model to roll back to")
        return self._before

    def _replace(self, arms: Arms) -> None:
        arms = self._grown(arms)
        if arms.versions != self._arms.versions:
            self._before = self._arms
        self._arms, self.refused = arms, None
        self.n_reloads += 1
        give_back()  # the model before the last, which was read in another thread
        LOG.info("model", extra={"serving": [one.about for one in arms.snapshots]})

    @contextmanager
    def _refusing(self, wanted: Mapping[str, Any]) -> Iterator[None]:
        try:
            yield
        except StoreUnavailable:  # which says nothing about a model
            raise
        except (RecsysError, OSError, MemoryError) as error:
            self.refused = {"wanted": dict(wanted), "time": time.time(), "reason": str(error)}
            raise
