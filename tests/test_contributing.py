"""The worked examples of CONTRIBUTING.md, added to a copy of the package and tested there."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import recsys

FILE = re.compile(r"^```python\n# (\S+\.py)\n(.*?)^```", re.M | re.S)
TOML = re.compile(r"^```toml\n(.*?)^```", re.M | re.S)


@pytest.fixture(scope="module")
def extended(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package and the shared tests, with the files that CONTRIBUTING.md shows."""
    folder = tmp_path_factory.mktemp("extended")
    shutil.copytree(Path(recsys.__file__).parent, folder / "recsys")
    (folder / "tests").mkdir()
    for shared in ("conftest.py", "contract.py"):
        shutil.copy(root / "tests" / shared, folder / "tests" / shared)
    (folder / "data").symlink_to(root / "data")
    page = (root / "CONTRIBUTING.md").read_text()
    for name, source in FILE.findall(page):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(source)
    (declared,) = map(tomllib.loads, TOML.findall(page))
    info = folder / "p3_alpha-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: p3-alpha\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "\n".join(
            f"[{group}]\n" + "\n".join(f"{name} = {value}" for name, value in models.items())
            for group, models in declared["project"]["entry-points"].items()
        )
    )
    return folder


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Runs a module of Python on the extended copy."""
    path = [str(folder), str(folder / "tests"), *sys.path]
    code = f"import runpy, sys; sys.path[:] = {path!r}; sys.argv = {list(command)!r}"
    code += f"; runpy.run_module({command[0]!r}, run_name='__main__', alter_sys=True)"
    return subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False, cwd=folder
    )


def test_the_examples_are_a_model_a_metric_and_a_layout(root: Path) -> None:
    page = (root / "CONTRIBUTING.md").read_text()
    names = [name for name, _ in FILE.findall(page)]
    assert names == [
        "p3_alpha.py",
        "tests/test_p3_alpha.py",
        "recsys/evaluation/metrics/rank_biased_precision.py",
        "tests/evaluation/metrics/test_rank_biased_precision.py",
        "recsys/ratings/layouts/matrix_market.py",
        "tests/ratings/layouts/test_matrix_market.py",
    ]
    assert page.count("```python\n") == len(names)


def test_the_tests_of_the_examples_pass(extended: Path) -> None:
    sources = ["p3_alpha.py", "recsys/evaluation/metrics/rank_biased_precision.py"]
    options = ["-q", "-c", "/dev/null", "-p", "no:cacheprovider", "--rootdir", str(extended)]
    options += ["-W", "error", "--doctest-modules", "--import-mode=importlib"]
    done = run(extended, "pytest", *options, "tests", *sources)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed[1]) >= 11


def test_the_example_model_is_trained_by_the_command_line(extended: Path) -> None:
    options = ["--model", "p3-alpha", "--set", "alpha=0.8", "--out", "m.safetensors"]
    done = run(extended, "recsys.cli.main", "train", "data/sample", *options)
    assert done.returncode == 0, done.stderr
    assert "p3-alpha (alpha=0.8)" in done.stdout
