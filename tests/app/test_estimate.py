import mmap
import sys
import tracemalloc
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

import recsys
from recsys.app.estimate import estimate, free_memory, memory_of, process_memory
from recsys.app.recipe import Recipe
from recsys.models.registry import make_spec

MODELS = (
    "implicit-als", "explicit-als", "pure-svd", "normalized-svd", "bpr", "logistic-mf",
    "popularity", "biases",
)  # fmt: skip


@pytest.fixture(scope="module")
def ratings():
    rng = np.random.default_rng(0)
    n = 700_000
    frame = pd.DataFrame(
        {
            "user_id": rng.integers(0, 20_000, n),
            "item_id": (rng.random(n) ** 2 * 3_000).astype(int),
            "rating": rng.integers(1, 6, n),
        }
    )
    return recsys.Ratings.from_frame(frame, duplicates="mean")


@pytest.mark.parametrize("width", [16, 70])
@pytest.mark.parametrize("model", MODELS)
def test_what_a_fit_allocates_is_told_beforehand(ratings, model, width):
    hyperparameters = {"n_factors": width, "n_epochs": 1}
    known = {f.name for f in fields(make_spec(model, {}))}
    spec = make_spec(model, {k: v for k, v in hyperparameters.items() if k in known})
    spec.fit(ratings)  # what is kept from the first call on is not of the fit
    tracemalloc.start()
    spec.fit(ratings)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    told = spec.training_memory(ratings.n_users, ratings.n_items, ratings.n_ratings)
    assert 0.45 * told < peak < told


def test_the_ratings_are_counted_array_by_array(ratings):
    entries = ratings.n_ratings
    assert memory_of(ratings) == 8 * entries + ratings.matrix.indptr.nbytes


def test_what_does_not_fit_is_said(monkeypatch, root):
    monkeypatch.setattr("recsys.app.estimate.free_memory", lambda: 1_000)
    found = estimate(Recipe(str(root / "data/sample")))
    assert found.fits is False
    monkeypatch.setattr("recsys.app.estimate.free_memory", lambda: None)
    assert estimate(Recipe(str(root / "data/sample"))).fits is None


def test_memory_is_measured_in_bytes():
    held, peak = process_memory()
    with mmap.mmap(-1, 100_000_000) as block:
        for start in range(0, len(block), 4096):
            block[start] = 1
        more, top = process_memory()
    assert held <= peak
    assert more > held + 90_000_000 or sys.platform == "darwin"  # which only tells the peak
    assert top >= more
    free = free_memory()
    assert free is None or 1e7 < free < 1e15
