"""Studies: models, splits and reports by name."""

from __future__ import annotations

from pathlib import Path

import pytest

import recsys
from recsys.app.study import ModelChoice, Study
from recsys.errors import ArgumentError
from recsys.evaluation.protocol.grid import Grid


def study(**settings: object) -> Study:
    return Study("ratings.csv", **settings)  # type: ignore[arg-type]


def test_models_are_called_by_their_table() -> None:
    tables = {
        "wide": {"model": "pure-svd", "n_factors": 99},
        "ease": {},
        "tuned": {"model": "pure-svd", "grid": {"n_factors": [2, 4]}},
    }
    found = study(models=tables).named_models()
    assert found["wide"] == recsys.PureSVD(99)
    assert found["ease"] == recsys.EASE()
    assert isinstance(found["tuned"], Grid)
    assert [one.n_factors for one in found["tuned"].candidates] == [2, 4]  # type: ignore[attr-defined]


def test_the_seed_of_the_split_is_that_of_the_models() -> None:
    tables = {"implicit-als": {}, "own": {"model": "implicit-als", "seed": 3}}
    found = study(models=tables, split={"seed": 8}).named_models()
    assert found == {"implicit-als": recsys.ImplicitALS(seed=8), "own": recsys.ImplicitALS(seed=3)}
    grid = {"tuned": {"model": "implicit-als", "grid": {"n_factors": [2]}}}
    tuned = study(models=grid, split={"seed": 8}).named_models()["tuned"]
    assert isinstance(tuned, Grid)
    assert (tuned.seed, tuned.candidates[0].seed) == (8, 8)  # type: ignore[attr-defined]


def test_splits_have_names() -> None:
    assert list(study().named_splits()) == ["random"]
    assert study(split={"how": "leave-last", "last": 2}).named_splits()["leave-last"].last == 2
    both = study(splits={"a": {"folds": 3}, "b": {"how": "by-time"}}).named_splits()
    assert (both["a"].folds, both["b"].how) == (3, "by-time")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"split": {"seed": 1}, "splits": {"a": {}}}, "cannot be used together"),
        ({"split": {"fold": 3}}, "no setting 'fold'"),
        ({"splits": {"a": 3}}, "a must be a table"),
        ({"splits": {"a": {}, "b": {}}, "gate": "rmse"}, "gate needs one split"),
    ],
)
def test_bad_splits_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        study(**settings).named_splits()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "models must name at least one of"),
        ({"models": {"ease": 3}}, "ease must be a table, not 3"),
        ({"models": {"easy": {}}}, "did you mean 'ease'"),
        ({"models": {"ease": {}}, "gate": "rmse"}, "gate needs one model"),
        ({"models": {"ease": {}}, "against": "m", "gate": "ndcg"}, "gate must be a metric"),
        ({"models": {"ease": {}}, "against": "m", "gate": "ndcg@5"}, "such as ndcg@10"),
        ({"models": {"current": {"model": "ease"}}, "against": "m"}, "must not be called"),
        ({"models": {"ease": {"grid": {"regularization": 3}}}}, "must be a list of values"),
    ],
)
def test_bad_models_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        study(**settings).named_models()


def test_seeds_are_whole_numbers() -> None:
    assert study(seeds=["0", "1", 2]).seeds == [0, 1, 2]
    for bad in ("a", 0.5, None):
        with pytest.raises(ArgumentError, match="seeds must be whole numbers"):
            study(seeds=[0, bad])


def test_each_split_has_its_report(tmp_path: Path) -> None:
    assert study().report_files(["a"]) == {}
    report = str(tmp_path / "new" / "r.html")
    assert study(report=report).report_files(["a"]) == {"a": tmp_path / "new" / "r.html"}
    both = study(report=report).report_files(["a", "b"])
    assert [file.name for file in both.values()] == ["r-a.html", "r-b.html"]
    with pytest.raises(ArgumentError, match="report must end in"):
        study(report="r.doc").report_files(["a"])


def test_models_named_on_the_command_line_replace_those_of_a_recipe() -> None:
    recipe = {"als": {"model": "implicit-als", "n_epochs": 3}}
    assert ModelChoice().tables({}) == {"auto": {}}
    given = {"implicit-als.n_factors": "8"}
    assert ModelChoice(hyperparameters=given).tables({}) == {"implicit-als": {"n_factors": "8"}}
    assert ModelChoice(models=["ease"]).tables(recipe) == {"ease": {}}
    settings = {"als.n_epochs": "4", "als.n_factors": "8"}
    found = ModelChoice(hyperparameters=settings).tables(recipe)
    assert found == {"als": {"model": "implicit-als", "n_epochs": "4", "n_factors": "8"}}
    assert recipe["als"]["n_epochs"] == 3
    for bad in ("n_epochs", "ease.regularization"):
        with pytest.raises(ArgumentError, match="MODEL.NAME=VALUE with a model of als"):
            ModelChoice(hyperparameters={bad: "1"}).tables(recipe)
    with pytest.raises(ArgumentError, match="models must be one of .* not 'easy'"):
        ModelChoice(models=["ease", "easy"])
