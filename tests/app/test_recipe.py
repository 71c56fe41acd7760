"""Recipes: TOML files and options become the same training."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recsys
from recsys.app.recipe import Recipe, read_recipe, seeded
from recsys.app.study import Study
from recsys.errors import ArgumentError
from recsys.settings import Settings, settings_of

TEXTS = st.text(st.characters(min_codepoint=32, codec="utf-8", exclude_characters="\x7f"))


def toml_of(entries: dict[str, Any]) -> str:
    # A JSON string, number or list is TOML.
    def lines(table: dict[str, Any]) -> list[str]:
        return [
            f"{name} = {json.dumps(value, ensure_ascii=False)}"
            for name, value in table.items()
            if not isinstance(value, dict)
        ]

    tables = [[f"[{name}]", *lines(v)] for name, v in entries.items() if isinstance(v, dict)]
    return "\n".join([*lines(entries), *(line for table in tables for line in table)])


@st.composite
def entries_of(draw: st.DrawFn, request: type[Settings]) -> dict[str, Any]:
    """Some keys of a recipe with values that are allowed."""
    found: dict[str, Any] = {}
    for setting in settings_of(request):
        values = {
            str: st.sampled_from(setting.allowed) if setting.allowed else TEXTS,
            int: st.integers(max(1, int(max(setting.low, 0))), 1000),
            float: st.floats(0.1 if setting.above else 0, 0.9),
            bool: st.booleans(),
            list: st.lists(st.integers(0, 9)),
            dict: st.dictionaries(st.sampled_from(("user", "item")), TEXTS),
        }
        if draw(st.booleans()):
            found[setting.name] = draw(values[setting.kind])
    if "table" in found:
        found.pop("query", None)  # one or the other
    if found.pop("engine", "local") == "spark":
        found["engine"] = "spark"
        for name in ("checkpoint", "every", "processes"):  # those of the other engine
            found.pop(name, None)
    else:
        found.pop("master", None)
    return found


@pytest.mark.parametrize("request_class", [Recipe, Study])
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_written_recipe_is_read_back(
    request_class: type[Settings], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    entries = data.draw(entries_of(request_class))
    file = tmp_path_factory.getbasetemp() / "recipe.toml"
    file.write_text(toml_of(entries), "utf-8")
    assert read_recipe(file, request_class) == entries
    made = request_class(**{"ratings": "x"} | entries)
    assert {name: made.values()[name] for name in entries} == entries


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ratings = 3", "ratings must be text, not 3"),
        ("test = true", "test must be a number, not True"),
        ("seed = -1", "seed must be a whole number of at least 0"),
        ("hyperparameters = 3", "hyperparameters must be a table"),
        ("model = 'implicit-asl'", "did you mean 'implicit-als'"),
        ("modle = 'x'", "no setting 'modle' (did you mean 'model'?)"),
        ("x = 1", "no setting 'x'; there are ratings, "),
        ("model = ", "not TOML"),
    ],
)
def test_mistakes_in_a_recipe_are_named(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    file.write_text(text)
    with pytest.raises(ArgumentError) as error:
        read_recipe(file, Recipe)
    assert str(error.value).startswith(f"config {file}: ")
    assert said in str(error.value)


def test_one_seed_serves_a_run_unless_a_model_has_its_own() -> None:
    assert Recipe("x", seed=5).spec() == recsys.auto(seed=5)
    assert Recipe("x", budget=2, time_limit=9).spec() == recsys.auto(budget=2, time_limit=9)
    assert Recipe("x", model="implicit-als", seed=5).spec() == recsys.ImplicitALS(seed=5)
    assert Recipe("x", seed=5, hyperparameters={"seed": "7"}).spec() == recsys.ImplicitALS(seed=7)
    assert Recipe("x", model="pure-svd", seed=5).spec() == recsys.PureSVD()
    assert seeded(recsys.BPR, {"n_epochs": 3}, 4) == {"seed": 4, "n_epochs": 3}


def test_a_share_of_all_ratings_is_refused() -> None:
    with pytest.raises(ArgumentError, match="split by-time needs test"):
        Recipe("x", split="by-time").part()
    with pytest.raises(ArgumentError, match="test must be at least 0 and below 1, not 1"):
        Recipe("x", test=1)


def test_the_model_file_replaces_only_a_model_file(model_path: Path, tmp_path: Path) -> None:
    assert Recipe("x", out=str(model_path)).out_file() == model_path
    assert Recipe("x", out=str(tmp_path / "new" / "m")).out_file() == tmp_path / "new" / "m"
    note = tmp_path / "note.txt"
    note.write_text("mine")
    with pytest.raises(ArgumentError, match="is not a model file; choose another name"):
        Recipe("x", out=str(note)).out_file()
    note.write_text("")
    assert Recipe("x", out=str(note)).out_file() == note


@pytest.mark.skipif(os.name != "posix", reason="needs devices and pipes")
def test_a_device_or_pipe_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in ("/dev/null", str(tmp_path / "pipe")):
        with pytest.raises(ArgumentError, match="must be a regular file"):
            Recipe("x", out=path).out_file()
