"""`Snapshot`: the model that answers one request, and `Arms`: those that share the traffic."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson

from recsys.recommend import questions
from recsys.recommend.answer import Table
from recsys.recommend.choice import Choice
from recsys.recommend.recommender import Recommender
from recsys.service.asked import Listed, from_query
from recsys.service.kept import MOST_BYTES, Kept, MadeList
from recsys.service.people import Somebody
from recsys.store.model_file import load

_KEPT = 256  # query strings whose choices are remembered
_PEOPLE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One version of a model, with what its answers share. Never changed, only replaced."""

    model: Recommender
    """With what the store has and the training had not; see `recsys.service.growing`."""
    base: Recommender
    """As it was loaded."""
    name: str
    version: str | int
    arm: str | None = None
    """Which part of the traffic it answers, where several models share it."""
    file: Path | None = None
    loaded: float = field(default_factory=time.time)
    keep_bytes: int = MOST_BYTES
    """Of answers, for when they are asked for again."""

    @cached_property
    def about(self) -> dict[str, Any]:
        """What each answer says of its model."""
        arm = {} if self.arm is None else {"arm": self.arm}
        return {"name": self.name, "version": self.version} | arm

    @cached_property
    def lists(self) -> Kept[MadeList]:
        """Lists that are asked for again."""
        return Kept(self.keep_bytes)

    @cached_property
    def people(self) -> Kept[Somebody]:
        """People as the model sees them; with a store, as it said when it was last asked."""
        return Kept(_PEOPLE_BYTES)

    @cached_property
    def _choices(self) -> dict[bytes, tuple[Listed, Choice]]:
        return {}

    def listed(self, query: bytes) -> tuple[Listed, Choice]:
        """What a query string asks for, as the declared settings and as the model's choice."""
        found = self._choices.get(query)
        if found is None:
            asked = from_query(Listed, query)
            found = asked, asked.choice(self.model)
            if len(self._choices) >= _KEPT:
                self._choices.clear()
            self._choices[query] = found
        return found

    def record(self, row: int) -> dict[str, Any]:
        """What is known of the item in a row, ready for JSON."""
        _, rest = self.known([row])[0]
        found: dict[str, Any] = orjson.loads(b"{" + rest[1:] + b"}")
        return found

    @cached_property
    def item_columns(self) -> frozenset[str]:
        """Names of what is known of items."""
        return frozenset(self.model.items.columns)

    @cached_property
    def _known(self) -> dict[int, tuple[bytes, bytes]]:
        return {}

    def known(self, rows: list[int]) -> list[tuple[bytes, bytes]]:
        """The ids of the items in some rows as JSON, and `record` of each as the end of a JSON
        object: with a comma in front, without the braces.
        """
        kept = self._known
        return [kept.get(row) or self._encoded(row) for row in rows]

    def _encoded(self, row: int) -> tuple[bytes, bytes]:
        at = np.array([row])
        answer = {"item": self.model.fitted.items.ids[at]}
        record = Table(answer, self.model.items, at).to_dict()["rows"][0]
        name = orjson.dumps(record.pop("item"))
        text = orjson.dumps(record)[1:-1]
        found = self._known[row] = name, b"," + text if text else b""
        return found

    def warm(self) -> Snapshot:
        """The same, after one answer: packed items, titles and counts are ready for the next."""
        model = self.model
        known = np.flatnonzero(model.counts.users)[:1] if model.counts is not None else [0]
        if len(known) and model.has_history:
            questions.recommend(model, model.fitted.users.ids[known[0]], Choice(n=1))
        _ = model.titles, model.scale, model.popularity if model.counts is not None else None
        return self


def opened(
    file: Path,
    version: str | int | None = None,
    name: str | None = None,
    *,
    sha256: str | None = None,
    arm: str | None = None,
) -> Snapshot:
    """The model in a file, read into memory, so that writing into the file changes no answer.

    Without a version it is the beginning of the file's SHA-256, which all workers agree on.

    Raises:
        ModelFileError: the file cannot be read or is damaged, or has another digest.
    """
    model = load(file, mmap=False, sha256=sha256)
    if version is None:
        with file.open("rb") as stream:
            version = hashlib.file_digest(stream, "sha256").hexdigest()[:12]
    return Snapshot(model, model, name or file.stem, version, arm, file).warm()


def in_memory(model: Recommender, name: str | None = None) -> Snapshot:
    """A model that is there already; its version comes from its numbers."""
    digest = hashlib.sha256(model.fingerprint.encode())
    digest.update(orjson.dumps(model.fitted.spec.to_dict(), default=str))
    tables = getattr(model.factors, "item_factors", None)
    weights = getattr(model.factors, "weights", None)
    numbers = tables if tables is not None else weights.data if weights is not None else ()
    digest.update(np.ascontiguousarray(numbers).tobytes())
    return Snapshot(model, model, name or model.fitted.spec.name, digest.hexdigest()[:12]).warm()


class Arms(NamedTuple):
    """What serves: one snapshot, or several that share the people."""

    snapshots: tuple[Snapshot, ...]
    """The one in service first."""
    shares: tuple[Any, ...] = ()
    """The arms of the shelf, which say who gets which; empty where there is no shelf."""

    def of(self, user: object) -> Snapshot:
        """The snapshot for a person; None for somebody who has no id."""
        if len(self.snapshots) == 1:
            return self.snapshots[0]
        from recsys.store.database.versions import arm_of

        version = arm_of(user, self.shares).version.version
        return next(one for one in self.snapshots if one.version == version)

    @property
    def versions(self) -> tuple[str | int, ...]:
        """Their versions."""
        return tuple(one.version for one in self.snapshots)
