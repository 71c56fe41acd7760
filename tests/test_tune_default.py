"""The comparison of the default with random trials: it goes on where it stopped."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., str]


@pytest.fixture
def compare(root: Path, tmp_path: Path) -> Run:
    """Runs scripts/tune_default.py on small data, with results in numbers.json."""

    def call(*arguments: str) -> str:
        script = str(root / "scripts" / "tune_default.py")
        quick = "--seeds", "0", "--budget", "0.01", "--json", "numbers.json"
        command = [sys.executable, script, *arguments, *quick]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


def runs_in(folder: Path) -> dict[str, Any]:
    """The runs in the file of results."""
    return dict(json.loads((folder / "numbers.json").read_text())["runs"])


@pytest.mark.long
@pytest.mark.slow
def test_a_run_that_stopped_goes_on(compare: Run, root: Path, tmp_path: Path) -> None:
    data = str(root / "data" / "sample")
    first = compare(data, "--trials", "3")
    run = runs_in(tmp_path)["sample, seed 0"]
    assert [len(run["trials"]), run["best"] in run["trials"]] == [3, True]
    ratio = f"{run['auto'] / run['tuned']:.3f}"
    assert ratio in first
    assert f"{run['ease']:.4f}" in first
    # As if it had been stopped before the last trial: the others are kept as they are.
    stopped = run | {"trials": [run["trials"][0] | {"ndcg": 0.9, "all parts": 0.9}]}
    del stopped["tuned"]
    kept = {"machine": {}, "runs": {"sample, seed 0": stopped}, "points": {}}
    (tmp_path / "numbers.json").write_text(json.dumps(kept))
    compare(data, "--trials", "3")
    again = runs_in(tmp_path)["sample, seed 0"]
    assert again["best"] == stopped["trials"][0]
    assert [trial["ndcg"] for trial in again["trials"][1:]] == [
        trial["ndcg"] for trial in run["trials"][1:]
    ]
    assert again["seconds"] == run["seconds"]


@pytest.mark.long
@pytest.mark.slow
def test_each_set_is_searched_from_the_rule_of_the_others(
    compare: Run, root: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        shutil.copytree(root / "data" / "sample", tmp_path / name)
    out = compare("one", "two", "--without-set").splitlines()
    assert [line.split(",")[0] for line in out[1:]] == ["without one", "without two"]
    left = [run["left out"] for run in runs_in(tmp_path).values()]
    assert left[0] == left[1] > 0  # the same ratings under two names


@pytest.mark.slow
def test_the_table_has_means_over_the_seeds(root: Path) -> None:
    code = (
        f"import sys; sys.path.append({str(root / 'scripts')!r})\n"
        "from tune_default_table import table\n"
        "one = dict(set='a', seed=0, popularity=.1, rule=.2, auto=.3, tuned=.3, n_factors=64,"
        " seconds=9, fits=5, ease=.4)\n"
        "two = one | dict(seed=1, auto=.33, seconds=11, ease=.5)\n"
        "print(table([one, two, dict(set='b', seed=0)]))"
    )
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = done.stdout.strip().splitlines()
    assert len(rows) == 3
    # Student's t with one degree of freedom: 12.706 · 0.0707 / √2
    assert rows[2].startswith(
        "| a | 2 | 0.1000 | 0.2000 | 0.3150 | 0.3000 | 1.050 ± 0.635 |  | 64, 64 | 10.0 | 5.0 |"
    )
    assert rows[2].endswith("| 0.4500 |")
