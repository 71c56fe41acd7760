"""What tests of the command line share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from commands import RunCommand

import recsys
from recsys.cli.main import run


@pytest.fixture(scope="module")
def model_path(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "sample.safetensors"
    model = recsys.train(recsys.ImplicitALS(8), recsys.read_ratings(root / "data" / "sample"))
    return recsys.save(model, path)


@pytest.fixture
def recsys_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> RunCommand:
    """Runs the command in this process: (exit code, standard output, standard error)."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments: Any) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            run([str(a) for a in arguments])
        code: Any = end.value.code
        out, err = capsys.readouterr()
        return code, out, err

    return call
