"""`Snapshot`: the model that answers one request, and `Live`: the one that answers the next."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from recsys.errors import ArgumentError, RecsysError
from recsys.recommend import questions
from recsys.recommend.answer import Table
from recsys.recommend.choice import Choice
from recsys.recommend.recommender import Recommender
from recsys.service.asked import Listed, from_query
from recsys.store.model_file import load

_KEPT = 256  # query strings whose choices are remembered


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One version of a model, with what its answers share. Never changed, only replaced."""

    model: Recommender
    name: str
    version: str | int
    arm: str | None = None
    """Which part of the traffic it answers, where several models share it."""
    file: Path | None = None
    loaded: float = field(default_factory=time.time)

    @cached_property
    def about(self) -> dict[str, Any]:
        """What each answer says of its model."""
        arm = {} if self.arm is None else {"arm": self.arm}
        return {"name": self.name, "version": self.version} | arm

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

    @cached_property
    def _records(self) -> dict[int, dict[str, Any]]:
        return {}

    def record(self, row: int) -> dict[str, Any]:
        """What is known of the item in a row, ready for JSON."""
        found = self._records.get(row)
        if found is None:
            at = np.array([row])
            table = Table({"row": at}, self.model.items, at)
            found = table.to_dict()["rows"][0]
            del found["row"]
            self._records[row] = found
        return found

    def warm(self) -> Snapshot:
        """The same, after one answer: packed items, titles and counts are ready for the next."""
        model = self.model
        known = np.flatnonzero(model.counts.users)[:1] if model.counts is not None else [0]
        if len(known) and model.has_history:
            questions.recommend(model, model.fitted.users.ids[known[0]], Choice(n=1))
        _ = model.titles, model.scale, model.popularity if model.counts is not None else None
        return self


def opened(file: Path, version: str | int | None = None, name: str | None = None) -> Snapshot:
    """The model in a file, read into memory, so that writing into the file changes no answer.

    Without a version it is the beginning of the file's SHA-256, which all workers agree on.

    Raises:
        ModelFileError: the file cannot be read or is damaged.
    """
    model = load(file, mmap=False)
    if version is None:
        with file.open("rb") as stream:
            version = hashlib.file_digest(stream, "sha256").hexdigest()[:12]
    return Snapshot(model, name or file.stem, version, file=file).warm()


def in_memory(model: Recommender, name: str | None = None) -> Snapshot:
    """A model that is there already; its version comes from its numbers."""
    digest = hashlib.sha256(model.fingerprint.encode())
    digest.update(orjson.dumps(model.fitted.spec.to_dict(), default=str))
    tables = getattr(model.factors, "item_factors", None)
    weights = getattr(model.factors, "weights", None)
    numbers = tables if tables is not None else weights.data if weights is not None else ()
    digest.update(np.ascontiguousarray(numbers).tobytes())
    return Snapshot(model, name or model.fitted.spec.name, digest.hexdigest()[:12]).warm()


class Live:
    """The snapshot in service and the one before it. Replacing it is one assignment.

    A request asks for a snapshot once, at its start, so that one answer comes from one version.
    """

    def __init__(self, first: Snapshot) -> None:
        self._current = first
        self._before: Snapshot | None = None
        self._lock = threading.Lock()
        self.refused: Mapping[str, Any] | None = None
        """The latest file that could not replace the model: its name, when, and why."""
        self.n_reloads = 0

    def now(self) -> Snapshot:
        """The snapshot in service."""
        return self._current

    @property
    def before(self) -> Snapshot | None:
        """What `rollback` would bring back."""
        return self._before

    def open(self, file: Path, **about: Any) -> Snapshot:
        """Reads a model file and puts it into service; a bad file leaves everything as it is.

        Raises:
            ModelFileError: the file cannot be read.
        """
        with self._lock:
            try:
                found = opened(file, **about)
            except (RecsysError, OSError, MemoryError) as error:
                self.refused = {"file": file.name, "time": time.time(), "reason": str(error)}
                raise
            self._replace(found)
        return found

    def replace(self, snapshot: Snapshot) -> None:
        """Puts a snapshot into service."""
        with self._lock:
            self._replace(snapshot)

    def _replace(self, snapshot: Snapshot) -> None:
        if snapshot.version != self._current.version:
            self._before = self._current
        self._current, self.refused = snapshot, None
        self.n_reloads += 1

    def rollback(self) -> Snapshot:
        """Brings back the snapshot before the one in service.

        Raises:
            ArgumentError: there is none.
        """
        with self._lock:
            if self._before is None:
                raise ArgumentError("there is no earlier model to roll back to")
            self._current, self._before = self._before, self._current
            self.n_reloads += 1
            return self._current
