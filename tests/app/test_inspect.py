"""The description of a model file, and the health of its numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import recsys
from recsys.app.inspect import Examination, InspectRequest, inspect
from recsys.errors import ArgumentError, ModelFileError


def test_a_model_file_is_described(model: recsys.Recommender, model_path: Path) -> None:
    found = inspect(InspectRequest(model=str(model_path))).to_dict()
    assert json.loads(json.dumps(found))["spec"] == model.factors.spec.to_dict()
    assert found["size"] == model_path.stat().st_size
    assert (found["users"], found["items"]) == (300, 200)
    assert found["item columns"] == ["title", "year", "genres"]
    assert found["data_fingerprint"] == model.fingerprint
    assert found["factor norms"]["user, median"] > 0


def test_health_is_reported_and_drawn(model_path: Path, tmp_path: Path) -> None:
    figure = tmp_path / "new" / "health.svg"
    found = inspect(InspectRequest(model=str(model_path), health=True, figure=str(figure)))
    assert isinstance(found, Examination)
    assert found.figure == figure
    assert figure.stat().st_size > 10_000
    numbers = found.to_dict()
    assert numbers["width"] == 8
    assert {"symptoms", "worst conditioned"} <= set(numbers)


def test_bad_requests_are_refused(model_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="figure needs --health"):
        InspectRequest(model="m", figure="h.svg")
    with pytest.raises(ArgumentError, match="figure must end in .png, .svg, .pdf"):
        inspect(InspectRequest(model=str(model_path), health=True, figure="h.doc"))
    with pytest.raises(ModelFileError, match="no such model file"):
        inspect(InspectRequest(model=str(tmp_path / "none")))
