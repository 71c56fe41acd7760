"""What `GET /v1/model` says of the model's training, accuracy and drift."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from http_client import Client

import recsys
from recsys.service import create_app
from recsys.store.model_file import read_about, save


def test_when_and_on_how_much(model_file: Path, sample: recsys.Ratings) -> None:
    found = Client(create_app(model_file)).ok("GET", "/v1/model")
    assert found["trained"] == read_about(model_file)["created"]
    assert found["n_ratings"] == sample.n_ratings
    assert found["algorithm"] == "ImplicitALS"
    assert found["accuracy"] == []
    assert found["drift"]["share"] == 0


def test_what_was_measured(model: recsys.Recommender, tmp_path: Path) -> None:
    path = save(model, tmp_path / "m.recsys", measured={"metric": "ndcg@10", "mean": 0.31})
    found = Client(create_app(path)).ok("GET", "/v1/model")
    assert found["accuracy"] == [{"by": "measured", "said": "mean 0.3100, metric ndcg@10"}]


def test_what_train_measured(model: recsys.Recommender, tmp_path: Path) -> None:
    metrics = {
        "ndcg@10": {"mean": 0.325, "low": 0.31, "high": 0.34},
        "diversity@10": {"mean": 0.7},
        "auc": {"mean": 0.9},
    }
    path = save(model, tmp_path / "m.recsys", measured={"metrics": metrics, "split": "random"})
    found = Client(create_app(path)).ok("GET", "/v1/model")
    lines = {one["by"]: one["said"] for one in found["accuracy"]}
    assert lines == {
        "ndcg@10": "0.3250 (0.3100 to 0.3400)",
        "auc": "0.9000",
        "measured on": "random",
    }


@pytest.mark.slow
def test_what_a_search_found(sample: recsys.Ratings) -> None:
    chosen = recsys.train(recsys.auto(), sample)
    found = Client(create_app(chosen)).ok("GET", "/v1/model")
    assert [one["by"] for one in found["accuracy"]] == ["searched"]
    worth = chosen.search["validation"] if chosen.search is not None else None
    assert f"NDCG@10 {worth:.4f}" in found["accuracy"][0]["said"]


def test_drift(model: recsys.Recommender) -> None:
    drift: Any = replace(model.drift, added=model.drift.trained // 5, updates=1)
    found = Client(create_app(replace(model, updated=drift))).ok("GET", "/v1/model")
    assert found["drift"]["due"] is True
    assert found["drift"]["share"] == pytest.approx(0.2, abs=1e-3)
