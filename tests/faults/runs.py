"""Runs of the `recsys` command under the library in `shim.c`, which ends or fails them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

from faults.tally import CLEAN, CRASH, HANG, RAW, RIGHT, Outcome

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("FAULTS_BUILD", ROOT / "build" / "faults"))
"""Where attacks work; two runs at once need a folder each."""
TIMEOUT = float(os.environ.get("FAULTS_TIMEOUT", 120))
"""Seconds after which a run counts as hanging; more is right where other work has priority."""
ENDED_BY = {-signal.SIGKILL: "SIGKILL", 143: "SIGTERM"}
"""Exit status → the signal of an attack that led to it."""


class Done(NamedTuple):
    """A run that is over."""

    code: int
    """Exit code; less than 0 where a signal ended it."""
    err: str
    """Standard error."""
    timed_out: bool = False

    @property
    def outcome(self) -> Outcome:
        """Whether it ended well, with one line, or badly."""
        last = (self.err.strip().splitlines() or [""])[-1]
        if self.timed_out:
            return Outcome(HANG, last)
        if self.code == 0:
            return Outcome(RIGHT)
        if self.code < 0 or "Fatal Python error" in self.err:
            return Outcome(CRASH, f"exit status {self.code}: {self.err[-800:]}")
        if self.code == 1 or "Traceback" in self.err or not last.startswith("recsys: "):
            return Outcome(RAW, f"exit code {self.code}: {self.err[-800:]}")
        return Outcome(CLEAN, last)


@cache
def library() -> Path:
    """The compiled shim."""
    source = Path(__file__).with_name("shim.c")
    BUILD.mkdir(parents=True, exist_ok=True)
    built = BUILD / "shim.so"
    if not built.exists() or built.stat().st_mtime < source.stat().st_mtime:
        new = built.with_suffix(f".{os.getpid()}")
        flags = ["-O2", "-shared", "-fPIC", "-o", str(new), str(source), "-ldl"]
        subprocess.run([os.environ.get("CC", "cc"), *flags], check=True)
        new.replace(built)
    return built


def run(
    arguments: Sequence[str | Path],
    folder: Path,
    shim: Mapping[str, str | int] | None = None,
    more: Mapping[str, str] | None = None,
    after: tuple[float, int] | None = None,
    typed: str = "",
) -> Done:
    """Runs `recsys` in a folder to its end.

    Args:
        arguments: of the command.
        folder: the working folder.
        shim: what the library is to do, see `started`.
        more: other environment variables.
        after: seconds from the start to a signal, and its number.
        typed: what somebody types into a terminal; "" for no terminal.
    """
    with _terminal(typed) as stdin:
        return _ended(started(arguments, folder, shim, more, stdin), after)


def started(
    arguments: Sequence[str | Path],
    folder: Path,
    shim: Mapping[str, str | int] | None = None,
    more: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[str]:
    """A process of `recsys` in a folder, whose subfolder `tmp` is for temporary files.

    Args:
        arguments: of the command.
        folder: the working folder.
        shim: what the library is to do, without the prefix `FAULTS_`; None to run without it.
        more: other environment variables.
        stdin: what it reads.
    """
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    set_ = {"TMPDIR": str(folder / "tmp"), "OPENBLAS_NUM_THREADS": "2", "COLUMNS": "100"}
    if shim is not None and "LEAST" in shim:
        # With several threads OpenBLAS ends the process where it gets no memory for its own work.
        set_["OPENBLAS_NUM_THREADS"] = "1"
    if shim is not None:
        set_ |= {f"FAULTS_{name}": str(value) for name, value in shim.items()}
        set_ |= {"LD_PRELOAD": str(library())}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "recsys", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **set_, **(more or {})},
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )


@contextmanager
def _terminal(typed: str) -> Iterator[int]:
    # What the command reads: nothing, or a terminal in which this is typed already.
    if not typed:
        yield subprocess.DEVNULL
        return
    main, other = os.openpty()
    try:
        os.write(main, typed.encode())
        yield other
    finally:
        os.close(main)
        os.close(other)


def _ended(process: subprocess.Popen[str], after: tuple[float, int] | None) -> Done:
    if after is not None:
        try:
            _, err = process.communicate(timeout=after[0])
            return Done(process.returncode, err)
        except subprocess.TimeoutExpired:
            process.send_signal(after[1])
    try:
        _, err = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        return Done(process.wait(), "", timed_out=True)
    return Done(process.returncode, err)
