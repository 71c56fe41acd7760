"""The blend of the best of each model, in a search."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import recsys
from recsys import Ratings
from recsys.errors import ArgumentError
from recsys.models.blend import Blend
from recsys.models.registry import spec_from_dict

MODELS = "pure-svd", "normalized-svd", "blend"
QUICK: Any = {"models": MODELS, "trials": 15, "feedback": "ones"}


@pytest.fixture(scope="module")
def found(sample: Ratings) -> recsys.Tuning:
    return recsys.tune(sample, **QUICK)


def test_the_last_trials_are_weights_of_a_blend_of_the_best_of_each_model(
    found: recsys.Tuning,
) -> None:
    models = [one.model for one in found.trials]
    assert set(models[:12]) == {"pure-svd", "normalized-svd"}
    assert models[12:] == ["blend"] * 3
    before = [one for one in found.ranked if one.model != "blend"]
    best = {one.model: one.spec for one in reversed(before)}
    for trial in found.trials[12:]:
        blend = spec_from_dict(trial.spec)
        assert isinstance(blend, Blend)
        assert blend.of[0].to_dict() == before[0].spec
        assert {one.name: one.to_dict() for one in blend.of} == best
    weights = [spec_from_dict(one.spec).weights for one in found.trials[12:]]  # type: ignore[attr-defined]
    assert weights == [(1.0, 0.3), (1.0, 1.0), (1.0, 0.1)]


def test_a_blend_is_worth_what_it_is_worth_when_it_is_fitted_whole(
    found: recsys.Tuning, sample: Ratings
) -> None:
    """Its members are fitted once for all weights; the value is that of a blend given by hand."""
    trial = found.trials[-1]
    blend = spec_from_dict(trial.spec)
    assert isinstance(blend, Blend)
    settings = {"of": list(blend.of), "weights": list(blend.weights or ())}
    alone = recsys.tune(
        sample, "blend", trials=1, feedback="ones", hyperparameters={"blend": settings}
    )
    assert alone.best.value == trial.value


def test_it_goes_on_and_blends_what_is_best_then(sample: Ratings, tmp_path: Path) -> None:
    first = recsys.tune(sample, **QUICK, out=tmp_path / "t")
    again = recsys.tune(sample, **QUICK, out=tmp_path / "t")
    assert [(t.number, t.params, t.value) for t in again.trials] == [
        (t.number, t.params, t.value) for t in first.trials
    ]
    longer = recsys.tune(sample, **{**QUICK, "trials": 30}, out=tmp_path / "t")
    assert len(longer.trials) == 30
    assert [t.number for t in longer.trials] == list(range(30))
    assert sum(t.model == "blend" for t in longer.trials) >= 6
    others = [t for t in longer.trials[:-1] if t.model != "blend"]
    best = max(others, key=lambda t: t.value)
    assert longer.trials[-1].spec["of"][0] == best.spec


def test_the_recipe_of_a_blend_trains_it(sample: Ratings, tmp_path: Path, root: Path) -> None:
    given = {"blend": {"of": ["pure-svd", "normalized-svd"], "weights": [0.7, 0.3]}}
    found = recsys.tune(
        sample, "blend", trials=1, feedback="ones", hyperparameters=given, out=tmp_path / "t"
    )
    recipe = tomllib.loads((tmp_path / "t/best.toml").read_text())
    assert recipe["model"] == "blend"
    assert [one["model"] for one in recipe["hyperparameters"]["of"]] == given["blend"]["of"]
    from recsys.app.recipe import blend_of

    spec = blend_of(recipe["hyperparameters"], recipe["seed"], None, None)
    assert spec == found.spec


def test_train_trains_the_blend(found: recsys.Tuning, sample: Ratings) -> None:
    blends = [one for one in found.ranked if one.model == "blend"]
    model = recsys.train(spec_from_dict(blends[0].spec), sample, feedback="ones")
    assert np.isfinite(model.recommend(5)["score"]).all()


@pytest.mark.parametrize(
    ("models", "message"),
    [
        (("blend",), "models names none"),
        (("ease", "blend"), "models names none"),
        (("implicit-als", "ease", "blend"), "models names only implicit-als"),
    ],
)
def test_a_blend_needs_two_factorizations(
    models: tuple[str, ...], message: str, sample: Ratings
) -> None:
    with pytest.raises(ArgumentError, match=message):
        recsys.tune(sample, models, trials=2)
