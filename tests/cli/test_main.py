"""The `recsys` command itself: help, exit codes, interruption, odd terminals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

import pytest
from commands import RunCommand

import recsys
from recsys.cli.main import COMMANDS, run

RECSYS = [sys.executable, "-P", "-m", "recsys"]


def test_help_names_every_command_and_the_version(recsys_command: RunCommand) -> None:
    code, out, _ = recsys_command("--help")
    assert code == 0
    for command in COMMANDS:
        assert f"\n  {command} " in out
    assert recsys_command()[1] == out
    assert recsys_command("--version")[1] == f"recsys-mf {recsys.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_fits_the_terminal(command: str, recsys_command: RunCommand) -> None:
    code, out, _ = recsys_command(command, "--help")
    assert code == 0
    assert out.startswith(f"Usage: recsys {command} [OPTIONS]")
    assert " ".join(COMMANDS[command].split()) in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 80


def test_help_and_a_question_import_only_what_they_use(model_path: Path, root: Path) -> None:
    heavy = "{'numpy', 'scipy', 'pandas', 'pyarrow', 'implicit', 'rich'}"
    code = (
        "import sys\nfrom recsys.cli.main import run\n"
        "try:\n    run(sys.argv[2:])\nexcept SystemExit as end:\n    assert not end.code\n"
        f"wrong = {heavy} & set(sys.modules) - set(sys.argv[1].split(','))\n"
        "assert not wrong, wrong\n"
    )
    question = ["recommend", str(model_path), "--user", "1", "--json"]
    for allowed, arguments in (
        ("", ["--help"]),
        ("numpy", ["recommend", "--help"]),
        ("numpy,scipy,pandas,pyarrow", question),
    ):
        command = [sys.executable, "-P", "-c", code, allowed, *arguments]
        subprocess.run(command, check=True, cwd=root / "tests", capture_output=True)


def test_import_is_light(root: Path) -> None:
    code = (
        "import sys, recsys, recsys.cli.main\n"
        "heavy = {'numpy', 'scipy', 'pandas', 'pyarrow', 'implicit'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "missing = [n for n in recsys.__all__ if not hasattr(recsys, n)]\n"
        "assert not missing, missing\n"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True, cwd=root / "tests")
    assert set(dir(recsys)) == set(recsys.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = recsys.nonsense


def test_a_bug_is_not_hidden(model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1 with a traceback: the exception leaves `run`."""

    def broken(_: object) -> int:
        return int("this is a bug")

    monkeypatch.setattr("recsys.store.model_file.load", broken)
    with pytest.raises(ValueError, match="invalid literal"):
        run(["recommend", str(model_path), "--user", "1"])


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (MemoryError("Unable to allocate 7 GiB"), 7, "not enough memory: Unable to allocate 7 GiB"),
        (MemoryError(), 7, "not enough memory; see"),
        (RuntimeError("can't start new thread"), 7, "not enough memory: can't start new thread"),
        (OSError(28, "No space left on device", "m.bin"), 7, "m.bin: No space left on device"),
        (PermissionError(13, "Permission denied"), 7, "cannot read or write: Permission denied"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (recsys.errors.ArgumentError("n is wrong"), 2, "recsys: n is wrong"),
        (recsys.errors.GateError("it is worse"), 5, "recsys: it is worse"),
        (recsys.errors.FitError("no\nsolution"), 4, "recsys: no solution"),
    ],
)
def test_each_kind_of_error_is_one_line_and_an_exit_code(
    error: BaseException,
    code: int,
    said: str,
    recsys_command: RunCommand,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_: object) -> NoReturn:
        raise error

    monkeypatch.setattr("recsys.store.model_file.load", broken)
    found, out, err = recsys_command("recommend", "m", "--user", "1")
    assert (found, out) == (code, "")
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_leaves_no_incomplete_file(root: Path, tmp_path: Path) -> None:
    command: list[str | Path] = [*RECSYS, "train", root / "data/sample", "-o", tmp_path / "m"]
    command += ["--set", "n_epochs=10000000"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, cwd=root / "tests"
    ) as process:
        try:
            time.sleep(3)  # long enough to be training; before that, the same must hold
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "interrupted" in err
    assert list(tmp_path.iterdir()) == []


def test_scripts_and_the_module_are_the_same_command(root: Path, model_path: Path) -> None:
    expected = recsys.load(model_path).recommend(3)["item"].tolist()
    question: list[str | Path] = [model_path, "--user", "3", "--json"]
    script: list[str | Path] = [sys.executable, root / "scripts/recommend.py"]
    for command in ([*RECSYS, "recommend"], script):
        done = subprocess.run(
            [*command, *question], capture_output=True, text=True, check=True, cwd=root / "tests"
        )
        assert [row["item"] for row in json.loads(done.stdout)["rows"]] == expected
    for name in ("train", "evaluate"):
        help_of: list[str | Path] = [sys.executable, root / f"scripts/{name}.py", "--help"]
        done = subprocess.run(help_of, capture_output=True, text=True, check=True)
        assert done.stdout.startswith(f"Usage: recsys {name} ")


def test_a_full_disk_behind_a_pipe_is_one_line(model_path: Path, root: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    command: list[str | Path] = [*RECSYS, "recommend", model_path, "--user", "1"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=root / "tests"
        )
    assert done.returncode == 7
    assert done.stderr == "recsys: cannot read or write: No space left on device\n"


def test_a_reader_that_goes_away_is_no_error(model_path: Path, root: Path) -> None:
    command = f"{' '.join(RECSYS)} recommend {model_path} --user 1 -n 9000"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | head -1"],
        capture_output=True, text=True, check=False, cwd=root / "tests",
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert done.stdout.startswith("For user 1")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_terminal_without_unicode_shows_codes(
    encoding: str, model_path: Path, root: Path
) -> None:
    command: list[str | Path] = [*RECSYS, "recommend", model_path, "--user", "1", "-n", "2"]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(
        command, capture_output=True, check=True, cwd=root / "tests", env=environment
    )
    assert b"\\u2500" in done.stdout  # the rule under the header
    done = subprocess.run(
        [*command, "--json"], capture_output=True, check=True, cwd=root / "tests", env=environment
    )
    assert len(json.loads(done.stdout)["rows"]) == 2


@pytest.mark.skipif(os.name != "posix", reason="closes a descriptor in the shell")
def test_closed_output_is_no_error(model_path: Path, root: Path) -> None:
    command = f"{' '.join(RECSYS)} recommend {model_path} --user 1 >&-"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, cwd=root / "tests"
    )
    assert (done.returncode, done.stderr) == (0, "")
