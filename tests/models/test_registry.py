"""Models by name: built in, and added by other packages."""

import json
import subprocess
import sys
from dataclasses import fields
from importlib import metadata
from importlib.metadata import EntryPoint

import numpy as np
import pytest

import recsys
from recsys.errors import ModelError
from recsys.models import registry
from recsys.models.registry import BUILT_IN, SPECS, Registry, make_spec
from recsys.settings import settings_of


def test_text_becomes_the_type_of_the_hyperparameter() -> None:
    spec = make_spec(
        "implicit-als", {"n_factors": "128", "regularization": "1e-2", "alpha": "none"}
    )
    assert spec.values()["n_factors"] == 128
    assert spec.values()["regularization"] == 0.01
    assert spec.values()["alpha"] is None
    assert isinstance(spec.values()["n_factors"], int)
    assert make_spec("implicit-als", {"alpha": 40}).values()["alpha"] == 40.0


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        ("implict-als", {}, "did you mean 'implicit-als'"),
        ("implicit-als", {"factors": 3}, "did you mean 'n_factors'"),
        ("popularity", {"n_factors": 3}, "has none"),
        ("implicit-als", {"n_factors": "many"}, "n_factors must be a whole number, not 'many'"),
        ("implicit-als", {"n_factors": "0"}, "n_factors must be a whole number of at least 1"),
        ("bpr", {"learning_rate": "fast"}, "learning_rate must be a number"),
        ("ease", {"regularization": 0}, "regularization must be a number above 0"),
    ],
)
def test_bad_settings_are_named(model: str, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_spec(model, settings)


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_hyperparameter_is_declared_with_its_meaning(name: str) -> None:
    spec = SPECS[name]
    declared = settings_of(spec)
    assert [setting.name for setting in declared] == [one.name for one in fields(spec)]
    for setting in declared:
        assert setting.meaning.endswith("."), setting.name
        if setting.typical is not None:
            low, high = setting.typical
            assert setting.low <= low < high <= setting.high, setting.name


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_model_is_a_public_name(name: str) -> None:
    spec = SPECS[name]
    assert spec.name == name
    assert getattr(recsys, spec.__name__) is spec
    assert spec.__name__ in recsys.__all__


def test_numpy_scalars_and_whole_floats_become_plain_numbers() -> None:
    given = {"n_factors": np.int64(8), "regularization": np.float32(0.5), "seed": 3.0}
    spec = make_spec("implicit-als", given)
    assert json.loads(json.dumps(spec.to_dict()))["n_factors"] == 8
    assert (spec.values()["regularization"], spec.values()["seed"]) == (0.5, 3)
    assert isinstance(spec.values()["seed"], int)
    with pytest.raises(ValueError, match="regularization must be"):
        make_spec("implicit-als", {"regularization": 10**400})


def test_names_are_listed_without_loading_the_models() -> None:
    code = (
        "import sys; from recsys.models.registry import SPECS; assert 'bpr' in list(SPECS); "
        "print([m for m in ('numpy', 'scipy', 'pandas', 'recsys.kernels') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def installed(monkeypatch: pytest.MonkeyPatch, **points: str) -> Registry:
    """A registry with these entry points installed."""
    found = [EntryPoint(name, value, registry.GROUP) for name, value in points.items()]
    monkeypatch.setattr(metadata, "entry_points", lambda group: found)
    return Registry()


def test_a_built_in_name_cannot_be_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    specs = installed(monkeypatch, **{"implicit-als": "recsys.models.baselines:Popularity"})
    assert specs["implicit-als"] is recsys.ImplicitALS
    assert len(specs) == len(list(specs)) == len(BUILT_IN)


@pytest.mark.parametrize("value", ["recsys.models.baselines:Popularity", "recsys.ids:IdIndex"])
def test_an_entry_point_that_is_no_model_of_that_name_is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    specs = installed(monkeypatch, other=value)
    assert "other" in specs
    with pytest.raises(ModelError, match="'other' of the group recsys.models must name a Spec"):
        specs["other"]


def test_a_name_that_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        SPECS["nothing"]
