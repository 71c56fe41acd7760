"""scripts/onboarding.py: what its people answer, and what their lists are held against."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import recsys


@pytest.fixture(scope="module")
def script(root: Path) -> ModuleType:
    path = root / "scripts" / "onboarding.py"
    spec = importlib.util.spec_from_file_location("onboarding_script", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_only_answers_are_known_of_a_person(script: ModuleType, sample: recsys.Ratings) -> None:
    world = script.World.of(sample, "implicit-als", 20, seed=0)
    assert world.people.shape[0] == 20
    assert world.model.history is not None
    assert world.model.history.nnz + world.people.nnz == sample.matrix.nnz
    # Somebody who has seen nothing that was asked about gets the most popular items, whatever else
    # they have rated; so their NDCG is that of this list.
    seen = world.people.toarray() != 0
    unseen = np.array([np.flatnonzero(~own)[:10] for own in seen])
    popular = np.argsort(-world.model.popularity, kind="stable")[:10]
    found = world.values({script.BASE: unseen})[script.BASE]
    discounts = 1 / np.log2(np.arange(2, 12))
    ideal = np.cumsum(discounts)[np.minimum(seen.sum(axis=1), 10) - 1]
    assert found["answers"].tolist() == [0] * 20
    assert found["own"] == pytest.approx((seen[:, popular] @ discounts) / ideal)


def test_what_anybody_asked_about_counts_for_nobody(
    script: ModuleType, sample: recsys.Ratings
) -> None:
    world = script.World.of(sample, "implicit-als", 8, seed=1)
    n_items = world.people.shape[1]
    everything = np.tile(np.arange(n_items), (8, 1))
    found = world.values({script.BASE: everything[:, :10], "all": everything})
    assert np.isnan(found[script.BASE]["same"]).all()  # nothing is left to find
    assert not np.isnan(found[script.BASE]["own"]).all()


def test_differences_are_paired(script: ModuleType) -> None:
    base = {way: np.array([0.1, 0.9, 0.5]) for way in (*script.WAYS, "answers")}
    other = {way: values + 0.25 for way, values in base.items()}
    _, row = script.summary([{script.BASE: base, "other": other}] * 2)
    assert row["users"] == 6
    assert row["own difference"] == pytest.approx((0.25, 0.25, 0.25))
    line = script.table({"set, model": [row]}).splitlines()[-1]
    assert line.startswith("| set, model | other | 6 | 0.8 | 0.7500 (+0.2500, +0.2500 to +0.2500)")
