"""A folder in which a command that writes is disturbed, and what must hold there afterwards."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Mapping
from contextlib import nullcontext
from fnmatch import fnmatchcase
from functools import cache, cached_property

from faults.runs import BUILD, Done, run, started
from faults.service import Clients
from faults.tally import RIGHT, SILENT, Outcome
from faults.writer import Writer
from faults.writers import WRITERS, prepare, served

NOTHING: dict[str, str] = {}
_LEFTOVER = re.compile(r"\.[^/]+\.[0-9a-f]{16}\.part")
"""The name of a temporary file of a writer that was killed."""


class Stage:
    """One command, its files from before, and its undisturbed run."""

    def __init__(self, writer: Writer, group: str) -> None:
        self.writer, self.place = writer, prepare(BUILD / "stage")
        self.out, self._old = self.place / "out", self.place / "old" / group / writer.name
        self.clients = Clients()

    @cached_property
    def undisturbed(self) -> tuple[float, int]:
        """Seconds and operations on files of a run without old files."""
        log = self.place / "operations"
        log.unlink(missing_ok=True)
        self.reset(old=False)
        start = time.monotonic()
        done = self.run({"LOG": str(log)})
        assert done.code == 0, (self.writer.name, done.err)
        took = time.monotonic() - start
        assert all(one.acknowledged for one in self.clients.sent)
        assert bool(self.clients.sent) == self.writer.is_service
        shutil.rmtree(self._old, ignore_errors=True)
        shutil.copytree(self.out, self._old)
        self._sent = self.clients.sent
        return took, log.stat().st_size

    @cache  # noqa: B019
    def allocations(self, least: int) -> int:
        """Allocations of at least so many bytes of a run."""
        log = self.place / "allocations"
        log.unlink(missing_ok=True)
        self.reset(old=False)
        assert self.run({"ALLOCATIONS": str(log), "LEAST": least}).code == 0
        return log.stat().st_size

    @cached_property
    def old(self) -> Mapping[str, bytes]:
        """What an undisturbed run writes: name → content."""
        assert self.undisturbed
        return {name: (self._old / name).read_bytes() for name in self.writer.whole}

    def reset(self, old: bool, is_mounted: bool = False) -> None:
        """Empties the folders of output and of temporary files, or puts the old output there.

        Args:
            old: whether the output of an undisturbed run is there, or what the command changes.
            is_mounted: whether the folder of output is an empty file system.
        """
        for folder in (self.place / "tmp", *(() if is_mounted else (self.out,))):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        if old:
            assert self.old
            shutil.copytree(self._old, self.out, dirs_exist_ok=True)
        self.clients.begin(self._sent if old else ())
        for name, source in () if old else self.writer.replaces.items():
            copy = shutil.copytree if (self.place / source).is_dir() else shutil.copy
            copy(self.place / source, self.out / name)

    def run(
        self,
        shim: Mapping[str, str | int] | None = None,
        after: tuple[float, int] | None = None,
    ) -> Done:
        """Runs the command, with operations on its folders counted."""
        if shim is not None:
            shim = {"UNDER": f"{self.out}:{self.place / 'tmp'}", **shim}
        if self.writer.is_service:
            return self.clients.use(
                started(self.writer.command(self.place), self.place, shim), after
            )
        server = served(self.place / "www") if self.writer.name == "fetch" else nullcontext(NOTHING)
        with server as environment:
            return run(
                self.writer.command(self.place), self.place, shim, environment, after,
                self.writer.typed,
            )  # fmt: skip

    def files(self) -> list[str]:
        """What is in the output folder, files and empty folders."""
        found = [path for path in self.out.rglob("*") if path.is_file() or not any(path.iterdir())]
        return sorted(str(path.relative_to(self.out)) for path in found)

    def wrong_files(self, old: bool, may_leave: bool) -> str:
        """What is wrong with the files, in words; "" for nothing.

        Args:
            old: whether there were old ones.
            may_leave: whether temporary files may be there, as after SIGKILL.
        """
        for name, check in self.writer.whole.items():
            file = self.out / name
            if not file.exists():
                if old or name in self.writer.replaces or self.clients.acknowledged:
                    return f"half file: {name} is gone"
                continue
            try:
                if not old or file.read_bytes() != self.old[name]:
                    check(file)
            except Exception as error:
                return f"half file: {name}: {type(error).__name__}: {str(error)[:200]}"
            lost = self.clients.lost(file) if self.writer.is_service else ""
            if lost:
                return f"lost: {lost}"
        strange = [name for name in self.files() if name not in self.writer.whole]
        strange = [n for n in strange if not any(fnmatchcase(n, p) for p in self.writer.others)]
        if not may_leave and strange:
            return f"left behind: {', '.join(strange)}"
        unknown = [n for n in strange if not self._is_temporary(n)]
        if unknown:
            return f"half file: unknown {', '.join(unknown)}"
        temporary = (self.place / "tmp").rglob("*")
        kept = [str(one) for one in temporary if one.is_file() or one.name.startswith("recsys.")]
        return "" if may_leave or not kept else f"left in the temporary folder: {kept}"

    def _is_temporary(self, name: str) -> bool:
        # The archive of a data set is unpacked to a hidden folder.
        first = name.split("/")[0]
        return bool(_LEFTOVER.fullmatch(name.rpartition("/")[2])) or first.startswith(".ml-")

    def mended(self) -> Outcome:
        """What an undisturbed run of the same command makes of what is there."""
        done = self.run()
        if done.code != 0 and not (self.writer.once and done.outcome.is_good):
            return Outcome(SILENT, f"the next run fails: {done.err[-500:]}")
        missing = [name for name in self.writer.whole if not (self.out / name).exists()]
        if missing:
            return Outcome(SILENT, f"the next run does not write {missing}")
        if self.writer.complete is not None:
            try:
                self.writer.complete(self.out)
            except Exception as error:
                return Outcome(SILENT, f"the next run leaves it incomplete: {error!r}")
        left = [n for n in self.files() if self._is_temporary(n)]
        wrong = self.wrong_files(old=False, may_leave=True)
        if left or wrong:
            return Outcome(SILENT, wrong or f"left behind after the next run: {', '.join(left)}")
        return Outcome(RIGHT)


class Stages:
    """The stages of some commands in one folder, made when they are needed."""

    def __init__(self, group: str, writers: Mapping[str, Writer]) -> None:
        self._group, self._writers = group, writers
        self._known: dict[str, Stage] = {}

    def of(self, number: int) -> Stage:
        """Each command in turn."""
        names = list(self._writers)
        name = names[number % len(names)]
        if name not in self._known:
            self._known[name] = Stage(self._writers[name], self._group)
        return self._known[name]


STAGES = Stages("all", WRITERS)
"""Those of all commands that write."""
