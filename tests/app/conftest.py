"""What tests of the use cases share."""

from __future__ import annotations

from pathlib import Path

import pytest

import recsys


@pytest.fixture(scope="session")
def model(sample: recsys.Ratings) -> recsys.Recommender:
    return recsys.train(recsys.ImplicitALS(8), sample)


@pytest.fixture(scope="session")
def model_path(model: recsys.Recommender, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recsys.save(model, tmp_path_factory.mktemp("model") / "sample.safetensors")
