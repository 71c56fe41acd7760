"""SIGTERM ends a command as Ctrl-C does: one line, its exit code, nothing half-written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture(scope="module")
def archive(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample as a zip file, which is unpacked to the temporary folder."""
    import shutil

    made = tmp_path_factory.mktemp("archive") / "sample"
    return Path(shutil.make_archive(str(made), "zip", root / "data", "sample"))


@pytest.mark.parametrize("delay", [0.0, 1.5])  # while it reads; while it trains
@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")],
)
def test_a_command_that_is_ended_says_so_and_leaves_nothing(
    number: int, code: int, said: str, delay: float, archive: Path, tmp_path: Path
) -> None:
    out, temporary = tmp_path / "out", tmp_path / "tmp"
    out.mkdir()
    temporary.mkdir()
    slow = ["--model", "implicit-als", "--set", "n_epochs=100000", "--set", "n_factors=64"]
    process = subprocess.Popen(
        [
            sys.executable,
            "-P",
            "-m",
            "recsys",
            "train",
            archive,
            *slow,
            "-o",
            out / "m.safetensors",
        ],
        env=os.environ | {"TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 60
    while not list(temporary.iterdir()) and time.monotonic() < end:  # until it reads
        time.sleep(0.01)
    time.sleep(delay)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert err.strip().splitlines()[-1] == f"recsys: {said}; no incomplete file was left"
    assert list(out.iterdir()) == []
    assert not [path for path in temporary.rglob("*") if path.is_file()]


_COMMAND = """
import os, signal, sys, time
from recsys.cli import main

number, when = int(sys.argv[1]), sys.argv[2]

class Late:
    def __del__(self):
        if when == "destroyed":
            os.kill(os.getpid(), number)

def command(*arguments, **options):
    late = Late()
    del late
    time.sleep(0.5)
    if when == "reported":
        raise OSError("no")

def report(error, really=main._report):
    os.kill(os.getpid(), number)
    return really(error)

main.typer.main.get_command = lambda app: command
main._report = report if when == "reported" else main._report
main.run(["x"])
"""


def ended(number: int, when: str) -> tuple[int, list[str]]:
    """Exit code and standard error of a command that gets a signal at a moment."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", _COMMAND, str(int(number)), when],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")],
)
def test_a_signal_while_an_object_is_destroyed_ends_the_command(
    number: int, code: int, said: str
) -> None:
    assert ended(number, "destroyed") == (code, [f"recsys: {said}; no incomplete file was left"])


def test_sigterm_after_the_work_changes_nothing() -> None:
    assert ended(signal.SIGTERM, "reported") == (7, ["recsys: cannot read or write: no"])


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (signal.SIGINT, 130, "recsys: interrupted; no incomplete file was left"),
        pytest.param(
            signal.SIGTERM,
            143,
            "recsys: terminated; no incomplete file was left",
            marks=pytest.mark.slow,
        ),
        (signal.SIGKILL, -9, None),
    ],
)
def test_the_processes_of_a_command_end_with_it(
    number: int, code: int, said: str | None, root: Path, tmp_path: Path
) -> None:
    """Ctrl-C reaches all of them, the other signals only the first one."""
    slow = ["--set", "implicit-als.n_epochs=100000", "--set", "implicit-als.n_factors=64"]
    slow += ["--split", "random", "--folds", "2", "--processes", "2"]
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "recsys", "evaluate", root / "data/sample", *slow],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    end = time.monotonic() + 60
    while len(list(tmp_path.rglob("*.arrays"))) < 2 and time.monotonic() < end:
        time.sleep(0.01)  # until both folds are shared
    time.sleep(0.5)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, err = process.communicate(timeout=60)  # the processes have the same standard error
    assert process.returncode == code, err
    assert said is None or err.strip().splitlines()[-1] == said
    while time.monotonic() < end:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.01)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    assert list(tmp_path.iterdir()) == []
