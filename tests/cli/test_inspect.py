"""`recsys inspect`: a model file in words, and its health."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import RunCommand

import recsys


def test_a_model_file_is_described(recsys_command: RunCommand, model_path: Path) -> None:
    code, out, _ = recsys_command("inspect", model_path)
    assert code == 0
    assert "implicit-als" in out
    assert "200 (title, year, genres)" in out
    assert "300" in out
    _, out, _ = recsys_command("inspect", model_path, "--json")
    assert json.loads(out)["spec"] == recsys.load(model_path).factors.spec.to_dict()


def test_health_is_said_and_drawn(
    recsys_command: RunCommand, model_path: Path, tmp_path: Path
) -> None:
    figure = tmp_path / "h.svg"
    code, out, err = recsys_command("inspect", model_path, "--health", "--figure", figure)
    assert code == 0, err
    assert "condition, users" in out
    assert "effective rank" in out
    assert figure.exists()
    _, out, _ = recsys_command("inspect", model_path, "--health", "--json")
    found = json.loads(out)
    assert found["width"] == 8
    assert found["worst conditioned"][0]["condition"] == pytest.approx(
        max(found["condition, users"][2], found["condition, items"][2]), rel=1e-4
    )


def test_a_sample_is_said(
    recsys_command: RunCommand, model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, out, _ = recsys_command("inspect", model_path, "--health")
    assert "sample" not in out
    monkeypatch.setattr("recsys.diagnosis.conditions._WORK", 1)
    _, out, _ = recsys_command("inspect", model_path, "--health")
    assert "of a sample of 2 of 300 users: median" in " ".join(out.split())
