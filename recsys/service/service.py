"""`Service`: what all requests of one application share."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from recsys.errors import ModelError
from recsys.service.asked import a_user
from recsys.service.keeper import Keeper
from recsys.service.people import Somebody, stored, trained
from recsys.service.traffic import Traffic

if TYPE_CHECKING:
    from recsys.recommend.recommender import Recommender
    from recsys.service.guard import Guard
    from recsys.service.live import Live
    from recsys.service.metrics import Metrics
    from recsys.service.snapshot import Snapshot
    from recsys.store.database.ratings_store import RatingsStore

_LOOK_S = 0.5  # seconds between two looks at files and store


@dataclass(eq=False)
class Service:
    """The model in service, the store, and who may ask."""

    live: Live
    store: RatingsStore | None
    guard: Guard
    metrics: Metrics
    started: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        self.traffic = None if self.store is None else Traffic(self.store)
        self.looking = Keeper(self.live.look, _LOOK_S, "recsys looking")
        # A file is read where the request is; a server is waited for in a thread.
        self.store_is_near = self.store is None or self.store.is_local

    def start(self) -> None:
        """Starts the threads that look for new models and write what was served."""
        if not self.looking.runs:
            self.looking.start()
            if self.traffic is not None:
                self.traffic.keeper.start()

    def stop(self) -> None:
        """Ends them, after what waits was written."""
        self.looking.stop()
        if self.traffic is not None:
            self.traffic.keeper.stop()

    def needs_store(self) -> RatingsStore:
        """The store.

        Raises:
            ModelError: there is none.
        """
        if self.store is None:
            raise ModelError("this service has no store, so nothing can be written; start it with "
                             "--store sqlite:///ratings.db")  # fmt: skip
        return self.store

    def called(self, snapshot: Snapshot, name: str) -> Somebody:
        """Somebody by their id as text; see `person`."""
        model = snapshot.model
        if self.store is not None:
            return self.person(snapshot, a_user(model, name))
        return snapshot.people.get(name, None, lambda: trained(model, a_user(model, name)))

    def person(self, snapshot: Snapshot, user: int | str) -> Somebody:
        """Somebody by id: with the ratings of the store, where it knows them.

        Raises:
            UnknownIdError: nobody knows them.
            StoreUnavailable: the store does not answer.
        """
        if self.store is None:
            return trained(snapshot.model, user)
        mark = self.store.mark(user)
        if mark is None:
            return self._read(snapshot.model, user)
        return snapshot.people.get(user, mark, lambda: self._read(snapshot.model, user))

    def _read(self, model: Recommender, user: int | str) -> Somebody:
        given = self.needs_store().given(user)
        return trained(model, user) if given is None else stored(model, user, given)

    def history(self, model: Recommender, user: Any) -> list[tuple[Any, float]] | None:
        """Item and rating of what a user rated before the training, for the store to adopt."""
        row = int(model.fitted.users.find([user])[0])
        if row < 0 or not model.has_history:
            return None
        items = model.fitted.items.ids[model.seen_by(row)].tolist()
        return list(zip(items, model.ratings_of(row).tolist(), strict=True))
