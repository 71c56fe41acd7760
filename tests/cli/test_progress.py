"""Progress bars: silent for JSON, on standard error otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from commands import RunCommand

from recsys.cli.progress import download_progress, training_progress
from recsys.models.common import Progress


def test_training_reports_on_standard_error_only(capsys: pytest.CaptureFixture[str]) -> None:
    with training_progress(quiet=False) as (on_epoch, on_stage, _):
        on_stage("training")
        assert on_epoch is not None
        on_epoch(Progress(1, 2, 3.5, 0.1))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("finished in ")


def test_quiet_progress_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with training_progress(quiet=True) as (on_epoch, on_stage, _):
        assert on_epoch is None
        on_stage("training")
    with download_progress(quiet=True) as on_bytes:
        assert on_bytes is None
    assert capsys.readouterr() == ("", "")


def test_a_download_without_a_known_size_shows(capsys: pytest.CaptureFixture[str]) -> None:
    with download_progress(quiet=False) as on_bytes:
        on_bytes(10, None)
        on_bytes(20, 40)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("command", ["evaluate", "train"])
def test_the_trials_of_a_search_are_shown(
    command: str,
    recsys_command: RunCommand,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = tmp_path / "recipe.toml"
    small = "[models.auto]\nbudget = 0.03\n" if command == "evaluate" else "budget = 0.03\n"
    recipe.write_text(small)
    seen: list[int] = []

    @contextmanager
    def watched(quiet: bool) -> Iterator[Any]:
        assert not quiet
        yield None, lambda what: None, lambda searching: seen.append(searching.n_trials)

    monkeypatch.setattr(f"recsys.cli.{command}.training_progress", watched)
    more = ("--out", tmp_path / "m") if command == "train" else ()
    data = root / "data" / "sample"
    code, _, err = recsys_command(command, data, "--config", recipe, "--test", "0.1", *more)
    assert code == 0, err
    assert seen.count(1) == (2 if command == "train" else 1)
