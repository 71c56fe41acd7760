"""Evaluation as a use case: one result for each split, its report and the gate."""

from __future__ import annotations

import json
from pathlib import Path

import recsys
from recsys.app.evaluate import run
from recsys.app.study import Study


def test_each_split_is_evaluated_and_reported(root: Path, tmp_path: Path) -> None:
    study = Study(
        str(root / "data/sample"),
        models={"svd": {"model": "pure-svd", "n_factors": 4}},
        splits={"a: b": {"test": 0.2}, "later": {"how": "by-time", "test": 0.2}},
        report=str(tmp_path / "r.json"),
    )
    stages: list[str] = []
    done = run(study, on_stage=stages.append)
    assert stages == ["reading", "splitting", "writing", "splitting", "writing"]
    assert list(done) == ["a: b", "later"]
    for name, one in done.items():
        assert one.report == tmp_path / f"r-{name}.json"
        assert json.loads(one.report.read_text())["splits"] == list(one.result.splits)
        assert json.loads(json.dumps(one.to_dict()))["k"] == 10
        assert one.gate is None


def test_the_model_in_service_is_one_of_the_models(root: Path, tmp_path: Path) -> None:
    sample = recsys.read_ratings(root / "data/sample")
    past = recsys.splits.by_time(sample, 0.2).train
    served = recsys.save(recsys.train(recsys.Popularity(), past), tmp_path / "now")
    study = Study(
        str(root / "data/sample"),
        models={"popularity-again": {"model": "popularity"}},
        split={"how": "by-time", "test": 0.2},
        against=str(served),
        gate="ndcg@10",
    )
    one = run(study)["by-time"]
    assert one.gate is not None
    assert one.gate.passed  # the same model is not worse than itself
    assert "current" in one.result.models
    assert one.current
