"""Failing writes, a full disk and failing allocations, in every command that writes."""

from __future__ import annotations

import ctypes
import os
import random
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from faults.runs import Done
from faults.stage import STAGES, Stage
from faults.tally import CLEAN, RAW, RIGHT, SILENT, Outcome

LEAST = 200_000
"""Bytes of the allocations that fail."""
_NO_SPACE = 7  # exit code
_PAGE = 4096  # bytes of a file system in memory that a file takes up at least


def write(number: int, rng: random.Random) -> Outcome:
    """Fails one operation on a file with ENOSPC or EIO, and those after it that need space."""
    stage = STAGES.of(number)
    old = rng.random() < 0.6 and not stage.writer.once
    _, n_operations = stage.undisturbed
    stage.reset(old)
    what, at = rng.choice(["enospc", "eio"]), rng.randint(1, n_operations)
    done = stage.run({"DO": what, "AT": at})
    return judged(stage, done, old, f"{what} at operation {at} of {n_operations}")


def largest_file(number: int, rng: random.Random) -> Outcome:
    """Limits the size of files, as `ulimit -f` does."""
    stage = STAGES.of(number)
    old = rng.random() < 0.6 and not stage.writer.once
    most = max(len(content) for content in stage.old.values())
    stage.reset(old)
    limit = rng.randint(0, most)
    with _limited(resource.RLIMIT_FSIZE, limit):
        done = stage.run()
    return judged(stage, done, old, f"files of at most {limit:,} bytes")


def full_disk(number: int, rng: random.Random) -> Outcome:
    """Writes to a small file system that fills up; right where none can be mounted."""
    stage = STAGES.of(number)
    old = rng.random() < 0.6 and not stage.writer.once
    stage.reset(old)
    before = sum(-(-path.stat().st_size // _PAGE) * _PAGE for path in stage.out.rglob("*"))
    room = before + rng.randint(0, sum(len(content) for content in stage.old.values()))
    with _small_disk(stage.out, room) as is_mounted:
        if not is_mounted:
            return Outcome(RIGHT, "nothing can be mounted here")
        stage.reset(old, is_mounted=True)
        return judged(stage, stage.run(), old, f"a disk of {room:,} bytes")


def memory(number: int, rng: random.Random) -> Outcome:
    """Fails one large allocation."""
    stage = STAGES.of(number)
    old = rng.random() < 0.6 and not stage.writer.once
    n_allocations = stage.allocations(LEAST)
    stage.reset(old)
    at = rng.randint(1, n_allocations)
    done = stage.run({"LEAST": LEAST, "NO_MEMORY_AT": at})
    return judged(stage, done, old, f"allocation {at} of {n_allocations} fails")


def judged(stage: Stage, done: Done, old: bool, what: str) -> Outcome:
    """What became of a command that lacked something."""
    about = f"{stage.writer.name}, {'with' if old else 'without'} old files, {what}"
    outcome = done.outcome
    if outcome.is_good:
        wrong = stage.wrong_files(old, may_leave=False)
        if done.code == 0 and not all((stage.out / name).exists() for name in stage.writer.whole):
            wrong = wrong or "exit code 0, and a file is missing"
        if wrong:
            outcome = Outcome(SILENT, wrong)
        elif done.code not in (0, _NO_SPACE):
            outcome = Outcome(SILENT, f"exit code {done.code}: {outcome.detail}")
    if outcome.kind == CLEAN and "Traceback" in done.err:
        outcome = Outcome(RAW, done.err[-800:])
    return Outcome(outcome.kind, f"{about}: {outcome.detail}")


@contextmanager
def _limited(what: int, most: int) -> Iterator[None]:
    # For the processes started in the block: the soft limit is inherited.
    before = resource.getrlimit(what)
    resource.setrlimit(what, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(what, before)


@contextmanager
def _small_disk(folder: Path, size: int) -> Iterator[bool]:
    # A file system in memory at a folder; whether it could be mounted.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if sys.platform != "linux" or os.geteuid() != 0:
        yield False
        return
    libc = ctypes.CDLL(None, use_errno=True)
    mount: Callable[..., int] = libc.mount
    options = f"size={max(size, _PAGE)}".encode()
    is_mounted = mount(b"none", str(folder).encode(), b"tmpfs", 0, options) == 0
    try:
        yield is_mounted
    finally:
        if is_mounted:
            libc.umount2(str(folder).encode(), 2)  # MNT_DETACH
