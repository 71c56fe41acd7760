"""Progress bars: silent for JSON, on standard error otherwise."""

from __future__ import annotations

import pytest

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
