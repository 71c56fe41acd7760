"""The command line and recipe files of 0.1.0: everything that existed then still does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from recsys.app.recipe import Recipe
from recsys.app.study import Study
from recsys.cli.main import app
from recsys.ratings.split_choice import SplitChoice
from recsys.settings import settings_of

SOURCE = {
    "ratings": None, "--column": "several", "--separator": None,
    "--encoding": "UTF-8, else ISO-8859-1", "--header": None, "--no-header": None,
    "--duplicates": "latest", "--items": None,
}  # fmt: skip

OPTIONS: dict[str, dict[str, str | None]] = {
    "fetch": {"name": None, "--to": "data", "--timeout": "30", "--json": None},
    "train": SOURCE | {
        "--model": "implicit-als", "--out": "model.safetensors", "-o": "model.safetensors",
        "--set": "several", "--feedback": "values", "--test": None, "--split": "random",
        "--seed": "0", "--config": None, "--estimate": None, "--json": None,
    },
    "evaluate": SOURCE | {
        "--models": "implicit-als", "--set": "several", "--split": "random", "--folds": "1",
        "--test": "0.1", "--users": "0.1", "--last": "1", "--held-out": None, "--seed": "0",
        "--seeds": None, "-k": "10", "--feedback": "values", "--per-user": "0",
        "--per-item": "0", "--sampled-negatives": "0", "--against": None, "--gate": None,
        "--margin": None, "--allow-drift": None,
        "--report": None, "--config": None, "--json": None,
    },
    "tune": SOURCE | {
        "--models": "implicit-als", "--metric": "ndcg@10", "--trials": "100", "--budget": None,
        "--set": "several", "--feedback": None, "--seed": "0", "--out": "tuning", "-o": "tuning",
        "--save": None, "--json": None,
    },
    "compare": {"first": None, "second": None, "--metric": "several", "--json": None},
    "recommend": {
        "model": None, "--user": None, "--rate": "several", "-n": "10", "--count": "10",
        "--liked": "0", "--include-seen": None, "--exclude": "several", "--json": None,
    },
    "similar": {
        "model": None, "--item": None, "--user": None, "-n": "10", "--count": "10",
        "--metric": "cosine", "--alpha": "0.5", "--json": None,
    },
    "map": {
        "model": None, "--out": "map.html", "-o": "map.html", "--variant": "cosine",
        "--components": "1,2", "--user": "several", "--json": None,
    },
    "inspect": {"model": None, "--health": None, "--figure": None, "--json": None},
    "doctor": SOURCE | {"--held-out": None, "--json": None},
}  # fmt: skip
"""Command → argument or option → its default as the help shows it, `several` where it may be
repeated, None where there is none."""

SOURCE_KEYS = {
    "ratings": str, "columns": dict, "items": str, "separator": str, "encoding": str,
    "header": bool, "duplicates": str,
}  # fmt: skip
RECIPE_KEYS: dict[type, dict[str, type]] = {
    Recipe: SOURCE_KEYS | {
        "model": str, "out": str, "feedback": str, "test": float, "split": str, "seed": int,
        "hyperparameters": dict,
    },
    Study: SOURCE_KEYS | {
        "models": dict, "split": dict, "splits": dict, "k": int, "feedback": str,
        "seeds": list, "per_user": int, "per_item": int, "sampled_negatives": int,
        "against": str, "gate": str, "margin": str, "allow_drift": bool, "report": str,
    },
    SplitChoice: {
        "how": str, "folds": int, "test": float, "users": float, "last": int, "held_out": str,
        "seed": int,
    },
}  # fmt: skip


def parameters(command: str) -> dict[str, Any]:
    group: Any = typer.main.get_command(app)
    found: dict[str, Any] = {}
    for one in group.get_command(None, command).params:
        found |= dict.fromkeys((*one.opts, *one.secondary_opts), one)
    return found


@pytest.mark.parametrize("command", OPTIONS)
def test_every_option_of_0_1_0_is_still_there(command: str) -> None:
    there = parameters(command)
    for name, default in OPTIONS[command].items():
        assert name in there
        repeats = getattr(there[name], "multiple", False)
        assert repeats == (default == "several"), name
        if default not in (None, "several"):
            assert re.search(rf"default: {re.escape(default)}\b", there[name].help), name


@pytest.mark.parametrize("kind", RECIPE_KEYS)
def test_every_recipe_key_of_0_1_0_is_still_there(kind: type) -> None:
    there = {setting.name: setting.kind for setting in settings_of(kind)}
    assert RECIPE_KEYS[kind].items() <= there.items()


@pytest.mark.parametrize("command", OPTIONS)
def test_the_reference_names_every_option(command: str, root: Path) -> None:
    page = (root / "docs" / "reference.md").read_text()
    section = page.split(f"### recsys {command}\n")[1].split("\n#")[0]
    for name in parameters(command):
        long = name.startswith("--") and name not in ("--count", "--help")
        assert not long or f"{name}" in section, name
