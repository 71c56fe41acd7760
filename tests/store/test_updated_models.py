"""The drift of a model, and the items that joined after its training, in its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import contract
import numpy as np
import pandas as pd
import pytest

import recsys
from recsys.errors import ModelFileError
from recsys.models.spec import Spec
from recsys.recommend.drift import Drift
from recsys.recommend.recommender import Recommender
from recsys.store import container

GOLDEN = Path(__file__).parent / "golden"


def updated(spec: Spec, ratings: recsys.Ratings) -> Recommender:
    rows = [("u00", "i99", 5.0), ("u01", "i99", 3.0), ("u77", "i99", 3.0), ("u77", "i01", 2.0)]
    new = pd.DataFrame(rows, columns=["user_id", "item_id", "rating"])
    return recsys.train(spec, ratings).update(recsys.Ratings.from_frame(new))


@pytest.mark.parametrize("spec", contract.EVERY, ids=lambda one: one.name)
def test_an_updated_model_comes_back_and_is_updated_again(
    spec: Spec, random_ratings: recsys.Ratings, tmp_path: Path
) -> None:
    model = updated(spec, random_ratings)
    loaded = recsys.load(recsys.save(model, tmp_path / "model"))
    assert loaded.drift == model.drift == Drift(random_ratings.n_ratings, 4, 0, 1, 1, 1)
    assert loaded.late_items.tolist() == model.late_items.tolist()
    assert loaded.recommend_many(n=4).equals(model.recommend_many(n=4))
    assert loaded.update(random_ratings).drift.updates == 2


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.model")), ids=lambda one: one.stem)
def test_files_of_earlier_versions_have_no_drift(file: Path) -> None:
    model = recsys.load(file)
    assert model.updated is None
    assert model.late_items.size == 0
    assert (model.drift.updates, model.drift.share) == (0, 0)
    assert model.drift.trained > 0


def test_without_its_history_a_model_still_knows_its_drift(
    random_ratings: recsys.Ratings, tmp_path: Path
) -> None:
    model = updated(recsys.ImplicitALS(4), random_ratings)
    loaded = recsys.load(recsys.save(model, tmp_path / "model", history=False))
    assert loaded.drift == model.drift


@pytest.mark.parametrize(
    ("arrays", "about", "message"),
    [
        ({"late_items": np.array([3, 2])}, {}, "late_items must increase within 0 .. 25"),
        ({"late_items": np.array([26])}, {}, "late_items must increase within 0 .. 25"),
        ({"late_items": np.array([1.0])}, {}, "late_items must be int64"),
        ({}, {"drift": {"trained": 5}}, "added must be a int"),
        ({}, {"drift": []}, "drift must be a dict"),
        (
            {},
            {"drift": dict.fromkeys(("trained", "added", "changed", "users", "items"), 0)
             | {"updates": -1}},
            "must not be negative",
        ),
    ],
)  # fmt: skip
def test_a_damaged_record_is_refused(
    arrays: dict[str, Any],
    about: dict[str, Any],
    message: str,
    random_ratings: recsys.Ratings,
    tmp_path: Path,
) -> None:
    path = recsys.save(updated(recsys.ImplicitALS(4), random_ratings), tmp_path / "model")
    good, header = container.read(path, verify=True)
    own = {k: v for k, v in header.items() if k not in ("checksums", "schema_version")}
    container.write(tmp_path / "bad", good | arrays, own | about)
    with pytest.raises(ModelFileError, match=message):
        recsys.load(tmp_path / "bad")
