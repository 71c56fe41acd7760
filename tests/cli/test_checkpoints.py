"""`--checkpoint`: what the first and the second signal do, and what is said."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from commands import RunCommand

import recsys
from recsys.store import container

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"
SLOW = ["--model", "implicit-als", "--set", "n_epochs=200", "--set", "n_factors=16"]
PACED = """
import sys, time
from recsys.models import alternating
from recsys.cli.main import run
def on_epoch(*given):
    time.sleep(0.03)
    return Progress(*given)
Progress, alternating.Progress = alternating.Progress, on_epoch
run(sys.argv[1:])
"""
"""The command line, with epochs that take a while: a few seconds of training."""


def started(arguments: Sequence[object], paced: bool = True) -> subprocess.Popen[str]:
    # -P, so that not the checkout but what is installed is under test.
    program = ["-c", PACED] if paced else ["-m", "recsys"]
    command = [sys.executable, "-P", *program, *map(str, arguments)]
    wide = os.environ | {"COLUMNS": "200"}
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=wide)


def when_there(file: Path, process: subprocess.Popen[str]) -> None:
    """Waits until a process has written a file."""
    end = time.monotonic() + 60
    while not file.exists():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)


def train(tmp_path: Path, *more: str) -> list[object]:
    return ["train", SAMPLE, *SLOW, "-o", tmp_path / "m", "--checkpoint", tmp_path / "ck", *more]


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_lets_the_epoch_end_and_prints_the_command_that_goes_on(
    number: int, code: int, said: str, tmp_path: Path
) -> None:
    process = started(train(tmp_path, "--every", "0.1s"))
    when_there(tmp_path / "ck" / "training.fit.checkpoint", process)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    asked, stopped, go_on, command, last = err.splitlines()[-5:]
    assert asked == "recsys: finishing this epoch, then saving; once more stops at once"
    epoch = int(stopped.removeprefix("stopped after epoch ").removesuffix(" of 200"))
    assert go_on == f"progress is saved in {tmp_path / 'ck'}; to resume:"
    assert last == f"recsys: {said}; no incomplete file was left"
    state = container.read_header(tmp_path / "ck" / "training.fit.checkpoint").about
    assert state["epoch"] == epoch
    # What is printed can be typed, and ends as if nothing had happened.
    again = started(shlex.split(command)[1:], paced=False)
    _, err = again.communicate(timeout=100)
    assert again.returncode == 0
    assert f"resuming after epoch {epoch} of 200" in err.splitlines()
    assert not (tmp_path / "ck").exists()
    expected = recsys.ImplicitALS(16, n_epochs=200).fit(recsys.read_ratings(SAMPLE))
    found = recsys.load(tmp_path / "m").factors
    assert np.array_equal(found.user_factors, expected.user_factors)
    assert np.array_equal(found.item_factors, expected.item_factors)


class Terminal:
    """A command in a terminal of its own, where Ctrl-C is a key."""

    def __init__(self, arguments: Sequence[object]) -> None:
        self._main, other = pty.openpty()
        environment = os.environ | {"COLUMNS": "100", "TERM": "xterm"}
        command = ["-P", "-c", PACED, *map(str, arguments)]
        pid = os.fork()
        if not pid:
            os.setsid()
            os.close(os.open(os.ttyname(other), os.O_RDWR))  # which makes it the terminal
            for stream in (0, 1, 2):
                os.dup2(other, stream)
            os.execve(sys.executable, [sys.executable, *command], environment)
        os.close(other)
        self._pid, self.shown = pid, ""

    def type(self, keys: bytes) -> None:
        os.write(self._main, keys)

    def read_until(self, pattern: str) -> None:
        end = time.monotonic() + 60
        while not re.search(pattern, self.shown):
            assert time.monotonic() < end, self.shown
            self._read()

    def end(self) -> int:
        """The exit code, once everything is read."""
        while self._read():
            pass
        os.close(self._main)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def _read(self) -> bool:
        if not select.select([self._main], [], [], 60)[0]:
            return False
        try:
            part = os.read(self._main, 1 << 16)
        except OSError:  # the other side is closed
            return False
        self.shown += part.decode("utf-8", "replace")
        return bool(part)


def test_ctrl_c_in_a_terminal(tmp_path: Path) -> None:
    terminal = Terminal(train(tmp_path))
    terminal.read_until(r"epoch \d+/200")
    terminal.type(b"\x03")
    assert terminal.end() == 130
    assert "finishing this epoch, then saving; once more stops at once\r\n" in terminal.shown
    assert "stopped after epoch " in terminal.shown
    assert f"recsys train {SAMPLE} " in terminal.shown
    assert sorted(path.name for path in (tmp_path / "ck").iterdir()) == [
        "run.checkpoint", "training.fit.checkpoint",
    ]  # fmt: skip


@pytest.fixture
def stuck(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A training whose third epoch does not end."""
    program = tmp_path / "stuck.py"
    program.write_text(
        "import sys, time\n"
        "from recsys.models import alternating\n"
        "from recsys.cli.main import run\n"
        "def on_epoch(epoch, *rest):\n"
        "    if epoch == 3:\n"
        "        print('stuck', flush=True)\n"
        "        while True: time.sleep(0.01)\n"
        "    return Progress(epoch, *rest)\n"
        "Progress, alternating.Progress = alternating.Progress, on_epoch\n"
        "run(sys.argv[1:])\n"
    )
    command = [sys.executable, "-P", str(program), *map(str, train(tmp_path, "--every", "0"))]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize(
    ("second", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"]
)
def test_a_second_signal_stops_at_once(
    second: int, code: int, stuck: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert stuck.stdout is not None
    assert stuck.stderr is not None
    assert stuck.stdout.readline() == "stuck\n"
    stuck.send_signal(signal.SIGINT)
    for line in stuck.stderr:
        if "once more stops at once" in line:
            break
    assert stuck.poll() is None
    stuck.send_signal(second)
    err = stuck.stderr.read()
    assert stuck.wait(timeout=30) == code
    assert "stopped after epoch" not in err
    assert "to resume:" in " ".join(err.split())
    state = container.read_header(tmp_path / "ck" / "training.fit.checkpoint").about
    assert state["epoch"] == 2


def test_a_checkpoint_of_other_settings_is_refused(
    recsys_command: RunCommand, tmp_path: Path
) -> None:
    process = started(train(tmp_path, "--every", "0.1s"))
    when_there(tmp_path / "ck" / "training.fit.checkpoint", process)
    process.kill()
    process.communicate()
    other = [*train(tmp_path), "--set", "regularization=0.5", "--feedback", "ones"]
    code, _, err = recsys_command(*other)
    assert code == 2
    assert err.splitlines()[-1].startswith(
        f"recsys: checkpoint {tmp_path / 'ck'} belongs to another"
    )
    assert "regularization was " in err
    assert "choose another folder, or remove this one to start from the beginning" in err
    assert not (tmp_path / "m").exists()


def test_a_model_without_epochs_is_trained_all_the_same(
    recsys_command: RunCommand, tmp_path: Path
) -> None:
    given = "--model", "pure-svd", "-o", tmp_path / "m", "--checkpoint", tmp_path / "ck"
    code, _, err = recsys_command("train", SAMPLE, *given)
    assert code == 0
    assert "pure-svd does not train in epochs, so its fit cannot be resumed" in err
    assert not (tmp_path / "ck").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--every", "10s"), "every needs a checkpoint; name its folder with checkpoint"),
        (("--checkpoint", "{file}"), "checkpoint must be a folder, and"),
        (("--checkpoint", "ck", "--every", "soon"), "every must be a time such as 90s, 10m or 2h"),
    ],
)
@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_bad_options_are_one_line(
    command: str, given: Sequence[str], said: str, recsys_command: RunCommand, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    options = [one.format(file=tmp_path / "file") for one in given]
    code, _, err = recsys_command(command, SAMPLE, *options)
    assert code == 2
    assert said in err.splitlines()[-1]


def test_an_interrupted_evaluation_goes_on_with_the_next_model(
    recsys_command: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = "evaluate", SAMPLE, "--models", "pure-svd,implicit-als,ease", "--json"
    kept = *given, "--checkpoint", tmp_path / "ck"
    _, undisturbed, _ = recsys_command(*given)
    fitted: list[str] = []

    def counted(kind: type, dies: bool = False) -> None:
        fit = kind._fit  # type: ignore[attr-defined]

        def count(self: object, *rest: object) -> object:
            fitted.append(kind.name)  # type: ignore[attr-defined]
            if dies:
                raise KeyboardInterrupt
            return fit(self, *rest)

        monkeypatch.setattr(kind, "_fit", count)

    counted(recsys.PureSVD)
    with monkeypatch.context():
        counted(recsys.ImplicitALS, dies=True)
        code, _, err = recsys_command(*kept)
        assert code == 130
        assert "to resume:" in " ".join(err.split())
        assert fitted == ["pure-svd", "implicit-als"]
    monkeypatch.undo()
    fitted.clear()
    counted(recsys.PureSVD)
    counted(recsys.EASE)
    code, out, _ = recsys_command(*kept)
    assert code == 0
    assert fitted == ["ease"]
    assert not (tmp_path / "ck").exists()
    first, second = json.loads(undisturbed), json.loads(out)
    for name in ("summary", "comparisons", "per_user", "segments", "curves"):
        assert first[name] == second[name], name
