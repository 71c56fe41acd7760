"""Checkpoints: what a run has done, in a folder, so that the same run goes on after a kill.

A folder holds `run.checkpoint`, which says what run it is of, and a file for each finished step and
for the last state of a fit. Each has the format of model files, and appears whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from recsys.errors import ArgumentError, CheckpointError, ModelFileError
from recsys.files import claimed, expanded
from recsys.models.alternating import State
from recsys.models.kept import EVERY, RESULT, Entry, Kept
from recsys.models.spec import Spec
from recsys.provenance import versions
from recsys.ratings.ratings import Ratings
from recsys.recommend.items import ItemTable
from recsys.store import container, tables
from recsys.store.about import log_entry, progress_of

_ENDING = ".checkpoint"
_RUN = "run"
_LOCK = ".checkpoint.lock"
_MORE = "more."


class Host(Protocol):
    """Who started the run, and may ask it to stop."""

    def asked(self) -> bool:
        """Whether the run should save and stop."""

    def stop(self, where: str) -> None:
        """Ends the run by an exception. Everything is saved; `where` says how far it is."""

    def deferred(self) -> AbstractContextManager[None]:
        """While it lasts, a request to stop interrupts nothing: `asked` is looked at."""

    def say(self, remark: str) -> None:
        """Receives a remark of one line."""

    def warn(self, remark: str) -> None:
        """Receives a remark that nobody should miss."""


class Alone:
    """Nobody asks to stop, or reads remarks."""

    def asked(self) -> bool:
        """False."""
        return False

    def stop(self, where: str) -> None:
        """Is not called."""

    def deferred(self) -> AbstractContextManager[None]:
        """Changes nothing."""
        return nullcontext()

    def say(self, remark: str) -> None:
        """Drops it."""

    def warn(self, remark: str) -> None:
        """Warns as Python does."""
        warnings.warn(remark, stacklevel=2)


ALONE: Host = Alone()


class Checkpoint:
    """The checkpoint of one run; use it in a `with` statement.

    When the block ends without an error, the run is done, and its files are removed; otherwise what
    is not saved yet is saved.

    Args:
        folder: where the files are; it is created if it is not there.
        run: what the run depends on, ready for JSON: the data, the settings.
        every: seconds from one save to the next; what is done in between is lost in a kill.
        host: who started the run.
        keep: whether the files stay when the run is done. The same run then goes on from them, and
            another run replaces them.

    Raises:
        ArgumentError: the folder has the checkpoint of another run, or another process uses it, or
            `every` is no time.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        run: Mapping[str, Any],
        every: float = EVERY,
        host: Host = ALONE,
        keep: bool = False,
    ) -> None:
        if not every >= 0:
            raise ArgumentError(f"every must be a time of at least 0 seconds, not {every!r}")
        self.folder, self.host = expanded(folder), host
        self._run = json.loads(json.dumps({"recsys-mf": versions()["recsys-mf"], **run}))
        text = json.dumps(self._run, sort_keys=True)
        self._digest = hashlib.sha256(text.encode()).hexdigest()
        self._every, self._keep = every, keep
        self._pending: dict[str, Entry] = {}
        self._saved = time.monotonic()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        if self.folder.exists() and not self.folder.is_dir():
            raise ArgumentError(f"checkpoint must be a folder, and {self.folder} is a file")
        self.folder.mkdir(parents=True, exist_ok=True)
        claim = self._open.enter_context(claimed(self.folder / _LOCK, self._in_use))
        claim.keep = False
        with self._open:  # which closes it if the check fails
            self._check_run()
            self._open = self._open.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._open:
            if kind is not None:
                self.save()
            elif self._keep:
                self.save()
                self._write_run(done=True)
            else:
                self._remove()
        with suppress(OSError):  # it is not empty, or in use
            self.folder.rmdir()

    def part(self, name: str) -> Kept:
        """See `Kept.part`."""
        return _Part(self, name)

    def remember(self, name: str, key: Mapping[str, Any], make: Callable[[], Entry]) -> Entry:
        """See `Kept.remember`."""
        key = json.loads(json.dumps(key))
        found = self._read(name)
        if found is not None and found.about.get("key") == key:
            return Entry(found.arrays, found.about["about"])
        made = make()
        self._pending[name] = Entry(made.arrays, {"key": key, "about": dict(made.about)})
        if self.due:
            self.save()
        if self.host.asked():
            self.host.stop("between two steps")
        return made

    @contextmanager
    def fitting(self, name: str, spec: Spec) -> Iterator[Mapping[str, Any]]:
        """See `Kept.fitting`."""
        if not spec.resumable:
            self.host.say(f"{spec.name} does not train in epochs, so its fit cannot be resumed")
            yield {}
            return
        found = self._read(name)
        start = None if found is None else self._state(found)
        if start is not None:
            self.host.say(f"resuming after epoch {start.epoch} of {start.log[-1].n_epochs}")

        with self.host.deferred():
            yield {"start": start, "on_state": _OnState(self, name)}

    @property
    def due(self) -> bool:
        """Whether it is time to save, or the host asks to stop."""
        late = time.monotonic() - self._saved >= self._every
        return late or self.host.asked()

    def keep_state(self, name: str, state: State) -> None:
        """Saves the last state of a fit, and stops where the host asks to."""
        self._pending[name] = entry_of(state)
        self.save()
        if self.host.asked():
            self.host.stop(f"after epoch {state.epoch} of {state.log[-1].n_epochs}")

    def save(self) -> None:
        """Writes what is not written yet. Where that fails, it says so, and the run goes on."""
        try:
            for name in list(self._pending):
                self._write(name, self._pending[name])
                del self._pending[name]
        except (OSError, ModelFileError) as error:
            self.host.warn(
                f"checkpoint {self.folder} could not be saved ({container.reason(error)}); the "
                "run continues"
            )
        self._saved = time.monotonic()

    def _write(self, name: str, entry: Entry) -> None:
        container.write(self._file(name), entry.arrays, {"run": self._digest, **entry.about})
        if name.endswith(f".{RESULT}"):  # nothing else of its part is needed any more
            part = name.removesuffix(RESULT)
            for file in self._files():
                if file.name.startswith(part) and file != self._file(name):
                    file.unlink()

    def _in_use(self) -> None:
        raise ArgumentError(f"checkpoint {self.folder} is in use by another process")

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}{_ENDING}"

    def _files(self) -> list[Path]:
        # That of the run last: without it, the others are nobody's.
        found = sorted(self.folder.glob(f"*{_ENDING}"))
        return sorted(found, key=lambda file: file == self._file(_RUN))

    def _remove(self) -> None:
        for file in self._files():
            file.unlink()

    def _check_run(self) -> None:
        if self._file(_RUN).exists():
            about = self._opened(self._file(_RUN)).about
            if about.get("run") == self._run:
                return
            if not about.get("done"):
                raise ArgumentError(
                    f"checkpoint {self.folder} belongs to another run: "
                    f"{_difference(about, self._run)}; choose another folder, or remove this one "
                    "to start from the beginning"
                )
        self._remove()
        self._write_run(done=False)

    def _write_run(self, done: bool) -> None:
        container.write(self._file(_RUN), {}, {"run": self._run, "done": done})

    def _read(self, name: str) -> Entry | None:
        if name in self._pending:
            return self._pending[name]
        if not self._file(name).exists():
            return None
        found = self._opened(self._file(name))
        return found if found.about.get("run") == self._digest else None

    def _opened(self, file: Path) -> Entry:
        try:
            return Entry(*container.read(file, verify=True, mmap=False))
        except ModelFileError as error:
            raise self._damaged(error) from None

    def _state(self, found: Entry) -> State:
        try:
            return state_of(found)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> CheckpointError:
        return CheckpointError(
            f"checkpoint {self.folder} cannot be used ({container.reason(error)}); remove it to "
            "start from the beginning"
        )


@dataclass(frozen=True)
class _OnState:
    # What a fit calls after its epochs; see `recsys.models.alternating.OnState`.
    whole: Checkpoint
    name: str

    def due(self) -> bool:
        return self.whole.due

    def __call__(self, state: State) -> None:
        self.whole.keep_state(self.name, state)


@dataclass(frozen=True)
class _Part:
    # A part of a run; its names follow its own.
    whole: Checkpoint
    name: str

    def part(self, name: str) -> Kept:
        return _Part(self.whole, f"{self.name}.{name}")

    def remember(self, name: str, key: Mapping[str, Any], make: Callable[[], Entry]) -> Entry:
        return self.whole.remember(f"{self.name}.{name}", key, make)

    def fitting(self, name: str, spec: Spec) -> AbstractContextManager[Mapping[str, Any]]:
        return self.whole.fitting(f"{self.name}.{name}", spec)


def entry_of(state: State) -> Entry:
    """A state as a file holds it."""
    arrays = {"users": state.users, "items": state.items}
    arrays |= {f"{_MORE}{name}": array for name, array in state.more.items()}
    about = {
        "epoch": state.epoch,
        "spec": dict(state.spec or {}),
        "fingerprint": state.fingerprint,
        "log": [log_entry(progress) for progress in state.log],
        "generators": [rng.bit_generator.state for rng in (state.rng, *state.rngs)],
    }
    return Entry(arrays, about)


def state_of(found: Entry) -> State:
    """The state in an entry.

    Raises:
        KeyError: something is missing.
        TypeError: a value is of the wrong kind.
        ValueError: likewise, or the random generator is another one.
    """
    about = found.about
    rng, *rngs = map(_generator, about["generators"])
    more = {n.removeprefix(_MORE): a for n, a in found.arrays.items() if n.startswith(_MORE)}
    return State(
        epoch=int(about["epoch"]),
        users=found.arrays["users"],
        items=found.arrays["items"],
        rng=rng,
        log=tuple(map(progress_of, about["log"])),
        spec=about["spec"],
        fingerprint=str(about["fingerprint"]),
        more=more,
        rngs=tuple(rngs),
    )


def about_ratings(ratings: Ratings) -> dict[str, str]:
    """What tells ratings from others: digests of ids, matrix and times, and of the tables."""
    digest = hashlib.sha256()
    for index, frame in ((ratings.users, ratings.user_table), (ratings.items, ratings.item_table)):
        table = ItemTable(len(index), frame=frame).arrow
        digest.update(tables.to_bytes(tables.with_ids(index.ids, table)).data)
    return {"ratings": ratings.fingerprint, "tables": digest.hexdigest()}


def _generator(state: Mapping[str, Any]) -> np.random.Generator:
    rng = np.random.default_rng()
    rng.bit_generator.state = state
    return rng


def _difference(about: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    # What is not the same, in words; texts of digests say nothing.
    there, here = _flat(about.get("run") or {}), _flat(run)
    found = []
    for name in {**there, **here}:
        old, new = there.get(name, "nothing"), here.get(name, "nothing")
        if old == new:
            continue
        digests = any(len(str(one)) == 64 for one in (old, new))
        short = name.rpartition(".")[2]
        found.append(f"other {short}" if digests else f"{short} was {old} and is now {new}")
    return ", ".join(dict.fromkeys(found))


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
