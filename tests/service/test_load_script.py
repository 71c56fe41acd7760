"""The load script runs, and finds no wrong answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    "mode", [["--reload", "0.5"], ["--live", "--writes", "20"], ["--workers", "2"]]
)
def test_no_answer_is_wrong_under_load(root: Path, mode: list[str]) -> None:
    command = [sys.executable, str(root / "scripts" / "load.py"), "--seconds", "2", *mode]
    command += ["--ratings", str(root / "data" / "sample")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["recommendations"]["wrong"] == found["empty"]["wrong"] == 0
    assert found["recommendations"]["requests"] > 50
    if "--reload" in mode:
        assert found["reloads"] >= 2
        assert len(found["answers_by_model"]) == 2
    assert (found["ratings_written"] > 5) == ("--writes" in mode)
