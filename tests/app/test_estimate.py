"""The memory that a training needs, against measured peaks."""

from __future__ import annotations

import itertools
import json
import os
import tracemalloc
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from memory import peak_of

import recsys
from recsys.app.estimate import estimate, memory_of, state_memory
from recsys.app.recipe import Recipe
from recsys.diagnosis.explained import collapse
from recsys.models.registry import SPECS, make_spec

MODELS = (
    "implicit-als", "explicit-als", "bayesian-mf", "pure-svd", "normalized-svd", "bpr",
    "logistic-mf",
    "popularity", "biases",
)  # fmt: skip


@pytest.fixture(scope="module")
def ratings() -> recsys.Ratings:
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


@pytest.fixture(scope="module")
def few(ratings: recsys.Ratings) -> recsys.Ratings:
    """For a first fit: what it keeps, such as modules and caches, is not part of the next one."""
    return ratings.select(np.arange(ratings.n_ratings) < 5000)


@pytest.mark.parametrize(
    ("model", "width"), [*itertools.product(MODELS, [16, 70]), ("implicit-als", 200)]
)
def test_a_fit_allocates_no_more_than_was_estimated(
    ratings: recsys.Ratings, few: recsys.Ratings, model: str, width: int
) -> None:
    hyperparameters = {"n_factors": width, "n_epochs": 1, "n_burn_in": 1, "n_samples": 2}
    known = {f.name for f in fields(make_spec(model, {}))}
    spec = make_spec(model, {k: v for k, v in hyperparameters.items() if k in known})
    spec.fit(few)
    tracemalloc.start()
    spec.fit(ratings)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    estimated = spec.training_memory(ratings.n_users, ratings.n_items, ratings.n_ratings)
    assert 0.45 * estimated < peak < estimated


@pytest.mark.parametrize("model", [name for name in SPECS if name != "blend"])
def test_every_model_is_estimated(model: str, root: Path) -> None:
    found = estimate(Recipe(str(root / "data/sample"), model=model))
    assert found.total > found.program > 0


@pytest.mark.parametrize("model", ["implicit-als", "explicit-als", "bayesian-mf"])
def test_a_checkpoint_takes_a_copy_of_both_tables(
    ratings: recsys.Ratings, few: recsys.Ratings, model: str, root: Path
) -> None:
    short = {"n_burn_in": 1, "n_samples": 2} if model == "bayesian-mf" else {"n_epochs": 3}
    given = {"n_factors": 30} | short
    spec = make_spec(model, given)
    sizes = ratings.n_users, ratings.n_items
    peaks = []
    for on_state in (None, lambda state: None):
        spec.fit(few, on_state=on_state)
        tracemalloc.start()
        spec.fit(ratings, on_state=on_state)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    copy = state_memory(spec, *sizes)
    assert peaks[1] < spec.training_memory(*sizes, ratings.n_ratings) + copy
    if model != "bayesian-mf":  # its threads meet at other moments in each fit
        assert peaks[1] - peaks[0] < 1.1 * copy
    recipe = Recipe(str(root / "data/sample"), model=model, hyperparameters=given)
    kept = replace(recipe, checkpoint="ck")
    assert estimate(kept).training - estimate(recipe).training == 4 * 31 * (300 + 200)


def test_the_ratings_are_counted_array_by_array(ratings: recsys.Ratings) -> None:
    entries = ratings.n_ratings
    assert memory_of(ratings) == 8 * entries + ratings.matrix.indptr.nbytes


def test_the_parts_add_up(root: Path) -> None:
    memory = estimate(Recipe(str(root / "data/sample"))).to_dict()["memory"]
    assert memory["total"] == memory["program"] + memory["ratings"] + memory["training"]
    assert memory["peak"] == max(memory["total"], memory["reading"])


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="wait4 is of POSIX")
@pytest.mark.parametrize(
    ("model", "changed"),
    [
        ("implicit-als", ["--set", "n_epochs=2"]),
        ("explicit-als", ["--set", "n_epochs=2"]),
        ("normalized-svd", []),
        ("ease", []),
    ],
)
def test_the_peak_of_a_command_is_foreseen(
    model: str, changed: list[str], ratings: recsys.Ratings, tmp_path: Path
) -> None:
    """From 15 % below to 25 % above, of the whole process, as the system counts it.

    Of the workspace of LAPACK, the system counts what was touched, and that differs by machine.
    """
    file = tmp_path / "ratings.parquet"
    ratings.to_frame().to_parquet(file)
    command: list[str | Path] = ["-P", "-m", "recsys", "train", file, "--model", model, *changed]
    command += ["--json", "-o", tmp_path / "m.safetensors"]
    _, told = peak_of([*command, "--estimate"])
    peak, _ = peak_of(command)
    assert 0.85 * peak < json.loads(told)["memory"]["peak"] < 1.25 * peak


def test_what_a_model_explains_takes_little_memory(ratings: recsys.Ratings) -> None:
    """A small part of a table of 64 factors for each rating."""
    model = recsys.train(recsys.ImplicitALS(64, n_epochs=1), ratings)
    collapse(model)
    tracemalloc.start()
    collapse(model)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 4 * ratings.n_ratings / 5


def test_whether_it_fits(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.setattr("recsys.app.estimate.free_memory", lambda: 1_000)
    found = estimate(Recipe(str(root / "data/sample")))
    assert found.fits is False
    monkeypatch.setattr("recsys.app.estimate.free_memory", lambda: None)
    assert estimate(Recipe(str(root / "data/sample"))).fits is None
