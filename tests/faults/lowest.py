"""The quick tests with the lowest versions of the dependencies that pyproject.toml allows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

from faults.pytests import outcomes
from faults.runs import BUILD, ROOT
from faults.tally import Outcome

_LEFT_OUT = (
    "tests/test_docs.py", "tests/test_contributing.py", "tests/cli/test_cold_start.py",
    "tests/faults",
)  # fmt: skip
"""Tests of the documentation and of imports, which differ between versions, and of the attacks."""
_WARNINGS = ("DeprecationWarning", "PendingDeprecationWarning", "FutureWarning")
"""What old libraries say of newer ones that they use."""


def versions() -> Iterator[Outcome]:
    """An outcome for each quick test."""
    folder = BUILD / "lowest"
    uv = _uv()
    subprocess.run(
        [uv, "venv", "--quiet", "--clear", "--seed", "--python", sys.executable, folder], check=True
    )
    python = folder / "bin" / "python"
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", python, "--resolution", "lowest-direct",
         f"{ROOT}[dev,tune,maps]"],
        check=True,
    )  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    options = [f"-Wignore::{name}" for name in _WARNINGS]
    options += [f"--ignore={name}" for name in _LEFT_OUT]
    marked = "not slow and not browser and not long and not spark"
    # -P, so that what is installed is tested, not the checkout.
    command = [str(python), "-P", "-m", "pytest", *options, "-m", marked, "tests"]
    yield from outcomes(command, environment)


def _uv() -> str:
    found = shutil.which("uv")
    if found is None:
        folder = BUILD / "uv"
        subprocess.run([sys.executable, "-P", "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", "uv"], check=True)
        found = str(folder / "bin" / "uv")
    return found
