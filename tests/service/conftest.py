"""A small model behind the service."""

from __future__ import annotations

from pathlib import Path

import pytest
from http_client import Client

import recsys
from recsys.service import create_app


@pytest.fixture(scope="package")
def model(sample: recsys.Ratings) -> recsys.Recommender:
    return recsys.train(recsys.ImplicitALS(8, seed=0), sample)


@pytest.fixture(scope="package")
def other_model(sample: recsys.Ratings) -> recsys.Recommender:
    return recsys.train(recsys.ImplicitALS(4, seed=1), sample)


@pytest.fixture(scope="package")
def model_file(model: recsys.Recommender, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recsys.save(model, tmp_path_factory.mktemp("served") / "sample.safetensors")


@pytest.fixture(scope="package")
def client(model: recsys.Recommender) -> Client:
    """Asks the service over the model, which has no store."""
    return Client(create_app(model))
