"""Where the model in service comes from: this process, a file that may change, or the shelf."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from recsys.errors import ArgumentError, ModelError, ModelFileError
from recsys.recommend.recommender import Recommender
from recsys.service.snapshot import Arms, Snapshot, in_memory, opened

if TYPE_CHECKING:
    from recsys.store.database.ratings_store import RatingsStore

Stamp = tuple[int, int, int]
Back = Literal["back"]
"""The snapshot before the one in service, which `Live` keeps."""


class Source(Protocol):
    """Says what serves, and changes it."""

    def first(self) -> Arms:
        """What serves at the start.

        Raises:
            ModelFileError: it cannot be read.
        """

    def news(self) -> Arms | Back | None:
        """What serves now, if that is something else than the last time.

        Raises:
            ModelFileError: it cannot be read; the next call tries something else, or nothing.
        """

    def change(self, wanted: Any) -> Arms:
        """Lets a file or a version serve.

        Raises:
            ArgumentError: this source has no such thing.
            ModelFileError: it cannot be read.
        """

    def back(self) -> Arms | Back:
        """What served before."""


class Memory:
    """A model that somebody handed over."""

    def __init__(self, model: Recommender, name: str | None) -> None:
        self._first = in_memory(model, name)

    def first(self) -> Arms:
        """See `Source`."""
        return _alone(self._first)

    def news(self) -> None:
        """See `Source`."""

    def change(self, wanted: Any) -> Arms:
        """See `Source`."""
        raise ArgumentError(
            "this service got its model from memory, so it has no folder of model files"
        )

    def back(self) -> Back:
        """See `Source`."""
        return "back"


class File:
    """A model file, the other model files in its folder, and perhaps a file that is watched.

    Workers learn from a list, in a file that they share, what one of them was asked to serve.
    """

    def __init__(
        self,
        file: Path,
        name: str | None,
        watch: Path | None = None,
        changes: Path | None = None,
    ) -> None:
        self._file, self._name, self._watch = file, name, watch
        self._seen = self._before = None if watch is None else _stamp(watch)
        self._changes, self._done = changes, 0

    def first(self) -> Arms:
        """See `Source`."""
        return _alone(opened(self._file, name=self._name))

    def news(self) -> Arms | Back | None:
        """What another worker was asked for; or the watched file, once it has changed and then
        stayed as it is between two calls.
        """
        told = self._listed()
        if len(told) > self._done:
            self._done += 1
            name = told[self._done - 1]
            return "back" if name is None else self._opened(name)
        if self._watch is None:
            return None
        now, before = _stamp(self._watch), self._before
        self._before = now
        if now is None or now == self._seen or now != before:
            return None
        self._seen = now
        return _alone(opened(self._watch, name=self._name))

    def change(self, wanted: Any) -> Arms:
        """Another file of the same folder, by its name alone."""
        name = wanted.get("file")
        if not isinstance(name, str) or "version" in wanted:
            raise ArgumentError("give the name of a model file as {'file': 'model.safetensors'}")
        if not name or name != os.path.basename(name) or name.startswith(".") or "\0" in name:
            raise ArgumentError(
                "file must be the name of a model file in the folder of the one in service, "
                "without a path"
            )
        found = self._opened(name)
        self._tell(name)
        return found

    def back(self) -> Back:
        """See `Source`."""
        self._tell(None)
        return "back"

    def _opened(self, name: str) -> Arms:
        file = self._file.parent / name
        try:
            return _alone(opened(file, name=self._name))
        except ModelFileError as error:  # without the folder, which is nobody's business
            raise ModelFileError(str(error).replace(str(file), name)) from None

    def _listed(self) -> list[str | None]:
        if self._changes is None:
            return []
        return [json.loads(line) for line in self._changes.read_text("utf-8").splitlines()]

    def _tell(self, name: str | None) -> None:
        # One write to the end of the file is whole, whoever else writes.
        if self._changes is not None:
            with self._changes.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(name) + "\n")
            self._done += 1


class OnShelf:
    """The versions of a model in the store: the one in service, and one on trial."""

    def __init__(self, store: RatingsStore, name: str) -> None:
        self._store, self._name = store, name
        self._serving: tuple[Any, ...] = ()
        self._loaded: dict[int, Snapshot] = {}

    def first(self) -> Arms:
        """See `Source`."""
        found = self.news()
        if found is None:
            raise ModelError(
                f"the store has no model {self._name!r} in service; train one with recsys retrain"
            )
        return found

    def news(self) -> Arms | None:
        """See `Source`."""
        arms = self._store.models.arms(self._name)
        serving = tuple((one.label, one.version.version, one.share) for one in arms)
        if not arms or serving == self._serving:
            return None
        self._serving = serving  # also if it cannot be read, so that it is tried once
        loaded = {one.version.version: self._snapshot(one, len(arms) > 1) for one in arms}
        self._loaded = loaded
        return Arms(tuple(loaded.values()), arms)

    def _snapshot(self, arm: Any, shared: bool) -> Snapshot:
        label = arm.label if shared else None
        known = self._loaded.get(arm.version.version)
        if known is not None and known.arm == label:
            return known
        version = arm.version
        return opened(version.file, version.version, self._name, sha256=version.sha256, arm=label)

    def change(self, wanted: Any) -> Arms:
        """Another version, which serves all workers from now on."""
        version = wanted.get("version")
        if not isinstance(version, int) or isinstance(version, bool) or "file" in wanted:
            raise ArgumentError("give the number of a version as {'version': 3}")
        one = self._store.models.get(version)
        if one.name != self._name:
            raise ArgumentError(
                f"version {version} is a version of {one.name}, not of {self._name}"
            )
        opened(one.file, version, self._name, sha256=one.sha256)  # before it is promoted
        self._store.models.promote(version)
        return self._now()

    def back(self) -> Arms:
        """See `Source`."""
        self._store.models.rollback(self._name)
        return self._now()

    def _now(self) -> Arms:
        self._serving = ()
        found = self.news()
        assert found is not None  # something serves, and nothing was known of it
        return found


def _alone(snapshot: Snapshot) -> Arms:
    return Arms((snapshot,))


def _stamp(file: Path) -> Stamp | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
