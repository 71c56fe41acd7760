"""A small model behind the service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from http_client import Client
from live_server import served
from service_page import opened

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


@pytest.fixture(scope="package")
def address(model: recsys.Recommender) -> Iterator[str]:
    with served(create_app(model, name="sample")) as found:
        yield found


@pytest.fixture
def page(chromium: Any, address: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    page = opened(chromium, address, *getattr(request, "param", ()))
    yield page
    page.close()
    assert not page.problems
