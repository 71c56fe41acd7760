"""What `GET /v1/model` says of the model's training, accuracy and drift."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from http_client import Client

import recsys
from recsys.service import create_app
from recsys.store.database.ratings_store import RatingsStore
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
    assert found["accuracy"] == [{"by": "measured", "said": "mean 0.310, metric ndcg@10"}]


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
        "ndcg@10": "0.325 (0.310–0.340)",
        "auc": "0.900",
        "measured on": "random",
    }


def test_a_file_that_went_or_is_of_another_model(
    model: recsys.Recommender, checkerboard: Any, tmp_path: Path
) -> None:
    path = save(model, tmp_path / "m.recsys", measured={"metric": "ndcg@10"})
    client = Client(create_app(path))
    path.unlink()
    assert client.ok("GET", "/v1/model")["trained"] is None
    recsys.save(recsys.train(recsys.PureSVD(1), checkerboard[0]), path)
    found = client.ok("GET", "/v1/model")
    assert found["trained"] is None
    assert found["accuracy"] == []
    assert found["algorithm"] == "ImplicitALS"


def test_the_gate_of_a_version(model: recsys.Recommender, tmp_path: Path) -> None:
    store = RatingsStore.open(f"sqlite:///{tmp_path}/store.db", create=True)
    file = recsys.save(model, tmp_path / "v.recsys")
    gate = {"decision": "open", "sentence": "It is better."}
    version = store.models.add("main", file, gate=gate)
    store.models.promote(version.version)
    found = Client(create_app(store=store)).ok("GET", "/v1/model")
    assert found["model"]["version"] == version.version
    assert {"by": "gate", "said": "It is better."} in found["accuracy"]


@pytest.mark.slow
def test_what_a_search_found(sample: recsys.Ratings) -> None:
    chosen = recsys.train(recsys.auto(budget=0.06), sample)
    found = Client(create_app(chosen)).ok("GET", "/v1/model")
    assert [one["by"] for one in found["accuracy"]] == ["searched"]
    worth = chosen.search["validation"] if chosen.search is not None else None
    assert f"NDCG@10 {worth:.4f}" in found["accuracy"][0]["said"]


def test_drift(model: recsys.Recommender) -> None:
    drift: Any = replace(model.drift, added=model.drift.trained // 5, updates=1)
    found = Client(create_app(replace(model, updated=drift))).ok("GET", "/v1/model")
    assert found["drift"]["due"] is True
    assert found["drift"]["share"] == pytest.approx(0.2, abs=1e-3)
