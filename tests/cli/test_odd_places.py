"""Places where output, memory, threads or the disk are short: the right code, and one line."""

from __future__ import annotations

import _thread
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest
from commands import RunCommand
from waiting import until

import recsys
from recsys.cli.resources import ShortageError, check_resources
from recsys.cli.streams import Unbroken

posix = pytest.mark.skipif(os.name != "posix", reason="limits and pipes of a POSIX shell")

PATHS = [
    ["train", "{}"],
    ["train", "{sample}", "-o", "{}"],
    ["train", "{sample}", "--items", "{}"],
    ["train", "{sample}", "--config", "{}"],
    ["doctor", "{}"],
    ["tune", "{sample}", "-o", "{}"],
    ["evaluate", "{sample}", "--models", "popularity", "--report", "{}.html"],
    ["evaluate", "{sample}", "--models", "popularity", "--against", "{}"],
    ["compare", "{}", "{}"],
    ["recommend", "{}", "--user", "1"],
    ["recommend", "{model}", "--ratings", "{}"],
    ["recommend", "{model}", "--all", "--out", "{}.csv"],
    ["recommend", "{model}", "--users-file", "{}", "--out", "{tmp}/l.csv"],
    ["similar", "{}", "--item", "3"],
    ["explain", "{}", "--user", "1", "--item", "3"],
    ["search", "{}", "a"],
    ["inspect", "{}"],
    ["inspect", "{model}", "--health", "--figure", "{}.png"],
    ["map", "{model}", "--out", "{}.html"],
    ["export", "{model}", "--out", "{}"],
    ["fetch", "ml-1m", "--to", "{}"],
]  # fmt: skip


@posix
@pytest.mark.parametrize("arguments", PATHS, ids=" ".join)
@pytest.mark.parametrize("odd", ["~nosuchuser/x", "name" * 80])
def test_a_path_that_cannot_be(
    arguments: list[str],
    odd: str,
    recsys_command: RunCommand,
    root: Path,
    model_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECSYS_GROUPLENS_URL", "http://127.0.0.1:9")
    places = {"sample": root / "data/sample", "model": model_path, "tmp": tmp_path}
    code, _, err = recsys_command(*(one.format(odd, **places) for one in arguments))
    assert code in (2, 3, 4, 7)
    assert err.splitlines()[-1].startswith("recsys: ")
    assert [path.name for path in tmp_path.iterdir()] in ([], [odd])


HUGE = [
    ["recommend", "{model}", "--user", "1", "-n", "{}"],
    ["similar", "{model}", "--item", "3", "-n", "{}"],
    ["explain", "{model}", "--user", "1", "--item", "3", "-n", "{}"],
    ["search", "{model}", "a", "-n", "{}"],
    ["evaluate", "{sample}", "--models", "popularity", "-k", "{}"],
    ["evaluate", "{sample}", "--models", "popularity", "--folds", "{}"],
    ["evaluate", "{sample}", "--models", "popularity", "--sampled-negatives", "{}"],
    ["train", "{sample}", "--model", "implicit-als", "--set", "n_factors={}"],
]


@pytest.mark.parametrize("arguments", HUGE, ids=" ".join)
@pytest.mark.parametrize("number", [10**18, 2**63, 2**64])
def test_a_huge_number(
    arguments: list[str],
    number: int,
    recsys_command: RunCommand,
    root: Path,
    model_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    places = {"sample": root / "data/sample", "model": model_path}
    code, _, err = recsys_command(*(one.format(number, **places) for one in arguments))
    assert code in (0, 2, 3, 7)
    assert code == 0 or err.splitlines()[-1].startswith("recsys: ")


def shell(command: str, **env: str) -> tuple[int, str, str]:
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False,
        env=os.environ | {"R": f"{sys.executable} -P -W ignore -m recsys", "COLUMNS": "80"} | env,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@posix
@pytest.mark.parametrize(
    "command",
    ["datasets", "recommend {model} --user 1", "similar {model} --item 3 --json", "inspect {model}",
     "search {model} a", "doctor {sample}", "explain {model} --user 1 --item 3"],
)  # fmt: skip
def test_a_reader_that_goes_away_is_no_error(command: str, model_path: Path, root: Path) -> None:
    asked = command.format(model=model_path, sample=root / "data/sample")
    code, _, err = shell(f"set -o pipefail; $R {asked} | head -c 0")
    assert (code, "Traceback" in err, "Exception" in err) == (0, False, False)


@posix
def test_the_exit_code_of_a_gate_survives_a_broken_pipe(root: Path, tmp_path: Path) -> None:
    sample = root / "data/sample"
    train = f"$R train {sample} --model ease -o {tmp_path}/m.safetensors --test 0.1"
    against = f"--against {tmp_path}/m.safetensors --gate ndcg@10"
    gate = f"$R evaluate {sample} --models popularity {against}"
    code, _, _ = shell(f"{train} && {gate}")
    assert code == 6
    assert shell(f"set -o pipefail; {gate} | head -c 0")[0] == code


@posix
@pytest.mark.parametrize("target", ["2>&-", "2>/dev/full"])
def test_remarks_that_cannot_be_written_do_not_end_the_work(
    target: str, model_path: Path, root: Path, tmp_path: Path
) -> None:
    if target.endswith("full") and not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    made = tmp_path / "m.safetensors"
    code, _, _ = shell(f"$R train {root}/data/sample --model popularity -o {made} {target}")
    assert code == 0
    assert recsys.load(made).recommend(1) is not None
    code, out, _ = shell(f"$R recommend {model_path} --user 1 --json {target}")
    assert code == 0
    assert json.loads(out)["rows"]


@posix
@pytest.mark.skipif(sys.platform != "linux", reason="ulimit -v")
@pytest.mark.parametrize("megabytes", [100, 300, 500, 900])
def test_too_little_memory_is_one_line(megabytes: int, root: Path, tmp_path: Path) -> None:
    command = f"$R train {root}/data/sample -o {tmp_path}/m.safetensors"
    code, _, err = shell(f"ulimit -v {megabytes * 1000}; exec {command}")
    assert code == 7
    assert err.startswith("recsys: not enough memory: this process is limited to ")
    assert len(err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_too_few_threads_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = _thread.start_new_thread
    started: list[Any] = []

    def start(*given: Any) -> int:
        if len(started) == 5:
            raise RuntimeError("can't start new thread")
        started.append(given)
        return real(*given)

    check_resources()
    running = _thread._count()
    monkeypatch.setattr(_thread, "start_new_thread", start)
    with pytest.raises(ShortageError, match=r"threads: 5 can be started and \d+ are needed; raise"):
        check_resources()
    until(lambda: _thread._count() <= running)


@posix
@pytest.mark.parametrize(
    "command",
    ["train {sample} --model popularity -o {out}.safetensors", "map {model} -o {out}.html",
     "export {model} --out {out}",
     "evaluate {sample} --models popularity --report {out}.json"],
)  # fmt: skip
def test_a_full_disk_is_named_and_leaves_nothing(
    command: str, model_path: Path, root: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    asked = command.format(sample=root / "data/sample", model=model_path, out=out)
    code, _, err = shell(f"ulimit -f 2; $R {asked}")
    assert code == 7
    assert err.splitlines()[-1].startswith(f"recsys: cannot read or write: {out}")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_output_is_dropped_from_the_first_error_on() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> NoReturn:
            raise BrokenPipeError

    stream: Any = Unbroken(Gone(), BrokenPipeError)
    assert stream.write("four") == 4
    stream.flush()
    with pytest.raises(BrokenPipeError):
        Unbroken(Gone(), FileExistsError).write("x")
