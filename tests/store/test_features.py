"""What features are worth comes back from a model file, and damage is found."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import genre_world
import numpy as np
import pytest

import recsys
from recsys.errors import ModelFileError
from recsys.store import container
from recsys.store.model_file import read_about


@pytest.mark.parametrize("spec", [recsys.ImplicitALS(4), recsys.EASE(10)], ids=lambda s: s.name)
def test_a_loaded_model_describes_new_items_to_the_bit(spec: Any, tmp_path: Path) -> None:
    model = recsys.train(spec, genre_world.world(), features=True)
    loaded = recsys.load(recsys.save(model, tmp_path / "model", history=False))
    assert set(loaded.features) == set(model.features)
    for side, worth in model.features.items():
        again = loaded.features[side]
        assert again.coding == worth.coding
        assert (again.regularization, again.n) == (worth.regularization, worth.n)
        assert np.array_equal(again.weights, worth.weights)
    assert loaded.user_table.equals(model.user_table)
    new = genre_world.items(range(500, 503))
    scores = [m.with_items(new).similar_items(500, n=5)["score"].tolist() for m in (model, loaded)]
    assert scores[0] == scores[1]
    assert loaded.from_features("items").sum() == genre_world.N_NEW


def test_a_model_without_features_has_no_key_of_them(tmp_path: Path) -> None:
    model = recsys.train(recsys.ImplicitALS(4), genre_world.world())
    path = recsys.save(model, tmp_path / "model")
    assert read_about(path)["features"] == {}
    assert recsys.load(path).features == {}


def _without_columns(about: dict[str, Any], arrays: dict[str, Any]) -> None:
    assert about["features"]["users"]["columns"]
    about["features"]["users"]["columns"] = []


def _without_array(about: dict[str, Any], arrays: dict[str, Any]) -> None:
    del arrays["features.items"]


def _other_ridge(about: dict[str, Any], arrays: dict[str, Any]) -> None:
    about["features"]["items"]["regularization"] = "much"


def _no_table(about: dict[str, Any], arrays: dict[str, Any]) -> None:
    about["features"]["items"] = ["genres"]


@pytest.mark.parametrize("damage", [_without_columns, _without_array, _other_ridge, _no_table])
def test_damage_is_found(
    damage: Callable[[dict[str, Any], dict[str, Any]], None], tmp_path: Path
) -> None:
    model = recsys.train(recsys.ImplicitALS(4), genre_world.world(), features=True)
    path = recsys.save(model, tmp_path / "model")
    arrays, about = container.read(path, verify=True)
    changed = json.loads(json.dumps(dict(about)))
    kept = {name: np.array(array) for name, array in arrays.items()}
    damage(changed, kept)
    container.write(path, kept, changed)
    with pytest.raises(ModelFileError, match="damaged model file"):
        recsys.load(path)
